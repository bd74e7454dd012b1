"""What goes wrong, in words that end with the command to type next."""

from typing import Optional


class PortleaseError(Exception):
    """No port was to be had. `hint` is what to type next."""

    def __init__(self, message: str, hint: Optional[str] = None):
        self.message, self.hint = printable(message), hint and printable(hint)
        super().__init__(self.message if hint is None else f"{self.message}\nhint: {self.hint}")


class NoDaemon(PortleaseError):
    """Nobody answers."""


class Refused(PortleaseError):
    """The daemon's no, in its own words; `code` is its stable reason."""

    def __init__(self, status: int, problem: dict):
        super().__init__(problem.get("detail", f"status {status} without a reason"), problem.get("hint"))
        self.code = problem.get("code")


def printable(text: str) -> str:
    """Others name processes and directories, and may write what a terminal obeys."""
    return "".join(c if c == "\n" or c.isprintable() else c.encode("unicode_escape").decode() for c in text)
