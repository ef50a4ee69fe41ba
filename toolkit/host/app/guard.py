"""Foreign origins and foreign hosts: who may talk to the server from a browser.

Rules: `OLLAMA_ORIGINS` (exact, or with one `*`), the local addresses and some schemes are allowed; an origin that is
the host itself is no cross-origin request; a server bound to a loopback address answers only to local host names.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.host.app.exchange import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.host.app.exchange import Call

_HEADERS = (
    "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,X-Stainless-Arch,X-Stainless-Async,"
    "X-Stainless-Custom-Poll-Interval,X-Stainless-Helper-Method,X-Stainless-Lang,X-Stainless-Os,"
    "X-Stainless-Package-Version,X-Stainless-Poll-Helper,X-Stainless-Retry-Count,X-Stainless-Runtime,"
    "X-Stainless-Runtime-Version,X-Stainless-Timeout"
)
_METHODS = "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS"
_MAX_AGE_S = "43200"
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal")
_SCHEMES = ("app://*", "file://*", "tauri://*", "vscode-webview://*", "vscode-file://*")


@dataclass(frozen=True, slots=True)
class Guard:
    """What is allowed. `own_names` are names of this machine; `check_host` is off on a server open to the network."""

    exact: frozenset[str]
    wild: tuple[tuple[str, str], ...]
    """What may stand before and after the star."""
    any_origin: bool
    check_host: bool
    own_names: frozenset[str]
    own_origins: frozenset[str] = frozenset()
    """Origins that count as the server itself, beside the host that a request names."""

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str], bind: str, own_name: str = "", own_origins: tuple[str, ...] = ()
    ) -> Guard:
        """The rules of a server with this environment, bound to this address."""
        given = environment.get("OLLAMA_ORIGINS", "").strip().strip("\"'")
        origins = given.split(",") if given else []
        for host in ("localhost", "127.0.0.1", "0.0.0.0"):  # noqa: S104 - an allowed origin, nothing is bound
            origins += [f"http://{host}", f"https://{host}", f"http://{host}:*", f"https://{host}:*"]
        origins += _SCHEMES
        wild = tuple((before, after) for before, star, after in (o.partition("*") for o in origins) if star)
        return cls(
            frozenset(origin for origin in origins if "*" not in origin),
            wild,
            "*" in origins,
            _is_loopback(bind),
            frozenset({own_name.lower()} - {""}),
            frozenset(own_origins),
        )

    def check(self, call: Call) -> tuple[Answer | None, list[tuple[str, str]]]:
        """An answer that ends the matter, if any, and headers for whatever is answered."""
        origin = call.headers.get("origin", "")
        host = call.headers.get("host", "")
        headers: list[tuple[str, str]] = []
        if origin and origin not in {f"http://{host}", f"https://{host}"} | self.own_origins:
            if not self._allows(origin):
                return Answer(403, [], b""), []
            headers.append(("Access-Control-Allow-Origin", "*" if self.any_origin else origin))
            if call.method == "OPTIONS":
                return Answer(204, [], b""), self._preflight(headers)
            if not self.any_origin:
                headers.append(("Vary", "Origin"))
        if self.check_host and not self._local(host):
            return Answer(403, [], b""), headers
        if self.check_host and call.method == "OPTIONS" and not _is_address(_host_part(host)):
            return Answer(204, [], b""), headers
        return None, headers

    def _preflight(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        out = [
            ("Access-Control-Allow-Headers", _HEADERS),
            ("Access-Control-Allow-Methods", _METHODS),
            *headers,
            ("Access-Control-Max-Age", _MAX_AGE_S),
        ]
        if self.any_origin:
            return out
        asked = ("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")
        return [*out, *(("Vary", name) for name in asked)]

    def _allows(self, origin: str) -> bool:
        if self.any_origin or origin in self.exact:
            return True
        return any(
            len(origin) >= len(before) + len(after) and origin.startswith(before) and origin.endswith(after)
            for before, after in self.wild
        )

    def _local(self, host_header: str) -> bool:
        host = _host_part(host_header)
        if _is_address(host):
            address = ipaddress.ip_address(host.partition("%")[0])
            return address.is_loopback or _is_private(address) or address.is_unspecified
        host = host.lower()
        return host in {"", "localhost"} or host in self.own_names or host.endswith(_LOCAL_SUFFIXES)


def _host_part(header: str) -> str:
    """The host of `host:port`, or the whole text if that is not its form."""
    host, colon, _port = header.rpartition(":")
    if not colon:
        return header
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1]
    return header if ":" in host or header.startswith("[") else host


def _is_private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """RFC 1918 and RFC 4193; Python's own idea of private is wider."""
    networks = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
    return any(address in ipaddress.ip_network(network) for network in networks)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_loopback(bind: str) -> bool:
    if bind == "localhost":
        return True
    return _is_address(bind) and ipaddress.ip_address(bind).is_loopback
