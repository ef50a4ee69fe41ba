"""The scheduler in real time: timers of the event loop, simulated processes, requests that wait in coroutines.

Invented durations (loads, unloads, reading, writing) last `time_scale` times what the timing model says; keep-alive,
time limits and the scheduler's own polls are never scaled. What answers report is unscaled.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.host import timing
from toolkit.host.app.engine import EngineRefusedError, LoadedView
from toolkit.host.course import LoadCourse, Mishap, undisturbed
from toolkit.host.figures import FiguredFootprints, Figures
from toolkit.host.footprints import RunnerMemory
from toolkit.host.machine import HostHardware, Machine
from toolkit.host.pagecache import PageCache
from toolkit.host.scheduler import (
    Demand,
    Drop,
    Effects,
    EndProcess,
    Fail,
    LoadFailure,
    ModelSpec,
    Observer,
    Reject,
    Request,
    Runner,
    RunnerReport,
    Scheduler,
    Serve,
    SetTimer,
    Settings,
    StartProcess,
    Timer,
    profile,
)
from toolkit.host.slots import HostLease, Pace, Slots

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolkit.host.clock import Clock
    from toolkit.host.library.models import InstalledModel

RESIDENT_LOAD_NS = 2_000_000
"""What a request whose model is in memory reports as its load: the server's own work, as measured."""
LONGEST_TIMER_S = 86_400.0
"""A later timer is set again on the way; event loops refuse very long ones."""
MOST_DEMANDS = 4096
_NS_PER_S = 1_000_000_000
_ABORT = "GGML_ASSERT(id_to_token.size() == token_to_id.size()) failed"
BROKEN = f"llama-server process has terminated: {_ABORT}: {_ABORT}"


class _Ask(Request):
    """A request of a client, with the coroutine that waits for it."""

    __slots__ = ("installed", "invented_ns", "turn")

    def __init__(
        self, name: str, installed: InstalledModel, model: ModelSpec, demand: Demand, *, keep_alive_ns: int | None
    ) -> None:
        super().__init__(name, model, demand, keep_alive_ns)
        self.installed = installed
        self.turn: asyncio.Future[Runner] = asyncio.get_running_loop().create_future()
        self.invented_ns = 0
        """Unscaled durations that it has waited for: loads, and the ends of processes."""


@dataclass(slots=True)
class _Process:
    """What is known of a process besides its runner."""

    installed: InstalledModel
    slots: Slots
    host_bytes: int


@dataclass(slots=True)
class HostParts:
    """What a host is made of, besides its clock."""

    hardware: HostHardware
    figures: Figures
    environment: Mapping[str, str] = field(default_factory=dict)
    profile_name: str = "v0.32"
    engine_logs: bool = True
    """See `FiguredFootprints`."""
    jitter_sigma: float = 0.0
    process_overhead_bytes: int = 0
    """What CUDA takes for each process on each GPU."""
    seed: int = 0
    broken: Callable[[InstalledModel], bool] = lambda _model: False
    """Whether the process of a model ends while it loads."""


