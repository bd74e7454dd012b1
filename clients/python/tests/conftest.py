"""The real daemon, in a directory of its own. PORTLEASE names the program to test with."""

import json
import os
import select
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PORTLEASE = os.environ.get("PORTLEASE") or shutil.which("portlease")


class Home:
    """A PORTLEASE_HOME, and the daemon that has it."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.process = None
        directory.mkdir(0o700)

    def start(self) -> None:
        """Starts a daemon; it answers when this returns."""
        command = [PORTLEASE, "daemon", "--json"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if line.rstrip() == "}":
                return
        raise AssertionError("no daemon started")

    def end(self, how: int = signal.SIGTERM) -> None:
        """Ends it, and waits for that."""
        if self.process:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process.stdout.close()
            self.process = None

    def stop_started(self) -> None:
        """Ends the daemon that a command started here."""
        status = subprocess.run([PORTLEASE, "status", "--json"], capture_output=True, check=True)
        pid = json.loads(status.stdout)["endpoint"]["pid"]
        started = os.pidfd_open(pid)
        os.kill(pid, signal.SIGTERM)
        assert select.select([started], [], [], 20)[0], "it does not end"
        os.close(started)

    def leases(self) -> list:
        """All leases that there are, without starting a daemon."""
        environment = {**os.environ, "PORTLEASE_NO_AUTOSTART": "1"}
        ran = subprocess.run([PORTLEASE, "list", "--all", "--json"], capture_output=True, env=environment, check=True)
        return json.loads(ran.stdout)["leases"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Where no daemon runs yet, and nothing on PATH starts one."""
    home = Home(tmp_path / "home")
    with_port = f'[api]\nport = {os.environ["PORTLEASE_TEST_API_PORT"]}\n'
    (home.directory / "config.toml").write_text(with_port)
    monkeypatch.setenv("PORTLEASE_HOME", str(home.directory))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("PORTLEASE_NO_AUTOSTART", raising=False)
    yield home
    home.end()


@pytest.fixture
def daemon(home):
    """The daemon that answers."""
    home.start()
    return home


@pytest.fixture
def on_path(tmp_path, monkeypatch):
    """With the command line at hand, which may start a daemon."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "portlease").symlink_to(PORTLEASE)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
