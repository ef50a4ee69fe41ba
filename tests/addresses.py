"""Which addresses a test may talk to: this machine's own, and the one host that a live test was asked to use."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

LIVE_HOST = "HOTSWAP_LIVE_HOST"
"""The environment variable that `make test-live` sets; without it no test leaves the machine."""

_PORTS = {"http": 80, "https": 443}


def is_loopback(address: object) -> bool:
    """Whether a socket's address (host first, if it is a tuple) is this machine's own."""
    if not isinstance(address, tuple):  # a unix socket's path
        return True
    host = str(address[0])
    if host in {"localhost", ""}:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


class AskedHost:
    """One host and port, by its name and by what the name means; nothing else passes."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.port = parts.port or _PORTS.get(parts.scheme, 0)
        self.url = url

    def resolved(self) -> frozenset[str]:
        """The host's name and its addresses."""
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        return frozenset({self.host, *(str(row[4][0]) for row in found)})


def may_connect(address: object, asked: AskedHost | None, names: frozenset[str]) -> bool:
    """Whether a test may connect to `address`; `names` are the asked host's, empty where none was asked for.

    A look-up has a name and no port, a connection has both.
    """
    if is_loopback(address):
        return True
    if asked is None or not isinstance(address, tuple):
        return False
    host, *rest = address
    return str(host) in names and (not rest or rest[0] == asked.port)


def asked_host(environment: Mapping[str, str]) -> AskedHost | None:
    """The host of `make test-live HOST=…`, as the toolkit reads addresses; None if nobody asked."""
    from toolkit.ollama.address import parse_address  # noqa: PLC0415 - only for live tests

    text = environment.get(LIVE_HOST, "")
    return AskedHost(parse_address(text).url) if text else None
