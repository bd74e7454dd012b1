"""Whom the plugin speaks to, and what it says when there is nobody."""

import os
import shutil
import socket
import subprocess
import sys

import pytest

TEST = """
def test_it(portlease_port):
    assert portlease_port
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")


def run(pytester, *args):
    pytester.makepyfile(TEST)
    return pytester.runpytest_subprocess(*args)


def test_nobody_answers(pytester, home):
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            f"portlease: no portlease daemon answers on {home.directory}/run/portlease.sock, "
            "and there is no portlease on PATH to start one",
            "hint: cargo install portlease",
        ]
    )
    assert "Traceback" not in result.stdout.str()


def test_none_may_be_started(pytester, home, on_path, monkeypatch):
    monkeypatch.setenv("PORTLEASE_NO_AUTOSTART", "1")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["portlease: no portlease daemon answers on *sock", "hint: portlease daemon"])
    assert not (home.directory / "run").exists()


def test_what_a_dead_daemon_left_is_no_daemon(pytester, home):
    (home.directory / "run").mkdir(0o700)
    socket.socket(socket.AF_UNIX).bind(str(home.directory / "run" / "portlease.sock"))
    run(pytester).stdout.fnmatch_lines(["portlease: no portlease daemon answers on *"])


def test_one_is_started_by_the_command_line_however_many_want_it(pytester, home, on_path):
    pytester.makepyfile(
        """
        import pytest
        @pytest.mark.parametrize("n", range(8))
        def test_it(n, portlease_session_port):
            open(f"port{n}", "w").write(str(portlease_session_port))
        """
    )
    pytester.runpytest_subprocess("-n", "4").assert_outcomes(passed=8)
    assert home.leases() == []
    home.stop_started()


def test_one_that_cannot_be_started_says_why(pytester, home, on_path):
    (home.directory / "config.toml").write_text("pool = 7\n")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["portlease: no portlease daemon answers on *", "*config.toml*", "hint: portlease doctor"])


def test_places(pytester, home, on_path, monkeypatch, tmp_path):
    """The daemon is the judge of where it is: it is started by the command line each time, and found."""
    config = (home.directory / "config.toml").read_text()
    monkeypatch.delenv("PORTLEASE_HOME")
    for variable in ["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"]:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    runtime = tmp_path / "runtime"
    runtime.mkdir(0o700)
    (tmp_path / "user" / ".config" / "portlease").mkdir(0o700, parents=True)
    (tmp_path / "user" / ".config" / "portlease" / "config.toml").write_text(config)
    if sys.platform == "linux":
        cases = [
            ({}, "user/.local/state/portlease/run"),
            ({"XDG_STATE_HOME": f"{tmp_path}/state"}, "state/portlease/run"),
            ({"XDG_STATE_HOME": "state"}, "user/.local/state/portlease/run"),
            ({"XDG_RUNTIME_DIR": str(runtime)}, "runtime/portlease"),
            ({"PORTLEASE_HOME": "there"}, None),
        ]
    else:
        cases = [({}, "user/Library/Application Support/portlease/run")]
    for variables, directory in cases:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            run(pytester).assert_outcomes(passed=1)
            run_directory = tmp_path / directory if directory else pytester.path / "there" / "run"
            assert (run_directory / "portlease.sock").is_socket(), variables
            home.stop_started()


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o702])
def test_a_directory_that_is_open_to_others(pytester, daemon, mode):
    (daemon.directory / "run").chmod(mode)
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["portlease: */run is not this user's alone: nothing was sent to it"])
    (daemon.directory / "run").chmod(0o700)


@needs_root
def test_a_socket_that_another_user_serves(pytester, home, tmp_path):
    (home.directory / "run").mkdir(0o700)
    hers = tmp_path.parent / f"{tmp_path.name}-hers"
    hers.mkdir(0o777)
    hers.chmod(0o777)
    script = (
        "import os, socket, sys; os.setgid(65534); os.setuid(65534); s = socket.socket(socket.AF_UNIX); "
        f"s.bind('hers'); s.listen(); print('ready', flush=True); "
        "print(len(s.accept()[0].recv(100)), flush=True)"
    )
    eve = subprocess.Popen([sys.executable, "-c", script], cwd=hers, stdout=subprocess.PIPE, text=True)
    assert eve.stdout.readline() == "ready\n"
    (hers / "hers").rename(home.directory / "run" / "portlease.sock")
    result = run(pytester)
    result.stdout.fnmatch_lines(["portlease: *portlease.sock belongs to user 65534: nothing was sent to it"])
    assert eve.stdout.readline() == "0\n", "she heard something"
    eve.wait(20)
    eve.stdout.close()


@needs_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_a_container_that_counts_processes_otherwise(pytester, daemon):
    path = pytester.makepyfile(TEST)
    command = ["unshare", "--pid", "--fork", sys.executable, "-m", "pytest", str(path)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert "counts processes otherwise" in ran.stdout, ran
    assert daemon.leases() == []


def test_what_others_wrote_reaches_no_terminal():
    from pytest_portlease import PortleaseError

    assert str(PortleaseError("a\x1b[2J\u202eb", "c\x9b")) == "a\\x1b[2J\\u202eb\nhint: c\\x9b"
