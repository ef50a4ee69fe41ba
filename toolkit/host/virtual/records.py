"""What a client sends to a virtual host, and what it learns about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.host.scheduler import Demand, ModelSpec, Request

if TYPE_CHECKING:
    from collections.abc import Callable

CHAT, PRELOAD, UNLOAD = "chat", "preload", "unload"
OK, CANCELLED, FAILED, REJECTED, DROPPED = "ok", "cancelled", "failed", "rejected", "dropped"
SUCCESS, BAD_REQUEST, CLIENT_GONE, SERVER_ERROR = 200, 400, 499, 500


class Ask(NamedTuple):
    """What a client sends."""

    id: str
    model: str
    kind: str = CHAT
    """`chat` (anything that generates or embeds), `preload` (an empty prompt) or `unload`."""
    keep_alive: Any = None
    """As in the API: None = not given, number = seconds, string = Go duration."""
    options: tuple[tuple[str, Any], ...] = ()
    """The API's options, as pairs; asks with equal options share their resolved form."""
    work: Any = None
    """The client's own, for `Timing.service_ns`: tokens, say."""


class RequestRecord(NamedTuple):
    """What became of a request; times in virtual nanoseconds, None where it did not come to that."""

    id: str
    model: str
    kind: str
    outcome: str
    """`ok`, `cancelled` (while served), `failed`, `rejected`, or `dropped` (cancelled in the queue: no answer)."""
    status: int
    """HTTP status of the answer; 499 for one that nobody waited for."""
    error: str | None
    path: str | None
    """`fast` and `loop` found the model loaded, `load` loaded it."""
    arrived_ns: int
    queued_ns: int | None
    dequeued_ns: int | None
    """When the loading loop took it in hand."""
    evict_wait_ns: int
    """Waiting for victims: until idle, for the end of their processes, for their memory."""
    load_start_ns: int | None
    load_end_ns: int | None
    served_ns: int | None
    """When it got its runner."""
    service_start_ns: int | None
    """When it got a slot of the runner."""
    done_ns: int
    runner: str | None
    victims: tuple[str, ...]
    """Names of the runners evicted for it, `<model>#<n>`, in order."""
    reload: bool
    """Its own model was evicted for it, to be loaded with other options."""
    ask: Ask
    first_ns: int | None = None
    """When the prompt had been read, if the timing says how long that takes."""

    @property
    def slot_wait_ns(self) -> int | None:
        """Between runner and slot."""
        if self.served_ns is None or self.service_start_ns is None:
            return None
        return self.service_start_ns - self.served_ns


class Ticket(Request):
    """A request on its way through a virtual host."""

    __slots__ = (
        "ask", "done", "first_ns", "first_part_ns", "in_slot", "on_done", "on_served", "service_start_ns", "wall_clock",
    )  # fmt: skip

    def __init__(
        self,
        ask: Ask,
        model: ModelSpec,
        demand: Demand,
        keep_alive_ns: int | None,
        *,
        on_served: Callable[[Ticket], None] | None,
        on_done: Callable[[RequestRecord], None] | None,
    ) -> None:
        super().__init__(ask.id, model, demand, keep_alive_ns)
        self.ask = ask
        self.on_served = on_served
        self.on_done = on_done
        self.in_slot = False
        self.done = False
        self.service_start_ns: int | None = None
        self.first_part_ns: int | None = None
        self.first_ns: int | None = None
        self.wall_clock = False
        """Its service lasts as long as the timing says, whoever else computes; it slows others down all the same."""


def record_of(ticket: Ticket, outcome: str, status: int, error: str | None, now_ns: int) -> RequestRecord:
    """What became of a request that was scheduled, and is over now."""
    ask, runner, evictions = ticket.ask, ticket.runner, ticket.evictions
    return RequestRecord(
        ask.id,
        ask.model,
        ask.kind,
        outcome,
        status,
        error,
        ticket.path,
        ticket.arrived_ns,
        ticket.queued_ns,
        ticket.dequeued_ns,
        ticket.evict_wait_ns,
        ticket.load_start_ns,
        ticket.load_end_ns,
        ticket.served_ns,
        ticket.service_start_ns,
        now_ns,
        None if runner is None else runner.name,
        tuple(eviction.victim.name for eviction in evictions) if evictions else (),
        any(eviction.reason == "reload" for eviction in evictions) if evictions else False,
        ask,
        ticket.first_ns,
    )


def plain_record(ask: Ask, outcome: str, status: int, error: str | None, now_ns: int) -> RequestRecord:
    """The record of something that was never scheduled."""
    return RequestRecord(
        ask.id, ask.model, ask.kind, outcome, status, error, None, now_ns, None, None, 0, None, None, None, None,
        now_ns, None, (), False, ask,
    )  # fmt: skip
