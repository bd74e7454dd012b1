"""Ports for pytest, leased from portlease. The fixtures are in `plugin`."""

from .daemon import NoDaemon, PortleaseError, Refused

__all__ = ["NoDaemon", "PortleaseError", "Refused"]
