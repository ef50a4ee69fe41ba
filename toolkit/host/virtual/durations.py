"""How long things last on a virtual host: the protocol, and its simplest implementation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.host.scheduler import Launch, LoadFailure, Runner, RunnerReport
    from toolkit.host.virtual.records import Ticket


class LoadStart(NamedTuple):
    """A process that is being started, for `Timing.load`."""

    runner: Runner
    launch: Launch
    report: RunnerReport
    """What it took."""
    attempt: int
    """Counts the starts of this blob from 1."""
    others_alive: bool
    """A process of another blob is alive."""
    now_ns: int


class LoadWork(NamedTuple):
    """A load as work of a processor that others use, too, and what comes after the work."""

    work_ns: int
    """With a core of its own."""
    look_ns: int
    """The server looks at its runner so often, counted from the start; the load ends with the first look after it."""
    answer_ns: int
    """From that look until the runner is in hand."""
    ended: Callable[[int], None]
    """Told when the load has ended."""


class LoadPlan(NamedTuple):
    """How a load will go."""

    duration_ns: int
    failure: LoadFailure | None = None
    """The process crashes after the duration."""
    work: LoadWork | None = None
    """On a host whose cores are shared this decides instead of the duration."""


class Timing(Protocol):
    """How long things last."""

    def load(self, start: LoadStart) -> LoadPlan:
        """A process is started."""

    def unload_ns(self, runner: Runner, now_ns: int) -> int:
        """A process is told to end."""

    def service_ns(self, ticket: Ticket, runner: Runner, now_ns: int, active: int) -> int:
        """A request begins to be worked on; `active` requests of the runner are, this one included.

        Whoever knows when the prompt will have been read notes it in `ticket.first_part_ns`.
        """


class Constant(NamedTuple):
    """The same durations for everything."""

    load_duration_ns: int
    unload_duration_ns: int
    service_duration_ns: int

    def load(self, start: LoadStart) -> LoadPlan:
        """Always succeeds."""
        del start
        return LoadPlan(self.load_duration_ns)

    def unload_ns(self, runner: Runner, now_ns: int) -> int:
        """Constant."""
        del runner, now_ns
        return self.unload_duration_ns

    def service_ns(self, ticket: Ticket, runner: Runner, now_ns: int, active: int) -> int:
        """Constant."""
        del ticket, runner, now_ns, active
        return self.service_duration_ns
