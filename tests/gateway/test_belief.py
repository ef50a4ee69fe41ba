"""What the gateway believes of a host's memory is often wrong; nobody waits for ever because of that."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.gateway.memory_host import MemoryHost
from toolkit.cache.disciplines.estimates import ServiceEstimates
from toolkit.cache.manager import build_manager
from toolkit.cache.registry import StrategyContext
from toolkit.gateway.ask import Ask
from toolkit.gateway.backend import Backend
from toolkit.gateway.breaker import FAILURES, FIRST_PAUSE_NS, Breaker
from toolkit.gateway.exchange import Dispatcher
from toolkit.gateway.fleet import Fleet, look_at
from toolkit.gateway.gate import Gate
from toolkit.gateway.memory import LearnedMemory
from toolkit.gateway.order import HostOrder
from toolkit.gateway.refusal import Refusal
from toolkit.gateway.reply import whole_body
from toolkit.ollama.errors import OllamaError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from toolkit.gateway.course import Course

NS_PER_S = 1_000_000_000
SIZES = {"a:1b": 4, "b:1b": 3, "c:1b": 3, "d:1b": 2}
MODELS = st.sampled_from(sorted(SIZES))
PLACES = st.integers(0, 9)
PATIENT_ROUNDS = 600
"""Seconds in which a healthy host must have answered everybody; a stuck eviction takes 15 of them."""


class Notes:
    """Keeps what became of each request."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def began(self) -> None:
        pass

    def ended(self, course: Course) -> None:
        self.outcomes.append(course.outcome)


class Behind:
    """A gateway's inner parts before a host in memory, on a clock that stands still unless it is moved."""

    def __init__(self, room: int, parallel: int, strategy: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.now_ns = 0
        self.host = MemoryHost(SIZES, room)
        self.notes = Notes()
        memory = LearnedMemory()
        self.backend = Backend(
            "host",
            cast("Any", self.host),
            cache=build_manager(strategy, "lru", StrategyContext(models=tuple(SIZES))),
            memory=memory,
            breaker=Breaker(),
            clock_ns=self.clock_ns,
        )
        order = HostOrder(20 * NS_PER_S, memory.places, ServiceEstimates(), memory, parallel)
        self.gate = Gate(order, self.backend.resident, self.clock_ns, size=100, wait_ns=None)
        self.backend.serves(self.gate)
        self.dispatcher = Dispatcher(Fleet([self.backend]), {}, self.clock_ns, self.notes)
        self.tasks: list[asyncio.Task[None]] = []
        self.run(self.backend.list_installed())

    def clock_ns(self) -> int:
        return self.now_ns

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        self.loop.run_until_complete(work)
        self.settle()

    def settle(self) -> None:
        """Let everything happen that needs no time."""

        async def turns() -> None:
            for _ in range(40):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())

    def ask(self, model: str) -> None:
        async def asking() -> None:
            body = {"messages": [{"role": "user", "content": "x"}]}
            with contextlib.suppress(Refusal, OllamaError):
                async with self.dispatcher.asks(Ask("chat", "/api/chat", body, model, "test")) as reply:
                    await whole_body(reply)

        self.tasks.append(self.loop.create_task(asking()))
        self.settle()

    @property
    def open(self) -> list[asyncio.Task[None]]:
        return [task for task in self.tasks if not task.done()]

    def heal(self) -> int:
        """The host is well and nobody disturbs it; returns the seconds until everybody is answered."""
        self.host.is_up = True
        for second in range(PATIENT_ROUNDS):
            if not self.open:
                return second
            self.now_ns += NS_PER_S
            self.host.speak()
            self.host.finish(second)
            self.settle()
            self.run(self.backend.look())
        return PATIENT_ROUNDS

    def close(self) -> None:
        for task in (*self.tasks, *self.backend._tasks):
            task.cancel()
        self.settle()
        self.loop.close()


