"""Shells that are typed into, and what they started."""

import os
import select
import signal
import subprocess
import time

PATIENCE = 45


class Late(Exception):
    """Something took longer than anybody waits."""


class Shell:
    """One that goes on from command to command, as on a terminal."""

    def __init__(self, program, directory, environment, scratch):
        self.program, self.directory = program, directory
        self.environment, self.scratch = environment, scratch
        self.process = None
        self.status, self.count = 0, 0

    def _begin(self):
        read, write = os.pipe()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(
            [self.program], stdin=subprocess.PIPE, **quiet, cwd=self.directory, env=self.environment,
            preexec_fn=lambda: os.dup2(write, 9), close_fds=False, start_new_session=True)
        os.close(write)
        os.set_inheritable(read, False)
        self.told, self.ended = read, os.pidfd_open(self.process.pid)

    def type(self, command):
        """(exit status, what came out); the shell may be gone then, and the next one begins where it was."""
        if self.program == "fish":
            return self._at_once(command)
        if self.process is None:
            self._begin()
        self.count += 1
        script, output = (os.path.join(self.scratch, f"{what}-{self.count}") for what in ("typed", "said"))
        with open(script, "w") as file:
            file.write(f"(exit {self.status})\n{command}\n")
        self.process.stdin.write(f'. {script} >{output} 2>&1 </dev/null 9>&-\necho "$? $PWD" >&9\n'.encode())
        self.process.stdin.flush()
        ready, _, _ = select.select([self.told, self.ended], [], [], PATIENCE)
        if not ready:
            self.close()
            raise Late(f"{command!r} takes longer than {PATIENCE} s: {said(output)}")
        if self.told in ready and (line := os.read(self.told, 4096).decode().strip()):
            status, self.directory = line.split(" ", 1)
            self.status = int(status)
        else:
            self.status = self.process.wait()
            self.close()
        return self.status, said(output)

    def _at_once(self, command):
        """By one that ends then: fish cannot be typed into by a pipe."""
        ran = subprocess.run([self.program, "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, cwd=self.directory, env=self.environment, timeout=PATIENCE)
        return ran.returncode, ran.stdout.decode(errors="replace")

    def close(self):
        if self.process is not None:
            # It may be at something that never ends.
            self.process.kill()
            self.process.stdin.close()
            self.process.wait()
            os.close(self.told)
            os.close(self.ended)
            self.process = None


class Terminal:
    """One whose command stays in the foreground."""

    def __init__(self, program, command, directory, environment, scratch, name):
        self.output = os.path.join(scratch, f"terminal-{name}")
        self.command = command
        with open(self.output, "wb") as file:
            self.process = subprocess.Popen(
                [program, "-c", command], stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                cwd=directory, env=environment, start_new_session=True)

    def wait(self, good):
        """Until `good` of what came out, or until it has ended; whether it is good."""
        until = time.monotonic() + PATIENCE
        ended = os.pidfd_open(self.process.pid)
        try:
            while time.monotonic() < until:
                if good(said(self.output)):
                    return True
                if select.select([ended], [], [], 0.05)[0]:
                    return good(said(self.output))
        finally:
            os.close(ended)
        return False

    def interrupt(self):
        """Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(PATIENCE)


def said(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def belonging(mark):
    """Pids of the processes that have `mark` in their environment, and their command lines."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                ours = mark.encode() in file.read().split(b"\0")
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if ours and (line := file.read()):
                    found[int(pid)] = line.replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
    found.pop(os.getpid(), None)
    return found


def end_all(mark):
    """Ends them, and waits until they are gone."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        waiting = {}
        for pid in belonging(mark):
            try:
                waiting[os.pidfd_open(pid)] = pid
                os.kill(pid, sign)
            except ProcessLookupError:
                continue
        until = time.monotonic() + 5
        while waiting and (left := until - time.monotonic()) > 0:
            for gone in select.select(list(waiting), [], [], left)[0]:
                os.close(gone)
                del waiting[gone]
