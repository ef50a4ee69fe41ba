"""Where an ASGI application meets httpx clients without a socket: the thread, the clock, and the requests under way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from toolkit.host.mock.answers import Attempt, Members
from toolkit.host.mock.crowd import Crowd
from toolkit.host.mock.exchange import Exchange, Trouble
from toolkit.host.mock.thread import TwinThread
from toolkit.host.mock.virtual_time import VirtualTime

if TYPE_CHECKING:
    import httpx

    from toolkit.host.mock.exchange import App, Watcher
    from toolkit.host.mock.libraries import Library

NS_PER_S = 1_000_000_000
_CLIENT = ("127.0.0.1", 50_000)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True, eq=False)
class Stage:
    """Runs from construction to `close`. `virtual`: on virtual time, and `patience_s` is for those who are stuck."""

    virtual: bool
    patience_s: float
    crowd: Crowd = field(init=False)
    time: VirtualTime | None = field(init=False)
    thread: TwinThread = field(init=False)
    members: Members = field(init=False)
    _under_way: dict[Exchange, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.crowd = Crowd(self._stuck, self.patience_s)
        self.time = VirtualTime(self.crowd) if self.virtual else None
        self.thread = TwinThread(self.time)
        self.members = Members(self.thread)

    def attempt(self, app: App, watcher: Watcher, request: httpx.Request, library: Library) -> Attempt:
        """A request to an application; it is not sent yet."""
        exchange = Exchange(
            self.thread, self.crowd, app, _Both(self._under_way, watcher), _scope(request), request.content
        )
        timeout_s = request.extensions.get("timeout", {}).get("read")
        return Attempt(exchange, library, self.members, f"{request.method} {request.url}", timeout_s)

    async def wait(self, duration_ns: int) -> None:
        """Wait in the twin's time like a client of this event loop, so that others on it go on meanwhile."""

        async def rest(_scope: Any, _receive: Any, send: Any) -> None:
            await asyncio.sleep(duration_ns / NS_PER_S)
            await send({"type": "http.response.start", "status": 204, "headers": []})

        exchange = Exchange(self.thread, self.crowd, rest, _Both(self._under_way, _Nobody()), {"extensions": {}}, b"")
        party, settler = self.members.of(asyncio.get_running_loop())
        exchange.send(party)
        settler.touch()
        try:
            await exchange.take_async(None, party, settler)
        finally:
            exchange.leave()

    def close(self) -> None:
        """End everything; clients that still wait are told."""
        self.thread.close()

    def _stuck(self) -> None:
        for exchange in tuple(self._under_way):
            if exchange.waits:
                exchange.break_off(Trouble.STUCK)


class _Nobody:
    """Watches nothing."""

    def began(self, exchange: Exchange) -> None:
        """It has arrived."""

    def ended(self, exchange: Exchange, outcome: str, error: BaseException | None) -> None:
        """It is over."""


@dataclass(frozen=True, slots=True)
class _Both:
    """Keeps the requests that are under way, and passes on to another watcher."""

    under_way: dict[Exchange, None]
    other: Watcher

    def began(self, exchange: Exchange) -> None:
        self.under_way[exchange] = None
        self.other.began(exchange)

    def ended(self, exchange: Exchange, outcome: str, error: BaseException | None) -> None:
        self.under_way.pop(exchange, None)
        self.other.ended(exchange, outcome, error)


def _scope(request: httpx.Request) -> dict[str, Any]:
    """The request as ASGI sees it."""
    raw_path, _, query = request.url.raw_path.partition(b"?")
    url = request.url
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": unquote(raw_path.decode("ascii")),
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": _CLIENT,
        "server": (url.host, url.port or _DEFAULT_PORTS.get(url.scheme, 80)),
        "extensions": {},
    }
