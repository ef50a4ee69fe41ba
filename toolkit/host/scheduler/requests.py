"""The two things with a life of their own: a request, and a runner (a process with its model)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from toolkit.host.scheduler.memory import RunnerReport

if TYPE_CHECKING:
    from toolkit.host.scheduler.options import Demand, RunnerOptions
    from toolkit.host.scheduler.specs import ModelSpec

PATH_FAST = "fast"
"""Served at arrival, never queued."""
PATH_LOOP = "loop"
"""Queued, then found loaded."""
PATH_LOAD = "load"
"""This request loaded the model."""

NEW, AT_GATE, QUEUED, IN_HAND, SERVING, OVER, DROPPED = range(7)
"""Phases of a request; `AT_GATE` waits before it is even looked at, `IN_HAND` is being loaded for."""


class Eviction(NamedTuple):
    """A victim that was chosen for a request."""

    t_ns: int
    reason: str
    victim: Runner
    """The runner; its `name` says which process of which model."""


class Request:
    """One request. The scheduler writes down what became of it; drivers may subclass it to hang their own things on."""

    __slots__ = (
        "arrived_ns", "cancelled", "demand", "dequeued_ns", "evict_wait_ns", "evictions", "id", "keep_alive_ns",
        "load_end_ns", "load_start_ns", "model", "oom_retried", "path", "phase", "queued_ns", "runner", "served_ns",
        "use_mmap_auto",
    )  # fmt: skip

    def __init__(self, id: str, model: ModelSpec, demand: Demand, keep_alive_ns: int | None = None) -> None:  # noqa: A002 - the field's name
        self.id = id
        self.model = model
        self.demand = demand
        self.keep_alive_ns = keep_alive_ns
        """None if the request names none."""
        self.phase = NEW
        self.cancelled = False
        self.oom_retried = False
        self.use_mmap_auto = False
        """Its `use_mmap` was decided by the server."""
        self.runner: Runner | None = None
        self.path: str | None = None
        self.arrived_ns: int = 0
        self.queued_ns: int | None = None
        self.dequeued_ns: int | None = None
        self.load_start_ns: int | None = None
        """Start of its last load attempt."""
        self.load_end_ns: int | None = None
        self.served_ns: int | None = None
        self.evict_wait_ns = 0
        """Time spent waiting for victims: until idle, for the end of their processes, for their memory."""
        self.evictions: tuple[Eviction, ...] = ()

    def __repr__(self) -> str:
        return f"Request({self.id!r}, {self.model.name!r})"


class Launch(NamedTuple):
    """How a process is started."""

    model: ModelSpec
    gpus: tuple[int, ...]
    """Indices in the host's list of GPUs; empty for the CPU."""
    num_ctx_asked: int
    num_ctx: int
    """Context of one slot, clamped to the trained one."""
    num_batch: int
    num_gpu: int
    main_gpu: int | None
    use_mmap: bool | None
    num_parallel: int
    predicted_bytes: int
    surcharge_bytes: int
    require_full: bool
    """Other models are loaded."""

    def offloads(self) -> bool:
        """Whether it may use GPU memory at all."""
        return bool(self.gpus) and self.num_gpu != 0


class LoadFailure(NamedTuple):
    """Why a process did not come up."""

    kind: str
    """`error`, `oom` (a text that the server takes for out of memory) or `canceled`."""
    error: str


class Runner:
    """A process with a model, from its start to its end. Only the scheduler changes it."""

    __slots__ = (
        "accepted", "alive", "demand", "expires_at_ns", "held", "key", "launch", "mark", "model", "name",
        "number", "place", "ref_count", "report", "session_ns", "timer_due_ns", "use_mmap_auto", "waits_for_memory",
        "wake_ns",
    )  # fmt: skip

    def __init__(self, number: int, launch: Launch, demand: Demand, use_mmap_auto: bool) -> None:
        self.number = number
        self.name = f"{launch.model.name}#{number}"
        self.model = launch.model
        self.key = launch.model.digest
        self.launch = launch
        self.demand = demand
        """What later requests are compared with."""
        self.use_mmap_auto = use_mmap_auto
        self.report = RunnerReport((), 0, 0)
        self.waits_for_memory = False
        """Whether its unload waits for memory to come back."""
        self.place = 0
        """Place in the loaded set, the lowest that was free; the order in which all are evicted at once."""
        self.alive = True
        self.held = False
        """Somebody has it in hand: a notice about it cannot be delivered, or the completion side is about to end it or
        waits for its memory. Whoever wants to look at it waits."""
        self.ref_count = 0
        self.session_ns = 0
        """keep-alive duration; 0 or less: unload when idle."""
        self.expires_at_ns: int | None = None
        self.timer_due_ns: int | None = None
        """When its keep-alive timer runs out; None while it is not armed."""
        self.wake_ns: int | None = None
        """The earliest SetTimer outstanding for it: re-arming later does not need another."""
        self.mark: str | None = None
        """Why it is to go as soon as it is idle."""
        self.accepted: Demand | None = None
        """The last demand it was found fit for, so that warm traffic compares one reference."""

    @property
    def options(self) -> RunnerOptions:
        """The options it runs with."""
        return self.demand.options

    def __repr__(self) -> str:
        return f"Runner({self.name!r})"
