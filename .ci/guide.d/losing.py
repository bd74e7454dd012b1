"""Finds what goes on with an empty port when portlease fails, in everything
that users read: pages, help texts, examples."""

import re
import subprocess
import sys

# A substitution is where failures are lost; these keep them.
KEEPING = [
    r'(?<![\w$"({])(?<!export )(?<!local )(?<!readonly )(?<!declare )(?<!env )[A-Za-z_]+="?\$\(portlease [^()]*\)"? (\|\| (exit|return) \d+|&& [^;]*$)',
    r'eval "\$\(portlease env[^()]*\)"',
    # A shell without completions is a shell.
    r"source <\(portlease completions (bash|zsh)\)",
    r"\$\(or \$\(shell portlease [^()]*\),\$\(error [^()]*\)\)",
]
LOSING = [
    (r"[$<]\((shell )?portlease", "a substitution whose failure nobody sees"),
    (r"=`portlease", "a substitution whose failure nobody sees"),
    (r"set [^|;]*\(portlease [^()]*\)(?!; or)", "a substitution whose failure nobody sees"),
    (r"portlease (get|env|show|token)\b[^|`]*(?<![\\|])\|(?!\|) *(jq (?!-e)|python3|xargs|sed|cut|grep|export)", "a pipe whose end does not know of its beginning"),
    (r"portlease env\b[^|`>]*> ?\.env", "a file that is empty when portlease fails"),
    (r"\$\{[A-Z_]*PORT(:?-[^}]*)?\}:\d", "a port of compose without :?"),
]
BAD = [
    "export PORT=$(portlease get web)", 'export PORT="$(portlease get web)" || exit 1', "local p=$(portlease get) || return 1",
    "PORT=$(portlease get)", "PORT := $(shell portlease get web)", "PORT ?= $(shell portlease get web)",
    "vite --port $(portlease get)", 'vite --port "$(portlease get web)" || exit 1', "PORT=`portlease get`", "source <(portlease env)",
    "eval $(portlease env)", "env $(portlease env --format dotenv) make", "set -x PORT (portlease get)",
    "portlease env --format json | jq -r .PORT", "portlease env --format dotenv > .env", 'ports: ["${WEB_PORT}:80"]', 'ports: ["${WEB_PORT:-80}:80"]',
    "PORT=$(portlease get) npm start || exit 1",
]
GOOD = [
    "PORT=$(portlease get web) && export PORT", "URL=$(portlease status --json | jq -er .endpoint.url) && export URL",
    "PORT=$(portlease get web) || exit 1", 'eval "$(portlease env)" || exit 1', "portlease env --format fish | source; or exit 1",
    "PORT := $(or $(shell portlease get web),$(error portlease failed))", "portlease env --write .env", "portlease env --format json | jq -er .PORT",
    "source <(portlease completions zsh)", 'ports: ["127.0.0.1:${WEB_PORT:?run portlease env --write .env}:80"]', "| `portlease env` | `portlease get` |", "  set PORT (portlease get); or exit 1",
]


def lost(line):
    """What loses a failure in a line, or nothing."""
    line = line.replace('\\"', '"')
    for form in KEEPING:
        line = re.sub(form, "", line)
    return next((why for form, why in LOSING if re.search(form, line)), None)


def main():
    wrong = [line for line in BAD if not lost(line)] + [line for line in GOOD if lost(line)]
    if wrong:
        sys.exit(f"judged wrongly: {wrong}")
    listed = ["git", "ls-files", "-z", "*.md", "client/src", "examples", "systemd", "launchd"]
    paths = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0")
    found = 0
    # Tests have what others wrote.
    for path in (path for path in paths if path and not path.endswith("tests.rs")):
        with open(path) as file:
            for number, line in enumerate(file, 1):
                if why := lost(line):
                    print(f"{path}:{number}: {why}: {line.strip()}")
                    found += 1
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
