"""Where the daemon's socket is. The rule is the daemon's own: see `PORTLEASE_HOME` in its README."""

import os
import stat
import sys
from pathlib import Path
from typing import Optional


def socket_path() -> Path:
    """The daemon's Unix socket, whether or not a daemon is there."""
    return _runtime() / "portlease.sock"


def is_private(directory: Path) -> bool:
    """Whether a directory is this user's alone: then so is a socket inside of it."""
    info = os.lstat(directory)
    return stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid() and not info.st_mode & 0o077


def _runtime() -> Path:
    home = os.environ.get("PORTLEASE_HOME")
    if home:
        return Path(os.path.abspath(home)) / "run"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "portlease" / "run"
    runtime = _absolute("XDG_RUNTIME_DIR")
    # After `su` it may still name another user's.
    if runtime and runtime.is_dir() and runtime.stat().st_uid == os.geteuid():
        return runtime / "portlease"
    state = _absolute("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return state / "portlease" / "run"


def _absolute(variable: str) -> Optional[Path]:
    """What the variable names, unless that depends on the working directory."""
    path = Path(os.environ.get(variable, ""))
    return path if path.is_absolute() else None
