"""One page of the guide, done as its readers do it."""

import os
import re
import shutil
import tempfile

from expected import Names
from page import Wrong, asks_daemon, blocks
from shell import Shell, Terminal, belonging, end_all

# Where a page goes to is done without a daemon, too; nothing else is, but what must fail.
GOING = re.compile(r"(cd|mkdir|git|export|unset) ")


class Play:
    """A page with a home of its own, with a daemon to be had or without one."""

    def __init__(self, path, text, tools, daemon):
        self.path, self.text, self.daemon = path, text, daemon
        self.blocks = blocks(path, text)
        self.scratch = os.path.realpath(tempfile.mkdtemp(prefix="guide-"))
        # Below what npm installed, where Node looks; sockets want the short one.
        self.home = os.path.join(tempfile.mkdtemp(prefix="home-", dir=os.environ["GUIDE_TOOLS"]), "ada")
        self.begin = os.path.join(self.home, "src", "shop")
        self.mark = f"PORTLEASE_HOME={self.scratch}/portlease"
        self.environment = self._environment(tools)
        self.names = Names(self.home)
        self.shells, self.terminals = {}, {}
        self.done = self.failed = 0
        self.skipped = []

    def _environment(self, tools):
        os.makedirs(self.begin)
        os.mkdir(f"{self.scratch}/runtime", 0o700)
        os.symlink(f"{self.scratch}/portlease/run", f"{self.scratch}/runtime/portlease")
        own = {
            "HOME": self.home,
            "PATH": os.pathsep.join(tools),
            "PORTLEASE_HOME": f"{self.scratch}/portlease",
            "XDG_RUNTIME_DIR": f"{self.scratch}/runtime",
            "TMPDIR": self.scratch,
            "LANG": "C.UTF-8", "TERM": "dumb", "NO_COLOR": "1", "USER": "ada", "SHELL": "/bin/bash",
            "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "NEXT_TELEMETRY_DISABLED": "1",
            "NO_UPDATE_NOTIFIER": "1", "DIRENV_LOG_FORMAT": "direnv: %s",
            "GIT_AUTHOR_NAME": "ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
        }
        if not self.daemon:
            own["PORTLEASE_NO_AUTOSTART"] = "1"
        return own

    def run(self):
        """All of it; Wrong at the first thing that is not as the page says."""
        try:
            for block in self.blocks:
                if "not run" in block.marks:
                    self.skipped.append(f"{block.at}: {block.marks['not run']}")
                elif block.file:
                    self._write(block)
                elif block.language in ("sh", "console", "bash", "zsh", "fish", "setup", "check", "recipe"):
                    self._block(block) if self.daemon else self._block_alone(block)
            if not self.daemon and os.path.exists(f"{self.scratch}/portlease/run/endpoint.json"):
                raise Wrong(f"{self.path}: a daemon was started although none may be")
        finally:
            for shell in self.shells.values():
                shell.close()
            end_all(self.mark)
            shutil.rmtree(os.path.dirname(self.home), ignore_errors=True)
            shutil.rmtree(self.scratch, ignore_errors=True)

    def _shell(self, program):
        if program not in self.shells:
            scratch = tempfile.mkdtemp(dir=self.scratch)
            self.shells[program] = Shell(program, self.begin, self.environment, scratch)
        return self.shells[program]

    def _write(self, block):
        path = os.path.join(self._shell("sh").directory, os.path.expanduser(block.file.replace("~", self.home)))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(self.names.ports("\n".join(block.text)) + "\n")

    def _block(self, block):
        if "terminal" in block.marks:
            return self._terminal(block)
        commands = block.commands()
        for index, (line, command, expected) in enumerate(commands):
            at = f"{block.page}:{line}"
            typed = self.names.ports(command)
            if block.language != "console":
                typed = typed if block.shell == "fish" else f"set -e\n{typed}\nset +e"
            status, said = self._shell(block.shell).type(typed)
            self.done += 1
            asked = index + 1 < len(commands) and commands[index + 1][1] in ("echo $?", "echo $status")
            if "fails" in block.marks and status == 0:
                raise Wrong(f"{at}: {command} does not fail\n{said}")
            if status and not asked and "fails" not in block.marks:
                raise Wrong(f"{at}: {command} ends with {status}\n{said}")
            if expected is not None and not self.names.matches(expected, said):
                raise Wrong(f"{at}: {command}\n{self.names.difference(expected, said)}")

    def _terminal(self, block):
        name = block.marks["terminal"]
        commands = block.commands()
        if len(commands) != 1:
            raise Wrong(f"{block.at}: in another terminal one thing is typed")
        _, command, expected = commands[0]
        directory = self._shell("sh").directory
        terminal = Terminal(block.shell, self.names.ports(command), directory, self.environment, self.scratch, name)
        self.terminals[name] = terminal
        self.done += 1
        before, *after = split(expected or [], "^C")
        if not terminal.wait(lambda said: self.names.matches(before, said, complete=False)):
            raise Wrong(f"{block.at}: {command}\n{self.names.difference(before, open(terminal.output).read())}")
        if after:
            terminal.interrupt()
            said = open(terminal.output).read()
            if not self.names.matches(before + after[0], said):
                raise Wrong(f"{block.at}: {command}\n{self.names.difference(before + after[0], said)}")

    def _block_alone(self, block):
        """Without a daemon: what asks for one fails, and leaves nothing running."""
        if block.language == "check":
            return
        shell = self._shell(block.shell)
        for line, command, _ in block.commands():
            at = f"{block.page}:{line}"
            must = ("recipe" in block.marks or asks_daemon(command)) and "needs no daemon" not in block.marks
            needed = block.language == "setup" or "needs no daemon" in block.marks
            if not must and not needed and not GOING.match(command):
                continue
            typed = f"set -e\n{command}\nset +e" if block.language != "console" and block.shell != "fish" else command
            status, said = shell.type(typed)
            if must and status == 0:
                raise Wrong(f"{at}: without a daemon, {command} goes on\n{said}")
            if not must and needed and status:
                raise Wrong(f"{at}: {command} ends with {status}\n{said}")
            shells = {one.process.pid for one in self.shells.values() if one.process}
            if must and (left := {pid: what for pid, what in belonging(self.mark).items() if pid not in shells}):
                raise Wrong(f"{at}: without a daemon, {command} leaves {left}")
            self.failed += must


def split(lines, mark):
    found = [[]]
    for line in lines:
        if line == mark:
            found.append([])
        else:
            found[-1].append(line)
    return found