class Disturbed(RuleBasedStateMachine):
    """Requests through the gateway, while the host evicts, fails, dies and is used by others."""

    @initialize(
        room=st.integers(4, 8), parallel=st.integers(1, 2), strategy=st.sampled_from(("ram", "none", "lru-unload"))
    )
    def begin(self, room: int, parallel: int, strategy: str) -> None:
        self.behind = Behind(room, parallel, strategy)

    @rule(model=MODELS)
    def somebody_asks(self, model: str) -> None:
        self.behind.ask(model)

    @rule(place=PLACES)
    @precondition(lambda self: self.behind.open)
    def a_client_leaves(self, place: int) -> None:
        self.behind.open[place % len(self.behind.open)].cancel()
        self.behind.settle()

    @rule()
    def first_tokens_come(self) -> None:
        self.behind.host.speak()
        self.behind.settle()

    @rule(place=PLACES)
    def an_answer_ends(self, place: int) -> None:
        self.behind.host.finish(place)
        self.behind.settle()

    @rule(place=PLACES)
    def a_request_fails(self, place: int) -> None:
        self.behind.host.fail(place)
        self.behind.settle()

    @rule(model=MODELS)
    def somebody_else_evicts(self, model: str) -> None:
        self.behind.host.evict(model)
        self.behind.settle()

    @rule(model=MODELS)
    @precondition(lambda self: self.behind.host.is_up)
    def somebody_else_asks(self, model: str) -> None:
        host = self.behind.host

        async def asking() -> None:
            asked = host.came(model)
            asked.has_begun = True  # nobody reads it

        self.behind.run(asking())

    @rule(room=st.integers(4, 8))
    def another_program_takes_memory_or_gives_it_back(self, room: int) -> None:
        """So what was seen to fit together may fit no longer."""
        self.behind.host.room = room

    @rule()
    def the_host_dies(self) -> None:
        self.behind.host.die()
        self.behind.settle()

    @rule()
    def the_host_is_back(self) -> None:
        self.behind.host.is_up = True

    @rule()
    def the_gateway_looks(self) -> None:
        self.behind.run(self.behind.backend.look())

    @rule(seconds=st.integers(1, 30))
    def time_passes(self, seconds: int) -> None:
        self.behind.now_ns += seconds * NS_PER_S

    @invariant()
    def who_waits_waits_for_somebody(self) -> None:
        """INV-WAY-OUT: while somebody waits, somebody has the turn, whose end lets others go."""
        if hasattr(self, "behind"):
            gate = self.behind.gate
            assert not gate.waiting or gate.running_by_model().total()

    @invariant()
    def every_request_is_counted(self) -> None:
        """INV-COUNT: who has come and has not ended waits or has the turn."""
        if hasattr(self, "behind"):
            gate = self.behind.gate
            assert gate.waiting + gate.running_by_model().total() == len(self.behind.open)
            assert len(self.behind.notes.outcomes) == len(self.behind.tasks) - len(self.behind.open)

    def teardown(self) -> None:
        """INV-ANSWERED: on a host that is well again everybody is answered."""
        if hasattr(self, "behind"):
            try:
                assert self.behind.heal() < PATIENT_ROUNDS
                self.behind.run(self.behind.backend.look())
                assert not self.behind.gate.loads
                assert not len(self.behind.backend._loads)
            finally:
                self.behind.close()


TestDisturbed = Disturbed.TestCase
TestDisturbed.settings = settings(max_examples=60, stateful_step_count=30)


def test_a_host_that_is_back_is_found_before_its_pause_is_over() -> None:
    with contextlib.closing(Behind(4, 1, "ram")) as behind:
        breaker = behind.backend.breaker
        behind.host.die()
        for _ in range(FAILURES):
            behind.ask("a:1b")
        behind.run(look_at(behind.backend))
        assert breaker.left_ns(behind.now_ns) == FIRST_PAUSE_NS, "looks do not make the pause longer"
        behind.host.is_up = True
        behind.run(look_at(behind.backend))
        assert not breaker.left_ns(behind.now_ns)
        behind.ask("a:1b")
        assert behind.heal() < PATIENT_ROUNDS


def test_a_host_that_fails_its_requests_and_answers_looks_is_left_alone() -> None:
    with contextlib.closing(Behind(4, 1, "ram")) as behind:
        breaker = behind.backend.breaker
        behind.run(look_at(behind.backend))
        for _ in range(FAILURES):
            breaker.failed(behind.now_ns)
        behind.run(look_at(behind.backend))
        assert breaker.left_ns(behind.now_ns) == FIRST_PAUSE_NS
        behind.now_ns += FIRST_PAUSE_NS
        behind.run(look_at(behind.backend))
        assert breaker.allows(behind.now_ns)
