"""Asking the daemon: one request a connection, over its Unix socket alone.

A port is open to every user, and Python has no certain way to tell whose it is; so nothing is ever sent over TCP.
"""

import http.client
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

from .errors import NoDaemon, PortleaseError, Refused
from .paths import is_private, socket_path

__all__ = ["NoDaemon", "PortleaseError", "Refused", "ask", "ask_running"]

# The slowest requests take well under a second.
PATIENCE = 10.0
# A daemon that starts, on a machine that is busy.
START = 60.0


class Broken(Exception):
    """A daemon that is being killed takes connections to the last, and answers none of them."""


def ask(method: str, path: str, body: Optional[dict] = None) -> Any:
    """The daemon's answer. One is started if need be, unless PORTLEASE_NO_AUTOSTART is set."""
    try:
        return ask_running(method, path, body)
    except NoDaemon as silent:
        _start(silent)
        return ask_running(method, path, body)


def ask_running(method: str, path: str, body: Optional[dict] = None) -> Any:
    """The answer of the daemon that runs."""
    try:
        return _ask(method, path, body)
    except Broken:
        pass
    try:
        return _ask(method, path, body)
    except Broken as broken:
        raise NoDaemon(f"the connection to the daemon broke: {broken}", "portlease status") from None


def _ask(method: str, path: str, body: Optional[dict]) -> Any:
    connection = _Connection(socket_path())
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, body and json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
    except socket.timeout:
        raise PortleaseError(f"the daemon did not answer within {PATIENCE:.0f} s", "portlease doctor") from None
    except (ConnectionError, http.client.HTTPException) as error:
        raise Broken(error) from None
    finally:
        connection.close()
    try:
        answered = json.loads(text) if text else None
    except ValueError:
        raise PortleaseError(f"the answer on {connection.path} is no daemon's", "portlease status") from None
    if answer.status >= 400:
        raise Refused(answer.status, answered or {})
    return answered


class _Connection(http.client.HTTPConnection):
    """Whose the other side is is made sure of before anything is sent."""

    def __init__(self, path: Path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self) -> None:
        silent = NoDaemon(f"no portlease daemon answers on {self.path}", "portlease daemon")
        try:
            if not is_private(self.path.parent):
                raise PortleaseError(
                    f"{self.path.parent} is not this user's alone: nothing was sent to it", "portlease doctor"
                )
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        except FileNotFoundError:
            raise silent from None
        sock.settimeout(PATIENCE)
        try:
            sock.connect(os.fspath(self.path))
            _check(sock, self.path)
        except (FileNotFoundError, ConnectionRefusedError):
            sock.close()
            raise silent from None
        except BaseException:
            sock.close()
            raise
        self.sock = sock


def _check(sock: socket.socket, path: Path) -> None:
    pid, uid = _peer(sock)
    if uid != os.geteuid():
        raise PortleaseError(f"{path} belongs to user {uid}: nothing was sent to it", "portlease status")
    if pid == 0:
        raise PortleaseError(
            f"the daemon on {path} counts processes otherwise (it is outside of this container), "
            "so no lease could end with this one",
            "set PORTLEASE_HOME to a directory of this container's own",
        )


def _peer(sock: socket.socket) -> "tuple[Optional[int], int]":
    """The process and the user at the other end; 0 is a process that has no number here."""
    if sys.platform == "darwin":
        # LOCAL_PEERCRED of SOL_LOCAL: struct xucred begins with its version and the user.
        _version, uid = struct.unpack_from("II", sock.getsockopt(0, 1, 76))
        return None, uid
    pid, uid, _gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return pid, uid


def _start(silent: NoDaemon) -> None:
    """Has the command line start a daemon: one, however many want it at once."""
    if "PORTLEASE_NO_AUTOSTART" in os.environ:
        raise silent
    program = shutil.which("portlease")
    if program is None:
        raise NoDaemon(
            f"{silent.message}, and there is no portlease on PATH to start one", "cargo install portlease"
        ) from None
    try:
        ran = subprocess.run(
            [program, "list", "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=START,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoDaemon(f"{silent.message}, and none can be started: {error}", "portlease daemon") from None
    if ran.returncode != 0:
        said = ran.stderr.decode(errors="replace").strip()
        raise NoDaemon(f"{silent.message}, and none can be started:\n{said}", "portlease doctor") from None
