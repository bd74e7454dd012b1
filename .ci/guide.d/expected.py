"""What a page says comes out, against what does.

A page shows one run. What differs from run to run is a name for whatever is
there, and the same name is the same thing on the whole page: ports of the
pool, pids, users, ids, times, versions. A line `…` is any lines, `…` in a line
any text. Blanks count as one."""

import difflib
import re

VARYING = [
    ("time", r"20\d\d-\d\d-\d\dT[\d:.]+Z", r"20\d\d-\d\d-\d\dT[\d:.]+Z"),
    ("id", r"\b[0-9a-f]{32}\b", r"[0-9a-f]{32}"),
    ("version", r"\bv?\d+\.\d+\.\d+\b(?!\.\d)", r"v?\d+\.\d+\.\d+"),
    ("pid", r"(?<=pid )\d+", r"\d+"),
    ("user", r"(?<=user )[a-z]+", r"[a-z_][\w-]*"),
    ("pid", r"(?<=kill )\d+", r"\d+"),
    ("port", r"(?<![\d.])2\d{4}(?![\d.]*\d)", r"\d{4,5}"),
]
# These are never the same twice, so they are no names.
NAMELESS = {"time", "version"}


def plain(text):
    """As it is compared: no colours, no returns, single blanks."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07", "", text).replace("\r", "")
    lines = [re.sub(r"[ \t]+", " ", line).rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


class Names:
    """What stands for what on a page."""

    def __init__(self, home):
        self.known = {}
        self.home = home

    def pattern(self, lines, complete=True):
        """A regular expression for these lines, and the names that it finds."""
        new, parts = {}, []
        for line in plain("\n".join(lines)):
            if line == "…":
                parts.append(r"(?:.*\n)*?")
            else:
                parts.append(self._line(line.replace("/home/ada", self.home), new) + r"\n")
        return re.compile("".join(parts) + (r"\Z" if complete else "")), new

    def _line(self, line, new):
        parts = []
        while line:
            found = [(m.start(), m, kind, shape) for kind, token, shape in VARYING if (m := re.search(token, line))]
            at, match, kind, shape = min(found, key=lambda one: one[0], default=(len(line), None, "", ""))
            parts.append(literal(line[:at]))
            if not match:
                break
            parts.append(self._name(kind, match[0], shape, new))
            line = line[match.end() :]
        return "".join(parts)

    def _name(self, kind, text, shape, new):
        if kind in NAMELESS:
            return shape
        if (kind, text) in self.known:
            return re.escape(self.known[kind, text])
        if (kind, text) in new:
            return f"(?P={new[kind, text]})"
        new[kind, text] = f"n{len(new)}"
        return f"(?P<{new[kind, text]}>{shape})"

    def matches(self, lines, said, complete=True):
        """Whether that came out; then the new names are known."""
        pattern, new = self.pattern(lines, complete)
        found = pattern.match("".join(line + "\n" for line in plain(said)))
        if found:
            self.known |= {key: found[group] for key, group in new.items()}
        return bool(found)

    def ports(self, text):
        """With the ports as they are here."""
        known = {name: real for (kind, name), real in self.known.items() if kind == "port"}
        return re.sub(r"(?<!\d)2\d{4}(?!\d)", lambda match: known.get(match[0], match[0]), text)

    def difference(self, lines, said):
        shown = [self.ports(line).replace("/home/ada", self.home) for line in plain("\n".join(lines))]
        return "\n".join(difflib.unified_diff(shown, plain(said), "the page", "came out", lineterm="", n=9))


def literal(text):
    return r"[^\n]*".join(re.escape(part) for part in text.split("…"))
