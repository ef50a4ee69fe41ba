"""One request to the mocked twin: the ASGI application on one side, a client, perhaps of another thread, on the other.

What the application sends comes out item by item, just when it is sent: the head, the pieces of the body, the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.host.app.exchange import ConnectionCutError
from toolkit.host.faults.connection import CONNECTION
from toolkit.host.mock.crowd import Party
from toolkit.host.mock.errors import MockEndedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from toolkit.host.mock.crowd import Crowd, Settler
    from toolkit.host.mock.thread import TwinThread

    Message = MutableMapping[str, Any]
    App = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


_LOOK_EVERY_S = 1.0  # whether the mock still lives, while a thread waits for it


class Trouble(enum.Enum):
    """What ends an exchange early, below HTTP."""

    REFUSED = "connection refused"
    RESET = "connection reset"
    CUT = "closed without an end"
    TIMED_OUT = "nothing came in time"
    STUCK = "nothing will ever come"
    ENDED = "the mock has ended"


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of an answer."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class End:
    """The answer is complete."""


Item = Head | bytes | End | Trouble


class Watcher(Protocol):
    """Writes down what becomes of a request; called on the twin's thread."""

    def began(self, exchange: Exchange) -> None:
        """It has arrived."""

    def ended(self, exchange: Exchange, outcome: str, error: BaseException | None) -> None:
        """It is over: `answered`, `left` by its client, or the words of a `Trouble`. `error`: the twin crashed."""


@dataclass(frozen=True, slots=True)
class Side:
    """How the twin reaches a waiting client: whom it belongs to, and how it is woken."""

    party: Party
    notify: Callable[[], None]
    blocks: Party | None = None
    """The party of the loop that stands still while this client waits."""


@dataclass(slots=True, eq=False)
class Exchange:
    """See the module. `scope` and `body` are the request."""

    thread: TwinThread
    crowd: Crowd
    app: App
    watcher: Watcher
    scope: dict[str, Any]
    body: bytes
    status: int | None = None
    _items: deque[Item] = field(default_factory=deque)
    _side: Side | None = None
    _timer: asyncio.TimerHandle | None = None
    _gone: asyncio.Event = field(default_factory=asyncio.Event)
    _body_read: bool = False
    _over: bool = False

    # The client's side: any thread ----------------------------------------------------------------------------------

    def send(self, party: Party) -> None:
        """The request goes out, from a client of this party. Raises MockEndedError."""
        self.thread.call(self._begin, party)

    def take(self, timeout_s: float | None, blocks: Party | None) -> Item:
        """The next item; waits in this thread. A timeout counts in the twin's time.

        Raises:
            MockEndedError: the mock has ended.
        """
        if not self._items:
            ready = threading.Event()
            self.thread.call(self._begin_wait, Side(Party(settled=True), ready.set, blocks), timeout_s)
            try:
                while not ready.wait(_LOOK_EVERY_S):
                    if self.thread.closed:
                        return Trouble.ENDED
            except BaseException:
                self._stop_waiting()
                raise
        return self._items.popleft()

    async def take_async(self, timeout_s: float | None, party: Party, settler: Settler) -> Item:
        """The next item; awaited on the loop of the settler. Raises as `take`."""
        if not self._items:
            loop = asyncio.get_running_loop()
            ready = loop.create_future()

            def delivered() -> None:
                settler.received()
                if not ready.done():
                    ready.set_result(None)

            self.thread.call(party.acted)
            self.thread.call(self._begin_wait, Side(party, lambda: _call_there(loop, delivered)), timeout_s)
            settler.touch()
            try:
                await ready
            except BaseException:
                settler.touch()
                self._stop_waiting()
                raise
        return self._items.popleft()

    def _stop_waiting(self) -> None:
        with contextlib.suppress(MockEndedError):
            self.thread.call(self._end_wait)

    def leave(self) -> None:
        """The client closes the connection; nothing happens if the answer is complete."""
        with contextlib.suppress(MockEndedError):
            self.thread.call(self._leave)

    # The twin's side: its own thread --------------------------------------------------------------------------------

    def break_off(self, trouble: Trouble) -> None:
        """The connection ends like this; the application learns that its client has gone."""
        if not self._over:
            self._finish(trouble.value)
            self._put(trouble)
        self._gone.set()

    def cut(self) -> None:
        """See `toolkit.host.faults.connection.Connection`."""
        self.break_off(Trouble.CUT)

    def reset(self) -> None:
        """See `toolkit.host.faults.connection.Connection`."""
        self.break_off(Trouble.RESET)

    def refuse(self) -> None:
        """See `toolkit.host.faults.connection.Connection`."""
        self.break_off(Trouble.REFUSED)

    @property
    def waits(self) -> bool:
        """Whether its client waits for something."""
        return self._side is not None

    def _begin(self, party: Party) -> None:
        party.acted()
        # What earlier requests of this instant have set going (a client that left, say) is over before this one comes:
        # threads and loops must not race within an instant.
        self.thread.when_quiet(self._arrive)

    def _arrive(self) -> None:
        if self._over:
            return  # its client has given up in the same instant
        self.scope["extensions"][CONNECTION] = self
        self.watcher.began(self)
        self.thread.spawn(self._run())

    async def _run(self) -> None:
        try:
            await self.app(self.scope, self._receive, self._send)
        except ConnectionCutError:
            self.break_off(Trouble.CUT)
        except asyncio.CancelledError:
            self.break_off(Trouble.ENDED)
            raise
        except Exception as error:  # noqa: BLE001 - a server answers 500 and lives on; the error is raised when the mock ends
            self._crashed(error)
        else:
            if not self._over:
                self.break_off(Trouble.CUT)

    def _crashed(self, error: Exception) -> None:
        if self.status is None and not self._over:
            self.status = 500
            self._put(Head(500, ((b"content-type", b"text/plain; charset=utf-8"),)))
            self._put(b"Internal Server Error")
            self._finish("answered", error)
            self._put(End())
        else:
            self._finish(Trouble.CUT.value, error)
            self._put(Trouble.CUT)

    async def _receive(self) -> Message:
        if not self._body_read:
            self._body_read = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._over:
            return  # as a server does: what is written after the client has gone is lost
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._put(Head(message["status"], tuple(message["headers"])))
            return
        body = bytes(message.get("body", b""))
        if body:
            self._put(body)
        if not message.get("more_body", False):
            self._finish("answered")
            self._put(End())
            self._gone.set()

    def _leave(self) -> None:
        self._finish("left")
        self._gone.set()

    def _finish(self, outcome: str, error: BaseException | None = None) -> None:
        if not self._over or error is not None:
            self._over = True
            self.watcher.ended(self, outcome, error)

    def _put(self, item: Item) -> None:
        self._items.append(item)
        side = self._side
        if side is not None:
            self._end_wait()
            side.party.deliver()
            side.notify()

    def _begin_wait(self, side: Side, timeout_s: float | None) -> None:
        if self._items:
            side.party.deliver()
            side.notify()
            return
        self._side = side
        self.crowd.begin(side.party)
        if side.blocks is not None:
            side.blocks.blocked += 1
        if timeout_s is not None:
            self._timer = self.thread.loop.call_later(timeout_s, self.break_off, Trouble.TIMED_OUT)

    def _end_wait(self) -> None:
        side, self._side = self._side, None
        if side is None:
            return
        self.crowd.end(side.party)
        if side.blocks is not None:
            side.blocks.blocked -= 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _call_there(loop: asyncio.AbstractEventLoop, action: Callable[[], None]) -> None:
    """On another loop, unless it has ended: then nobody is there to be told."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(action)
