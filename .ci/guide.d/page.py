"""What a page of the guide asks to be done, in its order.

A fence ```sh or ```console (also bash, zsh, fish) is typed; one with a name
behind its language (```toml portlease.toml) is a file. A comment in front of
a fence says more:

    <!-- guide: terminal NAME -->       its one command stays in the foreground
    <!-- guide: recipe -->              without a daemon each of its commands fails
    <!-- guide: fails -->               each of its commands fails in any case
    <!-- guide: needs no daemon -->     what it types of portlease works without
    <!-- guide: not run: REASON -->

and one of several lines is done in its place without being shown:

    <!-- guide: setup
    sh
    -->

`check` in place of `setup` is not done when there is no daemon, and `recipe`
has to fail then."""

import re
from dataclasses import dataclass, field

SHELLS = {"sh": "sh", "console": "sh", "bash": "bash", "zsh": "zsh", "fish": "fish"}
# Pages may show these without a name: nothing is done with them.
SHOWN = {"", "text", "json"}
WORDS = {"terminal", "recipe", "fails", "needs no daemon", "not run"}
HIDDEN = {"setup", "check", "recipe"}


class Wrong(Exception):
    """What is wrong with a page, or with what it says."""


@dataclass
class Block:
    page: str
    line: int
    language: str
    text: list
    file: str = ""
    marks: dict = field(default_factory=dict)

    @property
    def at(self):
        return f"{self.page}:{self.line}"

    @property
    def shell(self):
        return SHELLS.get(self.language, "sh")

    def commands(self):
        """(line, command, lines expected of it or None) of each."""
        if self.language != "console":
            return [(self.line, "\n".join(self.text), None)] if self.text else []
        found = []
        for number, line in enumerate(self.text, self.line + 1):
            if line.startswith("$ "):
                found.append([number, line[2:], []])
            elif not found:
                raise Wrong(f"{self.page}:{number}: what comes out before anything was typed?")
            elif line.startswith("> ") and not found[-1][2]:
                found[-1][1] += "\n" + line[2:]
            else:
                found[-1][2].append(line)
        return [tuple(one) for one in found]


def blocks(path, text):
    """All that is to be done, from the top."""
    lines, found, marks, at = text.split("\n"), [], {}, 0
    while at < len(lines):
        line, begin = lines[at], at + 1
        at += 1
        if comment := re.match(r"<!-- guide: ([a-z ]+?)(?:: (.*?)| ([a-z-]+))? ?(-->)?$", line):
            word, reason, argument, closed = comment.groups()
            if closed:
                if argument and word != "terminal":
                    word, argument = f"{word} {argument}", None
                if word not in WORDS or (word == "not run") != bool(reason):
                    raise Wrong(f"{path}:{begin}: {line!r} is not known")
                marks[word] = argument or reason or True
                continue
            if word not in HIDDEN:
                raise Wrong(f"{path}:{begin}: {word!r} is not known")
            body, at = until(lines, at, "-->", f"{path}:{begin}")
            found.append(Block(path, begin, word, body, marks=marks | ({word: True})))
            marks = {}
        elif line.startswith("<!-- guide"):
            raise Wrong(f"{path}:{begin}: {line!r} is not known")
        elif fence := re.match(r"\s*```(\w*)(?: (\S+))?$", line):
            language, file = fence.groups()
            body, at = until(lines, at, "```", f"{path}:{begin}")
            if file and f"`{file}`" not in "\n".join(lines[max(0, begin - 8) : begin]):
                raise Wrong(f"{path}:{begin}: nothing that is read in front of it says `{file}`")
            if not file and language not in SHELLS and language not in SHOWN and "not run" not in marks:
                raise Wrong(f"{path}:{begin}: {language} is neither a shell nor a file with a name")
            found.append(Block(path, begin, language, body, file or "", marks))
            marks = {}
    if marks:
        raise Wrong(f"{path}: nothing follows {', '.join(marks)}")
    return found


def until(lines, at, end, begin):
    body = []
    while at < len(lines) and lines[at].strip() != end:
        body.append(lines[at])
        at += 1
    if at == len(lines):
        raise Wrong(f"{begin}: it has no end")
    return body, at + 1


def asks_daemon(command):
    """Whether it types a command of portlease that cannot be done without a daemon."""
    typed = re.findall(r"(?:^|[\s;&|(\"'])portlease (\S+)", command)
    return any(word not in ("init", "docs", "--version", "--help") for word in typed)
