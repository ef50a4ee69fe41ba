"""A twin with a plan of faults at work in it: before the application, in loads, in the machine, in the clock."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from toolkit.host.assembly import Twin, TwinOptions, assemble
from toolkit.host.faults.conditions import GpuMemoryTaken, SlowDisk
from toolkit.host.faults.faulty_app import FaultyApp
from toolkit.host.faults.faulty_clock import FaultyClock
from toolkit.host.faults.injector import Injector
from toolkit.host.faults.loads import afflicted
from toolkit.host.library.names import parse_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.host.clock import Clock
    from toolkit.host.course import LoadCourse
    from toolkit.host.faults.plan import FaultPlan
    from toolkit.host.faults.wire import Doors
    from toolkit.host.scheduler import Observer
    from toolkit.host.timing import HostSpeeds

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class FaultyTwin:
    """A twin, the application that clients get to see, and what has struck so far."""

    twin: Twin
    app: FaultyApp
    injector: Injector


def assemble_faulty(
    options: TwinOptions,
    clock: Clock,
    plan: FaultPlan,
    doors: Doors,
    *,
    inspector: Any = None,
    observer: Observer | None = None,
) -> FaultyTwin:
    """Make a twin with faults; their times count from now. Raises as `toolkit.host.assembly.assemble`."""
    injector = Injector(plan, clock)
    twin = assemble(options, FaultyClock(clock, injector), inspector=inspector, observer=observer)
    machine = FaultyMachine(twin, injector)
    twin.host.mishap = machine.mishap
    return FaultyTwin(twin, FaultyApp(twin.app, injector, machine, doors), injector)


@dataclass(slots=True)
class FaultyMachine:
    """Changes the host behind a twin as the plan says. For the loop that the twin runs on."""

    twin: Twin
    injector: Injector
    _speeds: HostSpeeds = field(init=False)
    _taken: dict[int, int] = field(default_factory=dict)
    _timer: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self._speeds = self.twin.host.parts.figures.speeds

    def mishap(self, model: str, course: LoadCourse) -> LoadCourse:
        """See `toolkit.host.course.Mishap`."""
        fault = self.injector.load(model)
        if fault is None:
            return course
        return afflicted(fault, course, self.twin.host.scheduler.settings.load_timeout_ns)

    def refresh(self) -> None:
        """See `faulty_app.Machine`; it comes back by itself when the next span begins or ends."""
        disks = [disk.read_bytes_per_s for disk in self.injector.in_force(SlowDisk) if isinstance(disk, SlowDisk)]
        slowest = min([self._speeds.disk_bytes_per_s, *disks])
        self.twin.host.parts.figures.speeds = replace(self._speeds, disk_bytes_per_s=slowest)
        self._take()
        change_ns = self.injector.next_change_ns()
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = None if change_ns is None else loop.call_later(change_ns / _NS_PER_S, self.refresh)

    def _take(self) -> None:
        wanted: dict[int, int] = {}
        for fault in self.injector.in_force(GpuMemoryTaken):
            if isinstance(fault, GpuMemoryTaken) and fault.gpu < len(self.twin.host.parts.hardware.gpus):
                wanted[fault.gpu] = wanted.get(fault.gpu, 0) + fault.memory_bytes
        for gpu in wanted.keys() | self._taken.keys():
            self.twin.host.machine.take(gpu, wanted.get(gpu, 0) - self._taken.get(gpu, 0))
        self._taken = wanted

    @contextlib.contextmanager
    def corrupting(self, model: str | None) -> Iterator[None]:
        """See `faulty_app.Machine`; nothing happens for a model that the registry does not offer."""
        name = parse_name(model or "")
        registry = self.twin.services.registries.hosts.get(name.host)
        key = (name.namespace, name.model, name.tag)
        offer = registry.offers.get(key) if registry is not None else None
        if registry is None or offer is None or not offer.manifest.layers:
            yield
            return
        largest = max(offer.manifest.layers, key=lambda layer: layer.size_bytes)
        registry.offers[key] = replace(offer, corrupt=largest.digest)
        try:
            yield
        finally:
            registry.offers[key] = offer
