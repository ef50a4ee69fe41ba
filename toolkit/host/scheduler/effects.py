"""What the scheduler wants done; drivers perform the effects of one input in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from toolkit.host.scheduler.requests import Launch, Request, Runner


class Timer(NamedTuple):
    """What a SetTimer is for; hand it back unchanged."""

    kind: str
    """`expiry`, `poll` or `retry`."""
    runner: Runner
    due_ns: int
    reason: str = ""


class StartProcess(NamedTuple):
    """Spawn a process; its memory is taken at once."""

    request: Request
    runner: Runner
    launch: Launch


class EndProcess(NamedTuple):
    """Stop a process, be it loading or idle."""

    runner: Runner


class Serve(NamedTuple):
    """The request holds the runner from now on."""

    request: Request
    runner: Runner
    path: str


class Reject(NamedTuple):
    """Never scheduled."""

    request: Request
    status: int
    error: str


class Fail(NamedTuple):
    """Taken in hand, but its load came to nothing."""

    request: Request
    status: int
    error: str


class Drop(NamedTuple):
    """Its client had gone before its turn came; there is nobody to answer."""

    request: Request


class SetTimer(NamedTuple):
    """Call `timer(timer, now_ns)` at `due_ns`."""

    due_ns: int
    timer: Timer


Effect: TypeAlias = StartProcess | EndProcess | Serve | Reject | Fail | Drop | SetTimer
Effects: TypeAlias = Sequence[Effect]
