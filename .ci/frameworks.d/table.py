"""docs/frameworks.md, from what was seen."""

import difflib
import re

import installed

PATH = "docs/frameworks.md"
HEAD = """# Dev servers under `portlease run`

What each does when it is started as one would type it first, and what `portlease run` says of it. `.ci/frameworks`
starts the real ones, does what is said, sees each answer on its own port and on loopback alone, and wrote this page.
"""
PASSED = """
## With `--listen-fd`

The app gets a socket that listens already, on 127.0.0.1 and the leased port, as number 3 (`LISTEN_FDS`).

| server | command |
|---|---|
"""
WORKTREES = """
## Two worktrees at once

`portlease run -- vite --port {port} --strictPort` in two worktrees of one repository, at the same time: each has a port of
its own, which stays the same.
"""
COMMANDS = {
    "node": "`node server.mjs`, which has `server.listen({ fd: 3 })`",
    "listenfd": "`target/debug/listenfd-example` ([examples/listenfd](../examples/listenfd/src/main.rs))",
}


def page(rows, passed, worktrees):
    lines = [HEAD, "| framework | after `portlease run --` | its port by | listens on | is told | then listens on |", "|---|---|---|---|---|---|"]
    lines += [row_of(row) for row in rows]
    lines.append(PASSED.rstrip("\n"))
    for server in passed:
        version = installed.version(server.package)
        command = COMMANDS.get(server.name, f"`{' '.join(server.command)}`")
        lines.append(f"| {server.name}{' ' + version if version else ''} | {command} |")
    lines.append(WORKTREES)
    lines.append("| project | port |\n|---|---|")
    lines += [f"| `{project}` | {port} |" for project, port in worktrees]
    return "\n".join(lines) + "\n"


def row_of(row):
    by = f"`{row.variable}`" if row.variable else "an option" if row.own else "no"
    port = "its port" if row.own else row.port
    told = "<br>".join(dict.fromkeys(f"`{advice(note)}`" for note in row.said)) or "nothing"
    return f"| {row.title} | `{row.typed}` | {by} | {', '.join(row.addresses)}, {port} | {told} | {', '.join(row.after)} |"


def advice(note):
    """What a note says to do."""
    return re.search(r"(?:portlease run --|in its code:|in what) .*$", note)[0]


def same(text):
    """Without what is another number on another machine."""
    return re.sub(r"\b\d{4,5}\b", "N", text)


def settle(text, write):
    """The exit status."""
    if write:
        with open(PATH, "w") as file:
            file.write(text)
        return 0
    with open(PATH) as file:
        before = file.read()
    if same(before) == same(text):
        return 0
    print("\n".join(difflib.unified_diff(before.splitlines(), text.splitlines(), PATH, "as it is", lineterm="")))
    print(f"{PATH} says otherwise; if that is right now: .ci/frameworks --write")
    return 1