class RealtimeHost:
    """An engine: the scheduler's core on an event loop. Use it in one loop only."""

    def __init__(
        self, parts: HostParts, clock: Clock, *, time_scale: float = 1.0, observer: Observer | None = None
    ) -> None:
        self._clock, self._scale, self._parts = clock, time_scale, parts
        self.mishap: Mishap = undisturbed
        memory = RunnerMemory.of(parts.environment, parts.hardware.specs, parts.process_overhead_bytes)
        footprints = FiguredFootprints(parts.figures, memory, engine_logs=parts.engine_logs)
        self.machine = Machine(parts.hardware, footprints)
        self.scheduler = Scheduler(
            parts.hardware.specs,
            Settings.from_environment(parts.environment),
            self.machine,
            profile=profile(parts.profile_name),
            observer=observer,
        )
        self._pages = PageCache()
        self._random = random.Random(parts.seed)
        self._numbers = itertools.count(1)
        self._processes: dict[Runner, _Process] = {}
        self._loading: Runner | None = None
        self._waiting: set[_Ask] = set()
        self._demands: dict[tuple[int, str, bool | None], tuple[ModelSpec, Demand]] = {}
        self._gate_waiters: list[asyncio.Future[None]] = []
        self._performers: dict[type, Callable[[Any], None]] = {
            Serve: self._serve,
            SetTimer: lambda effect: self._set_timer(effect.due_ns, effect.timer),
            StartProcess: self._start,
            EndProcess: lambda effect: self._end(effect.runner),
            Reject: self._refuse,
            Fail: self._refuse,
            Drop: lambda _effect: None,
        }

    @property
    def parts(self) -> HostParts:
        """What it is made of."""
        return self._parts

    # What the endpoints call -------------------------------------------------------------------------------------

    async def acquire(
        self, model: InstalledModel, options: dict[str, Any], keep_alive_ns: int | None, *, shift: bool | None = None
    ) -> HostLease:
        """See `toolkit.host.app.engine.Engine`."""
        spec = self._parts.figures.spec(model)
        demand = self._demand(spec, options, shift)
        ask = _Ask(f"r{next(self._numbers)}", model, spec, demand, keep_alive_ns=keep_alive_ns)
        self._perform(self.scheduler.submit(ask, self._clock.now_ns()))
        return self._lease(ask, ask.turn.result() if ask.turn.done() else await self._turn_of(ask))

    async def _turn_of(self, ask: _Ask) -> Runner:
        self._waiting.add(ask)
        try:
            return await ask.turn
        except asyncio.CancelledError:
            self._perform(self.scheduler.cancel(ask, self._clock.now_ns()))
            raise
        finally:
            self._waiting.discard(ask)

    def _demand(self, spec: ModelSpec, options: dict[str, Any], shift: bool | None) -> Demand:
        """Resolved once for equal options, so that warm requests compare one reference."""
        key = (id(spec), repr(options), shift)
        known = self._demands.get(key)
        if known is not None:
            return known[1]
        if len(self._demands) >= MOST_DEMANDS:
            self._demands.clear()
        demand = self.scheduler.resolve(spec, options, shift)
        self._demands[key] = (spec, demand)  # the spec lives as long as its id counts
        return demand

    def _lease(self, ask: _Ask, runner: Runner) -> HostLease:
        waited_ns = self._clock.now_ns() - ask.arrived_ns
        own_ns = max(waited_ns - round(ask.invented_ns * self._scale), 0)
        sigma = self._parts.jitter_sigma
        return HostLease(
            runner=runner,
            slots=self._processes[runner].slots,
            cost=self._parts.figures.costs[runner.key],
            speeds=self._parts.figures.speeds,
            pace=Pace(self._clock, self._scale),
            spread=self._random.lognormvariate(0.0, sigma) if sigma else 1.0,
            load_ns=RESIDENT_LOAD_NS + ask.invented_ns + own_ns,
            num_ctx=runner.launch.num_ctx,
            context_shift=ask.demand.context_shift,
            give_back=lambda: self._finish(ask),
        )

    def _finish(self, ask: _Ask) -> None:
        self._perform(self.scheduler.finish(ask, self._clock.now_ns()))

    def unload(self, model: InstalledModel) -> None:
        """See `Engine`."""
        self._perform(self.scheduler.unload(self._parts.figures.spec(model), self._clock.now_ns()))

    async def loaded(self) -> list[LoadedView]:
        """See `Engine`."""
        while self.scheduler.gate_closed:
            gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._gate_waiters.append(gate)
            await gate
        now_ns, wall_ns = self._clock.now_ns(), self._clock.wall_ns()
        views = []
        for line in self.scheduler.runners():
            expires_at_ns = now_ns + line.session_ns if line.expires_at_ns is None else line.expires_at_ns
            installed = self._processes[line.runner].installed
            views.append(
                LoadedView(installed, line.total_bytes, line.vram_bytes, line.num_ctx, wall_ns + expires_at_ns - now_ns)
            )
        return views

    def state(self) -> dict[str, Any]:
        """What the scheduler and the machine are doing, for those who look inside."""
        now_ns = self._clock.now_ns()
        pending, completion = self.scheduler.states
        return {
            "pending": pending,
            "completion": completion,
            "queued": self.scheduler.queued,
            "gate_closed": self.scheduler.gate_closed,
            "loading": self._loading.name if self._loading is not None else None,
            "processes": [runner.name for runner in self.machine.processes],
            "loaded": [
                {
                    "model": line.name,
                    "ref_count": line.ref_count,
                    "num_ctx": line.num_ctx,
                    "size_bytes": line.total_bytes,
                    "vram_bytes": line.vram_bytes,
                    "keep_alive_ns": line.session_ns,
                    "expires_in_ns": None if line.expires_at_ns is None else line.expires_at_ns - now_ns,
                    "busy_slots": self._processes[line.runner].slots.active,
                }
                for line in self.scheduler.runners()
            ],
            "gpu_free_bytes": list(self.machine.gpu_free_bytes(now_ns)),
            "system_free_bytes": self.machine.system_free_bytes(now_ns),
        }

    def kill(self, model: InstalledModel) -> bool:
        """End the process of a model, as a crash would; False if there is none."""
        digest = self._parts.figures.spec(model).digest
        for line in self.scheduler.runners():
            if line.runner.key == digest and line.runner.alive:
                self.scheduler.process_died(line.runner)
                return True
        return False

    # Effects -----------------------------------------------------------------------------------------------------

    def _perform(self, effects: Effects) -> None:
        for effect in effects:
            self._performers[type(effect)](effect)
        if self._gate_waiters and not self.scheduler.gate_closed:
            self._open_gate()

    def _open_gate(self) -> None:
        waiting, self._gate_waiters = self._gate_waiters, []
        for gate in waiting:
            if not gate.done():
                gate.set_result(None)

    @staticmethod
    def _serve(effect: Serve) -> None:
        request = effect.request
        assert isinstance(request, _Ask)  # noqa: S101 - no others are submitted here
        if not request.turn.done():
            request.turn.set_result(effect.runner)

    def _refuse(self, effect: Reject | Fail) -> None:
        request = effect.request
        assert isinstance(request, _Ask)  # noqa: S101 - no others are submitted here
        if not request.turn.done():
            aborted = isinstance(effect, Fail) and self._parts.broken(request.installed)
            request.turn.set_exception(EngineRefusedError(effect.status, effect.error, aborted=aborted))

    def _set_timer(self, due_ns: int, timer: Timer) -> None:
        delay_s = max(due_ns - self._clock.now_ns(), 0) / _NS_PER_S
        asyncio.get_running_loop().call_later(min(delay_s, LONGEST_TIMER_S), self._timer, due_ns, timer)

    def _timer(self, due_ns: int, timer: Timer) -> None:
        now_ns = self._clock.now_ns()
        if now_ns < due_ns:
            self._set_timer(due_ns, timer)
        else:
            self._perform(self.scheduler.timer(timer, now_ns))

    # Processes ---------------------------------------------------------------------------------------------------

    def _start(self, effect: StartProcess) -> None:
        runner, launch, ask = effect.runner, effect.launch, effect.request
        assert isinstance(ask, _Ask)  # noqa: S101 - no others are submitted here
        started_ns = self._clock.now_ns()
        report = self.machine.start(runner, launch, started_ns)
        process = _Process(ask.installed, Slots(launch.num_parallel), report.total_bytes - report.vram_bytes)
        self._processes[runner] = process
        failure = LoadFailure("error", BROKEN) if self._parts.broken(ask.installed) else None
        course = self.mishap(ask.installed.name.short, LoadCourse(self._load_ns(runner, report), 0, failure))
        self._loading = runner

        def over() -> None:
            if self._loading is not runner:
                return  # given up meanwhile
            self._loading = None
            now_ns = self._clock.now_ns()
            self._waited(started_ns, now_ns, course.duration_ns)
            if course.failure is None:
                self._perform(self.scheduler.load_done(runner, report, now_ns))
                return
            self.machine.end(runner, now_ns)
            self._processes.pop(runner)
            self._perform(self.scheduler.load_failed(runner, course.failure, now_ns))

        self._after(course.duration_ns, over, course.extra_ns)

    def _load_ns(self, runner: Runner, report: RunnerReport) -> int:
        cost, parts = self._parts.figures.costs[runner.key], self._parts
        share = report.vram_bytes / report.total_bytes if report.total_bytes else 0.0
        held = sum(process.host_bytes for process in self._processes.values())
        cached = self._pages.read(runner.key, cost.file_bytes, parts.hardware.system_free_bytes - held)
        raw_ns = timing.load_ns(
            cost,
            parts.figures.speeds,
            cached_bytes=cached,
            host_buffer_bytes=round(max(report.total_bytes - cost.weights_bytes, 0) * (1 - share)),
            device_share=share,
        )
        raw_ns = timing.jittered_ns(raw_ns, parts.jitter_sigma, self._random)
        return timing.polled_ns(raw_ns, timing.look_period_ns(self._random))

    def _waited(self, started_ns: int, now_ns: int, duration_ns: int) -> None:
        """An invented duration is over: tell those who waited for it, or for what was left of it when they came."""
        for ask in self._waiting:
            missed_ns = max(ask.arrived_ns - started_ns, 0) if self._scale else 0
            ask.invented_ns += duration_ns - round(duration_ns * missed_ns / max(now_ns - started_ns, missed_ns, 1))

    def _end(self, runner: Runner) -> None:
        process = self._processes[runner]
        if self._loading is runner:
            self._loading = None
        started_ns = self._clock.now_ns()
        raw_ns = timing.unload_ns(process.host_bytes, runner.report.vram_bytes, self._parts.figures.speeds)
        duration_ns = timing.jittered_ns(raw_ns, self._parts.jitter_sigma, self._random)

        def over() -> None:
            now_ns = self._clock.now_ns()
            self._waited(started_ns, now_ns, duration_ns)
            self.machine.end(runner, now_ns)
            self._processes.pop(runner)
            self._perform(self.scheduler.process_ended(runner, now_ns))

        self._after(duration_ns, over)

    def _after(self, duration_ns: int, action: Callable[[], None], extra_ns: int = 0) -> None:
        """Do something after an invented duration and one that is not, but never within the scheduler's own turn."""
        loop = asyncio.get_running_loop()
        delay_ns = round(duration_ns * self._scale) + extra_ns
        if delay_ns:
            loop.call_later(delay_ns / _NS_PER_S, action)
        else:
            loop.call_soon(action)
