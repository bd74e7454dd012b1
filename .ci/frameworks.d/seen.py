"""A daemon of its own, apps that it runs, and what can be seen of them from
outside."""

import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
import uuid

import installed

PATIENCE = 90
# So long `run` may take to say what it has seen; nothing tells that it will not.
QUIET = 3


class Failed(Exception):
    pass


def until(what, ask, patience=PATIENCE):
    """What `ask` says, as soon as that is anything."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if answer := ask():
            return answer
        time.sleep(0.1)
    raise Failed(f"not within {patience} s: {what}")


class Daemon:
    def __enter__(self):
        target = os.environ.get("CARGO_TARGET_DIR", "target")
        self.program = os.path.abspath(os.environ.get("PORTLEASE", f"{target}/debug/portlease"))
        self.home = tempfile.mkdtemp(prefix="portlease-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with open(f"{self.home}/config.toml", "w") as file:
            file.write(f"[api]\nport = {port}\n")
        bin = f"{self.home}/bin"
        os.mkdir(bin)
        os.symlink(self.program, f"{bin}/portlease")
        self.environment = {**installed.environment(), "PORTLEASE_HOME": self.home, "PORTLEASE_NO_AUTOSTART": "1"}
        self.environment["PATH"] = f"{bin}:{self.environment['PATH']}"
        with open(f"{self.home}/log", "w") as log:
            self.process = subprocess.Popen([self.program, "daemon", "--json"], env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True)
        while (line := self.process.stdout.readline()) != "}\n":
            if not line:
                raise Failed("the daemon did not begin: " + open(f"{self.home}/log").read())
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.home)

    def ask(self, *words):
        ran = subprocess.run([self.program, *words, "--json"], env=self.environment, capture_output=True, text=True, timeout=20)
        return json.loads(ran.stdout)

    def lease(self, project):
        return next((lease for lease in self.ask("list")["leases"] if lease["project"] == project), None)

    def addresses(self, port):
        sockets = self.ask("who", str(port))["sockets"]
        return sorted({one["address"] for one in sockets if one["state"] == "listening"})


class App:
    """`portlease run` in a directory, with these words after it."""

    def __init__(self, daemon, directory, command):
        self.mark = uuid.uuid4().hex
        self.lines = []
        self.notes = queue.Queue()
        environment = {**daemon.environment, "FRAMEWORKS_MARK": self.mark}
        self.process = subprocess.Popen(command, cwd=directory, env=environment, text=True, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith("portlease: "):
                self.notes.put(line.removeprefix("portlease: ").strip())

    def settled(self, daemon, project):
        """The lease, once the app listens."""
        def ask():
            if self.process.poll() is not None:
                self.reader.join(20)
                raise Failed(f"it ended with {self.process.returncode}: " + "".join(self.lines))
            lease = daemon.lease(project)
            ours = lease and lease.get("run_pid") in self.left()
            return lease if ours and (lease["state"] == "bound" or lease.get("real_port")) else None

        until("listens", ask)
        said = []
        try:
            while True:
                said.append(self.notes.get(timeout=QUIET))
        except queue.Empty:
            # It may have been on another port first.
            return daemon.lease(project), said

    def end(self):
        """Ends it as a service manager does: nothing of it is left."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
            until("all of it ends", lambda: not self.left(), 10)
        finally:
            for pid in self.left():
                os.kill(pid, signal.SIGKILL)
            self.reader.join(20)

    def left(self):
        """The processes that have its environment."""
        mark = f"FRAMEWORKS_MARK={self.mark}".encode()
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if mark in file.read().split(b"\0"):
                        found.append(int(pid))
            except OSError:
                pass
        return found

    def variables(self, port):
        """Those of the app that have the port."""
        with open(f"/proc/{self.leader()}/environ", "rb") as file:
            pairs = [entry.decode(errors="replace").partition("=") for entry in file.read().split(b"\0")]
        return sorted(name for name, _, value in pairs if value == str(port))

    def leader(self):
        return min(pid for pid in self.left() if pid != self.process.pid)


def page(port, host="localhost"):
    """What the app answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask():
        try:
            with opener.open(f"http://{host}:{port}/", timeout=60) as answer:
                return answer.read().decode()
        except (OSError, ValueError):
            return None

    return until(f"answers on port {port}", ask)
