"""The fixtures. A port is leased while a test (or the session) runs: nobody else on this machine is given it.

Leases end with this process, however it ends, so that nothing leaks; a worker of pytest-xdist is a process of its own.
"""

import os
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

from .daemon import NoDaemon, PortleaseError, Refused, ask, ask_running

# The longest text of a label, in bytes.
LABEL = 256

Get = Callable[..., List[int]]


class Ports:
    """The leases of one test, or of the session."""

    def __init__(self, whose: Optional[str]):
        self._labels = {"via": "pytest"}
        if whose:
            # Of a long name the end tells more.
            self._labels["test"] = whose.encode()[-LABEL:].decode(errors="ignore")
        self._leases: List[str] = []

    def get(
        self,
        count: int = 1,
        *,
        contiguous: bool = False,
        range: Optional[str] = None,
        protocol: Optional[str] = None,
        hold: Optional[bool] = None,
    ) -> List[int]:
        """So many ports that nobody else has, for as long as the fixture lives."""
        asked: Dict[str, Any] = {"count": count, "owner_pid": os.getpid(), "labels": self._labels}
        given = {"contiguous": contiguous or None, "range": range, "protocol": protocol, "hold": hold}
        asked.update((name, value) for name, value in given.items() if value is not None)
        try:
            leases = ask("POST", "/v1/leases", asked)["leases"]
        except PortleaseError as error:
            # The words say it all; where in here it happened helps nobody.
            pytest.fail(f"portlease: {error}", pytrace=False)
        self._leases += [lease["service"] for lease in leases]
        return [lease["port"] for lease in leases]

    def release(self) -> None:
        """Gives them all back. What cannot be told now ends with this process."""
        while self._leases:
            try:
                ask_running("DELETE", f"/v1/leases/-/{self._leases.pop()}")
            except Refused as refused:
                if refused.code != "no_such_lease":
                    raise
            except NoDaemon:
                return


@pytest.fixture
def portlease_ports(request: pytest.FixtureRequest) -> Iterator[Get]:
    """`portlease_ports(3)` gives three ports for this test.

    `contiguous=True`: in a row. `range="20000-20099"`: out of these. `protocol="tcp"` or `"udp"`: free for that alone.
    `hold=True`: the daemon keeps them by sockets until the app binds them.
    """
    yield from _lend(Ports(request.node.nodeid))


@pytest.fixture
def portlease_port(portlease_ports: Get) -> int:
    """A port for this test."""
    return portlease_ports()[0]


@pytest.fixture(scope="session")
def portlease_session_ports() -> Iterator[Get]:
    """As `portlease_ports`, for the whole session: with pytest-xdist, for one worker's part of it."""
    yield from _lend(Ports(None))


@pytest.fixture(scope="session")
def portlease_session_port(portlease_session_ports: Get) -> int:
    """A port for the whole session."""
    return portlease_session_ports()[0]


def _lend(ports: Ports) -> Iterator[Get]:
    yield ports.get
    ports.release()
