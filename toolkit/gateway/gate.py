"""The owner of one host's order: requests wait here for their turn. One event loop; nothing here does I/O.

turn = await gate.turn(model, priority)            # waits
…send; turn.loads says whether its model has to be loaded first
turn.is_there()                                    # the model is in memory
…read the answer
turn.answered = True
turn.end()                                         # in any case
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from toolkit.cache.disciplines.base import Waiting
from toolkit.gateway.refusal import Refusal, Why, stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from toolkit.gateway.order import HostOrder, Start

NS_PER_S = 1_000_000_000
_SHORTEST_RETRY_S = 1
_LONGEST_RETRY_S = 120


class Turn:
    """A request that may go. `waited_ns` is how long it stood in the queue."""

    def __init__(self, gate: Gate, number: int, model: str, waited_ns: int, *, loads: bool) -> None:
        self._gate = gate
        self.number = number
        self.model = model
        self.waited_ns = waited_ns
        self.loads = loads
        self.answered = False

    def is_there(self) -> None:
        """The model of the request is in memory. May be said again."""
        self._gate.loaded(self.number)

    def end(self) -> None:
        """It is over; to be said once, whatever came of it."""
        self._gate.ended(self)


class Gate:
    """See the module. `resident` gives the models in memory, least recently used first."""

    def __init__(
        self,
        order: HostOrder,
        resident: Callable[[], Sequence[str]],
        clock_ns: Callable[[], int],
        *,
        size: int,
        wait_ns: int | None,
    ) -> None:
        self._order = order
        self._resident = resident
        self._clock_ns = clock_ns
        self._size = size
        self._wait_ns = wait_ns
        self._numbers = 0
        self._is_closed = False
        self._calls: dict[int, asyncio.Future[Start]] = {}
        self._under_way: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._order.waiting

    @property
    def loading(self) -> str | None:
        """The model that is being loaded for somebody; of several, the one that has taken longest."""
        return next(iter(self._order.loading), None)

    @property
    def loads(self) -> dict[str, int]:
        """All models that are being loaded, each with the moment at which that began."""
        return self._order.loading

    def waiting_by_model(self) -> dict[str, int]:
        """How many wait for each model."""
        return self._order.waiting_by_model()

    def running_by_model(self) -> Counter[str]:
        """How many are being answered by each model; it goes on to be true, and is not to be changed."""
        return self._under_way

    def retry_s(self) -> int:
        """After how many seconds somebody who is turned away may find a place."""
        wait_ns = self._order.wait_ns(self._clock_ns(), self._resident())
        places = max(1, self._order.waiting)
        return min(max(_SHORTEST_RETRY_S, round(wait_ns / places / NS_PER_S)), _LONGEST_RETRY_S)

    async def turn(self, model: str, priority: int = 0) -> Turn:
        """Wait for one's turn, and have it until it is ended.

        Raises:
            Refusal: too many wait, or the turn has not come in time.
        """
        if self._is_closed:
            raise stopping()
        number, began_ns = self._numbers, self._clock_ns()
        self._numbers += 1
        request, waited_ns = Waiting(number, model, began_ns, priority), 0
        start = self._order.starts_alone(request, began_ns, self._resident())
        if start is None:
            start = await self._called(request)
            waited_ns = self._clock_ns() - began_ns
        self._under_way[model] += 1
        return Turn(self, number, model, waited_ns, loads=start.loads)

    async def _called(self, request: Waiting) -> Start:
        """Stand in the queue."""
        call: asyncio.Future[Start] = asyncio.get_running_loop().create_future()
        self._calls[request.number] = call
        self._order.arrived(request)
        self.look_again()
        try:
            if not call.done():
                await self._wait(call)
        except BaseException:
            self._give_up(request.number)
            raise
        return call.result()

    def ended(self, turn: Turn) -> None:
        """A request that had its turn is over."""
        self._under_way[turn.model] -= 1
        if not self._under_way[turn.model]:
            del self._under_way[turn.model]
        self._order.done(turn.number, self._clock_ns(), answered=turn.answered)
        self.look_again()

    def loaded(self, number: int) -> None:
        """The model of a request that has its turn is in memory."""
        self._order.loaded(number, self._clock_ns())
        self.look_again()

    def close(self) -> None:
        """Turn away who waits, and who comes. Who has its turn goes on."""
        self._is_closed = True
        for call in self._calls.values():
            if not call.done():
                call.set_exception(stopping())

    def seen(self, models: Collection[str], asked_ns: int) -> None:
        """A look at the host, asked for at `asked_ns`, found these models in memory."""
        self._order.seen(models, asked_ns, self._clock_ns())
        self.look_again()

    def look_again(self) -> None:
        """Let go who can go; to be called when something about the host has changed."""
        while self._calls and (start := self._order.next(self._clock_ns(), self._resident())) is not None:
            call = self._calls.pop(start.request.number)
            if not call.done():
                call.set_result(start)

    async def _wait(self, call: asyncio.Future[Start]) -> None:
        if self._order.waiting > self._size:
            raise Refusal(Why.QUEUE_FULL, f"{self._size} requests wait already; try again later", self.retry_s())
        limit_s = None if self._wait_ns is None else self._wait_ns / NS_PER_S
        try:
            async with asyncio.timeout(limit_s):
                await asyncio.shield(call)
        except TimeoutError:
            text = f"the request has waited {limit_s:g} s for its model and gives up its place; try again later"
            raise Refusal(Why.WAITED_TOO_LONG, text, self.retry_s()) from None

    def _give_up(self, number: int) -> None:
        """Whoever waited has gone, perhaps at the very moment when it was his turn."""
        if self._calls.pop(number, None) is not None:
            self._order.left(number)
        else:
            self._order.done(number, self._clock_ns(), answered=False)
        self.look_again()
