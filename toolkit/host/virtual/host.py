"""The virtual host: the scheduler, the machine and a heap of events."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from toolkit.errors import SimulationError, UsageError
from toolkit.host.machine import Footprints, HostHardware, Machine
from toolkit.host.scheduler import (
    Drop,
    Effects,
    EndProcess,
    Fail,
    KeepAliveError,
    LoadedModel,
    LoadFailure,
    ModelSpec,
    Observer,
    OptionError,
    Reject,
    Runner,
    RunnerReport,
    Scheduler,
    Serve,
    SetTimer,
    Settings,
    StartProcess,
    Timer,
    parse_keep_alive,
    profile,
)
from toolkit.host.virtual.durations import LoadStart, Timing
from toolkit.host.virtual.processor import Task
from toolkit.host.virtual.records import (
    BAD_REQUEST,
    CANCELLED,
    CHAT,
    CLIENT_GONE,
    DROPPED,
    FAILED,
    OK,
    PRELOAD,
    REJECTED,
    SERVER_ERROR,
    SUCCESS,
    UNLOAD,
    Ask,
    RequestRecord,
    Ticket,
    plain_record,
    record_of,
)
from toolkit.host.virtual.shared_cores import SharedCores
from toolkit.host.virtual.slots import Slots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from toolkit.host.scheduler import Demand
    from toolkit.host.virtual.durations import LoadWork
    from toolkit.host.virtual.processor import Cores


NEVER_NS = 1 << 62


class VirtualHost:
    """An Ollama host in virtual time. See the module's docstring."""

    def __init__(
        self,
        hardware: HostHardware,
        models: Iterable[ModelSpec],
        environment: Mapping[str, str] | None = None,
        *,
        timing: Timing,
        footprints: Footprints,
        profile_name: str = "v0.32",
        slots: bool = True,
        observer: Observer | None = None,
        cores: Cores | None = None,
    ) -> None:
        self.now_ns = 0
        self.machine = Machine(hardware, footprints)
        self.models = {model.name: model for model in models}
        self.scheduler = Scheduler(
            hardware.specs,
            Settings.from_environment(environment or {}),
            self.machine,
            profile=profile(profile_name),
            observer=observer,
        )
        self._timing = timing
        self._with_slots = slots
        self._observer = observer
        self._heap: list[tuple[int, int, Callable[[Any], None], Any]] = []
        self._pushed = 0
        self._callbacks: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._calling = False
        self._effects: dict[type, Callable[[Any], None]] = {
            StartProcess: self._start_process,
            EndProcess: self._end_process,
            Reject: lambda effect: self._done(effect.request, REJECTED, effect.status, effect.error),
            Fail: lambda effect: self._done(effect.request, FAILED, effect.status, effect.error),
            Drop: lambda effect: self._done(effect.request, DROPPED, CLIENT_GONE, None),
        }
        self._demands: dict[tuple[str, tuple[tuple[str, Any], ...]], Demand] = {}
        self._keep_alives: dict[str, int | None] = {}
        self._attempts: dict[str, int] = {}
        self._slots = Slots()
        self._loading: Runner | None = None
        self._cores = None if cores is None else SharedCores(cores, self._push, lambda: self.now_ns)

    # What clients call -------------------------------------------------------------------------------------------

    def at(self, t_ns: int, callback: Callable[[], object]) -> None:
        """Call back at a time, not before now; callbacks of one instant come in the order of these calls."""
        if t_ns < self.now_ns:
            raise SimulationError(f"cannot schedule for {t_ns} ns: it is {self.now_ns} ns already")
        self._push(t_ns, _call, callback)

    def submit(
        self,
        ask: Ask,
        *,
        on_served: Callable[[Ticket], None] | None = None,
        on_done: Callable[[RequestRecord], None] | None = None,
    ) -> Ticket | None:
        """A request arrives now. None if it was not one for the scheduler: an unload call, or refused with 400."""
        model = self._model(ask.model)
        try:
            keep_alive_ns = self._keep_alive_ns(ask.keep_alive)
            demand = self._demand(ask, model)
        except (KeepAliveError, OptionError) as error:
            self._refuse(ask, model, error, on_done)
            return None
        if ask.kind == UNLOAD or (ask.kind == PRELOAD and keep_alive_ns == 0):
            self._note_arrival(ask, model)
            self._perform(self.scheduler.unload(model, self.now_ns, ask.id))
            self._call_back(on_done, plain_record(ask, OK, SUCCESS, None, self.now_ns))
            return None
        ticket = Ticket(ask, model, demand, keep_alive_ns, on_served=on_served, on_done=on_done)
        self._perform(self.scheduler.submit(ticket, self.now_ns))
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """The client goes away now; no effect on a request that is over."""
        if ticket.done or ticket.cancelled:
            return
        serving = ticket.served_ns is not None
        effects = self.scheduler.cancel(ticket, self.now_ns)
        if serving:
            self._leave(ticket)
            self._done(ticket, CANCELLED, CLIENT_GONE, None)
        self._perform(effects)

    def unload(self, model_name: str) -> None:
        """The API's unload call."""
        self._perform(self.scheduler.unload(self._model(model_name), self.now_ns))

    def ps(self) -> tuple[LoadedModel, ...]:
        """What `/api/ps` shows now."""
        return self.scheduler.runners()

    def run(self, until_ns: int | None = None) -> None:
        """Let things happen, up to and including `until_ns`, and then it is that time; else until nothing is left."""
        heap = self._heap
        while heap and (until_ns is None or heap[0][0] <= until_ns):
            self.now_ns, _, action, argument = heappop(heap)
            action(argument)
        if until_ns is not None and until_ns > self.now_ns:
            self.now_ns = until_ns

    @property
    def next_ns(self) -> int | None:
        """When the next thing happens; None if nothing is left to happen."""
        return self._heap[0][0] if self._heap else None

    # Requests ----------------------------------------------------------------------------------------------------

    def _model(self, name: str) -> ModelSpec:
        """The model of a name; of several names of one blob the first is the one that counts."""
        model = self.models.get(name)
        if model is None:
            raise UsageError(f"the host has no model {name!r}; it has {', '.join(self.models) or 'none'}")
        return model

    def _keep_alive_ns(self, value: Any) -> int | None:
        """Parsed once for each string; other values (True == 1 to a dict) are quickly parsed anyway."""
        if not isinstance(value, str):
            return parse_keep_alive(value)
        known = self._keep_alives.get(value)
        if known is None:
            known = self._keep_alives[value] = parse_keep_alive(value)
        return known

    def _demand(self, ask: Ask, model: ModelSpec) -> Demand:
        key = (ask.model, ask.options)
        demand = self._demands.get(key)
        if demand is None:
            demand = self._demands[key] = self.scheduler.resolve(model, ask.options)
        return demand

    def _refuse(
        self, ask: Ask, model: ModelSpec, error: UsageError, on_done: Callable[[RequestRecord], None] | None
    ) -> None:
        status = BAD_REQUEST if isinstance(error, KeepAliveError) else SERVER_ERROR
        self._note_arrival(ask, model)
        if self._observer is not None:
            self._observer.event(self.now_ns, "request_rejected", request=ask.id, status=status, error=str(error))
        self._call_back(on_done, plain_record(ask, REJECTED, status, str(error), self.now_ns))

    def _call_back(self, on_done: Callable[[RequestRecord], None] | None, record: RequestRecord) -> None:
        if on_done is not None:
            self._callbacks.append((on_done, record))
            self._perform(())

    def _note_arrival(self, ask: Ask, model: ModelSpec) -> None:
        if self._observer is not None:
            self._observer.event(self.now_ns, "request_arrived", request=ask.id, model=model)

    def _served(self, effect: Serve) -> None:
        """It has its runner; in a host with slots it may still have to wait inside."""
        ticket, runner = effect.request, effect.runner
        assert isinstance(ticket, Ticket)  # noqa: S101 - no other requests are submitted here
        if ticket.cancelled:  # its client went away at the gate: the scheduler has ended it already
            self._done(ticket, CANCELLED, CLIENT_GONE, None)
            return
        if ticket.on_served is not None:
            self._callbacks.append((ticket.on_served, ticket))
        if not self._with_slots or ticket.ask.kind != CHAT:
            self._begin(ticket, runner, 1)
            return
        active = self._slots.enter(ticket, runner)
        if active is not None:
            self._begin(ticket, runner, active)

    def _begin(self, ticket: Ticket, runner: Runner, active: int) -> None:
        now_ns = self.now_ns
        ticket.service_start_ns = now_ns
        duration_ns = self._timing.service_ns(ticket, runner, now_ns, active)
        cores = self._cores
        if cores is not None and ticket.wall_clock:
            cores.start(Task(ticket, NEVER_NS, cores.threads, self._service_over, ticket))
        elif cores is not None:
            if ticket.first_part_ns is not None:
                cores.start(Task((ticket,), ticket.first_part_ns, 0.0, self._first_part_over, ticket))
            cores.start(Task(ticket, duration_ns, cores.threads, self._service_over, ticket))
            return
        if ticket.first_part_ns is not None:
            ticket.first_ns = now_ns + ticket.first_part_ns
        self._push(now_ns + duration_ns, self._service_over, ticket)

    def _first_part_over(self, ticket: Ticket) -> None:
        ticket.first_ns = self.now_ns

    def _service_over(self, ticket: Ticket) -> None:
        if ticket.done:
            return
        if ticket.wall_clock:
            self._stop_work(ticket)
        effects = self.scheduler.finish(ticket, self.now_ns)
        self._done(ticket, OK, SUCCESS, None)
        if ticket.in_slot:
            self._hand_over_slot(ticket)
        self._perform(effects)

    def _hand_over_slot(self, ticket: Ticket) -> None:
        """A slot is free: the longest waiting request of the runner gets it."""
        runner = ticket.runner
        if runner is None:
            return
        next_in = self._slots.leave(runner)
        if next_in is not None:
            heir, active = next_in
            self._begin(heir, runner, active)

    def _leave(self, ticket: Ticket) -> None:
        """A served request was cancelled: it gives up its slot, or its place in the line for one."""
        self._stop_work(ticket)
        if ticket.in_slot:
            self._hand_over_slot(ticket)
        elif ticket.service_start_ns is None and ticket.runner is not None:
            self._slots.give_up(ticket, ticket.runner)

    def _done(self, ticket: Ticket, outcome: str, status: int, error: str | None) -> None:
        ticket.done = True
        on_done = ticket.on_done
        if on_done is None:
            return
        self._callbacks.append((on_done, record_of(ticket, outcome, status, error, self.now_ns)))

    # Effects -----------------------------------------------------------------------------------------------------

    def _perform(self, effects: Effects) -> None:
        """Perform the effects of one input, then call clients back: they must not come in between."""
        for effect in effects:
            if isinstance(effect, Serve):
                self._served(effect)
            elif isinstance(effect, SetTimer):
                self._push(effect.due_ns, self._timer, effect.timer)
            else:
                self._effects[type(effect)](effect)
        if self._callbacks and not self._calling:
            self._calling = True
            try:
                while self._callbacks:
                    callback, argument = self._callbacks.popleft()
                    callback(argument)
            finally:
                self._calling = False

    def _start_process(self, effect: StartProcess) -> None:
        runner, launch = effect.runner, effect.launch
        digest = launch.model.digest
        attempt = self._attempts[digest] = self._attempts.get(digest, 0) + 1
        others = any(process.key != digest for process in self.machine.processes)
        report = self.machine.start(runner, launch, self.now_ns)
        if self._observer is not None:
            self._observer.event(self.now_ns, "process_started", runner=runner, report=report)
        plan = self._timing.load(LoadStart(runner, launch, report, attempt, others, self.now_ns))
        self._loading = runner
        over = (runner, report, plan.failure)
        if self._cores is None or plan.work is None:
            self._push(self.now_ns + plan.duration_ns, self._load_over, over)
            return
        self._cores.start(Task(runner, plan.work.work_ns, 1.0, self._load_worked, (self.now_ns, plan.work, over)))

    def _load_worked(self, argument: tuple[int, LoadWork, tuple[Runner, RunnerReport, LoadFailure | None]]) -> None:
        """The runner could answer now; the server finds out at its next look."""
        started_ns, work, over = argument
        looks = max(1, -(-(self.now_ns - started_ns) // work.look_ns))
        end_ns = started_ns + looks * work.look_ns + work.answer_ns
        work.ended(end_ns)
        self._push(end_ns, self._load_over, over)

    def _load_over(self, argument: tuple[Runner, RunnerReport, LoadFailure | None]) -> None:
        runner, report, failure = argument
        if self._loading is not runner:
            return  # given up meanwhile
        self._loading = None
        if failure is None:
            self._perform(self.scheduler.load_done(runner, report, self.now_ns))
            return
        self.machine.end(runner, self.now_ns)
        self._perform(self.scheduler.load_failed(runner, failure, self.now_ns))

    def _end_process(self, effect: EndProcess) -> None:
        runner = effect.runner
        if self._loading is runner:
            self._loading = None
            self._stop_work(runner)
        self._push(self.now_ns + self._timing.unload_ns(runner, self.now_ns), self._process_over, runner)

    def _process_over(self, runner: Runner) -> None:
        self.machine.end(runner, self.now_ns)
        self._slots.forget(runner)
        self._perform(self.scheduler.process_ended(runner, self.now_ns))

    def _timer(self, timer: Timer) -> None:
        self._perform(self.scheduler.timer(timer, self.now_ns))

    def _stop_work(self, key: object) -> None:
        if self._cores is not None:
            self._cores.stop(key)

    def _push(self, t_ns: int, action: Callable[[Any], None], argument: Any) -> None:
        self._pushed += 1
        heappush(self._heap, (t_ns, self._pushed, action, argument))


def _call(callback: Callable[[], object]) -> None:
    callback()
