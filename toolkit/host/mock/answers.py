"""Answers of the mocked twin as httpx streams: each piece of the body is fetched when the client asks for it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from toolkit.host.mock.crowd import Party, Settler
from toolkit.host.mock.errors import MockEndedError
from toolkit.host.mock.exchange import Exchange, Head, Item, Trouble

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from toolkit.host.mock.libraries import Library
    from toolkit.host.mock.thread import TwinThread


@dataclass(slots=True)
class Members:
    """The parties of the event loops that clients run on."""

    thread: TwinThread
    _known: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Party, Settler]] = field(
        default_factory=weakref.WeakKeyDictionary
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, loop: asyncio.AbstractEventLoop) -> tuple[Party, Settler]:
        """The party of a loop and what watches over it."""
        with self._lock:
            known = self._known.get(loop)
            if known is None:
                party = Party()
                known = self._known[loop] = (party, Settler(loop, lambda received: self._report(party, received)))
            return known

    def of_this_thread(self) -> Party | None:
        """The party of the loop that runs in this thread, which stands still while a blocking client waits in it."""
        try:
            return self.of(asyncio.get_running_loop())[0]
        except RuntimeError:
            return None

    def _report(self, party: Party, received: int) -> None:
        with contextlib.suppress(MockEndedError):
            self.thread.call(party.report, received)


@dataclass(slots=True)
class Attempt:
    """One request of one client, with the words and the time limit of its library."""

    exchange: Exchange
    library: Library
    members: Members
    request: str
    """Method and URL, for messages."""
    read_timeout_s: float | None

    def begin(self) -> Head | Trouble:
        """Send, and wait in this thread for the head of the answer."""
        self.exchange.send(Party(settled=True))
        try:
            return _as_head(self.take())
        except BaseException:
            self.exchange.leave()
            raise

    async def begin_async(self) -> Head | Trouble:
        """The same, awaited."""
        party, settler = self.members.of(asyncio.get_running_loop())
        self.exchange.send(party)
        settler.touch()
        try:
            return _as_head(await self.take_async())
        except BaseException:
            self.exchange.leave()
            raise

    def take(self) -> Item:
        """The next item."""
        return self.exchange.take(self.read_timeout_s, self.members.of_this_thread())

    async def take_async(self) -> Item:
        """The next item, awaited."""
        return await self.exchange.take_async(self.read_timeout_s, *self.members.of(asyncio.get_running_loop()))

    def failure(self, trouble: Trouble, *, begun: bool) -> Exception:
        """The library's error."""
        return self.library.error(trouble, self.request, begun=begun)

    def next_piece(self, item: Item) -> bytes | None:
        """A piece of the body, None at its end. Raises the library's error."""
        if isinstance(item, bytes):
            return item
        if isinstance(item, Trouble):
            raise self.failure(item, begun=True)
        return None


class SyncBody(httpx.SyncByteStream):
    """A body for a blocking client."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def __iter__(self) -> Iterator[bytes]:
        attempt = self._attempt
        while (piece := attempt.next_piece(attempt.take())) is not None:
            yield piece

    def close(self) -> None:
        """Close the connection; at once, if the answer is not complete."""
        self._attempt.exchange.leave()


class AsyncBody(httpx.AsyncByteStream):
    """A body for a client on an event loop."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    async def __aiter__(self) -> AsyncIterator[bytes]:
        attempt = self._attempt
        while (piece := attempt.next_piece(await attempt.take_async())) is not None:
            yield piece

    async def aclose(self) -> None:
        """Close the connection; at once, if the answer is not complete."""
        self._attempt.exchange.leave()


def _as_head(item: Item) -> Head | Trouble:
    """What comes first is a head or the end of everything."""
    if isinstance(item, Head | Trouble):
        return item
    raise TypeError(f"an answer began with {item!r}")
