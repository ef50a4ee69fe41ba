"""The doctor's own way to ask a host: the typed client, and beside it plain GETs whose status and headers matter."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from toolkit.ollama.client import OllamaClient
from toolkit.ollama.httpx_transport import HttpxTransport
from toolkit.ollama.timeouts import Timeouts
from toolkit.ollama.transport import TransportError
from toolkit.ollama.wire import get_call

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from toolkit.host.clock import Clock
    from toolkit.ollama.address import Address
    from toolkit.ollama.transport import Transport

NS_PER_S: Final = 1_000_000_000
GIVE_UP_S: Final = 15.0
"""A page that only reads state and has not come by then does not come."""
CONNECT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Access:
    """Where a host is, and the headers that it may want to see."""

    address: Address
    headers: Mapping[str, str]

    @property
    def host(self) -> str:
        """Name or address, without port."""
        return urlsplit(self.address.url).hostname or ""

    @property
    def has_credentials(self) -> bool:
        """Whether anything is sent that could be a key."""
        return bool(self.headers) or self.address.authorization is not None


@dataclass(frozen=True, slots=True)
class Page:
    """A plain GET: status, headers (names in lower case), when it was sent and how long it took."""

    status: int
    headers: Mapping[str, str]
    sent_wall_ns: int
    took_ns: int

    @property
    def date_ns(self) -> int | None:
        """The server's time, in whole seconds; None if it sends none."""
        try:
            return int(parsedate_to_datetime(self.headers.get("date", "")).timestamp()) * NS_PER_S
        except ValueError:
            return None


class Asking:
    """One host for the time of an `async with`. `client` is the typed one."""

    def __init__(self, access: Access, clock: Clock, transport: Transport | None = None) -> None:
        limit_ns = round(GIVE_UP_S * NS_PER_S)
        self.access = access
        self._clock = clock
        self._transport = transport or HttpxTransport(access.address)
        self.client = OllamaClient(
            access.address,
            timeouts=Timeouts(round(CONNECT_S * NS_PER_S), None, None, limit_ns),
            headers=access.headers,
            transport=self._transport,
        )

    async def page(self, path: str, headers: Mapping[str, str], *, with_key: bool = True) -> Page | None:
        """A GET; None if nothing came. Without `with_key` nothing is sent that could be one."""
        sent = dict(headers)
        if with_key:
            if self.access.address.authorization is not None:
                sent["authorization"] = self.access.address.authorization
            sent.update({name.lower(): value for name, value in self.access.headers.items()})
        call = get_call(path)
        request = type(call)(call.method, call.path, (*call.headers, *sent.items()))
        wall_ns, began_ns = self._clock.wall_ns(), self._clock.now_ns()
        try:
            async with asyncio.timeout(GIVE_UP_S):
                response = await self._transport.send(request, CONNECT_S)
                took_ns = self._clock.now_ns() - began_ns
                try:
                    async for _ in response.chunks():
                        pass
                finally:
                    await response.aclose()
        except (TransportError, TimeoutError):
            return None
        return Page(response.status, response.headers, wall_ns, took_ns)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.aclose()
