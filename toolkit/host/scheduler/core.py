"""The scheduler's inputs. See the package's docstring for the contract with drivers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.errors import SimulationError
from toolkit.host.scheduler.completion import CompletionSide
from toolkit.host.scheduler.effects import Effects, Reject, Timer
from toolkit.host.scheduler.mailboxes import Notice
from toolkit.host.scheduler.options import Demand, resolve_demand
from toolkit.host.scheduler.pending import PendingLoop
from toolkit.host.scheduler.profile import V032, Profile
from toolkit.host.scheduler.reload import needs_reload
from toolkit.host.scheduler.requests import (
    AT_GATE,
    NEW,
    OVER,
    PATH_FAST,
    QUEUED,
    SERVING,
    LoadFailure,
    Request,
    Runner,
)
from toolkit.host.scheduler.serving import give_up, take
from toolkit.host.scheduler.state import HostState, Observer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolkit.host.scheduler.memory import MemoryReader, RunnerReport
    from toolkit.host.scheduler.settings import Settings
    from toolkit.host.scheduler.specs import GpuSpec, ModelSpec

QUEUE_FULL = "server busy, please try again.  maximum pending requests exceeded"
NOTHING: Effects = ()


class LoadedModel(NamedTuple):
    """One line of `/api/ps`."""

    name: str
    """The name it was loaded under first."""
    model: ModelSpec
    runner: Runner
    num_ctx: int
    """Context of one slot."""
    total_bytes: int
    vram_bytes: int
    ref_count: int
    session_ns: int
    expires_at_ns: int | None
    """None until it was idle for the first time; stale while it is busy."""
    timer_armed: bool


class Scheduler:
    """A host's scheduler. Inputs take the time and return effects; nothing else happens."""

    __slots__ = ("_at", "_completion", "_pending", "default_num_ctx")

    def __init__(
        self,
        gpus: Iterable[GpuSpec],
        settings: Settings,
        memory: MemoryReader,
        *,
        profile: Profile = V032,
        observer: Observer | None = None,
    ) -> None:
        specs = tuple(gpus)
        self._at = HostState(specs, settings, memory, profile, observer)
        self._pending = PendingLoop(self._at)
        self._completion = CompletionSide(self._at)
        self.default_num_ctx = settings.context_length or profile.automatic_num_ctx(specs, settings)

    # Questions ---------------------------------------------------------------------------------------------------

    def resolve(
        self, model: ModelSpec, options: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), shift: bool | None = None
    ) -> Demand:
        """What a request with these API options demands of its runner. Raises OptionError for a wrong type."""
        return resolve_demand(
            model,
            options,
            self.default_num_ctx,
            num_ctx_from_environment=self._at.settings.context_length > 0,
            embedding_batch=self._at.profile.embedding_batch,
            shift=shift,
        )

    def runners(self) -> tuple[LoadedModel, ...]:
        """The loaded set, in the order of loading."""
        return tuple(
            LoadedModel(
                runner.model.name,
                runner.model,
                runner,
                runner.launch.num_ctx,
                runner.report.total_bytes,
                runner.report.vram_bytes,
                runner.ref_count,
                runner.session_ns,
                runner.expires_at_ns,
                runner.timer_due_ns is not None,
            )
            for runner in self._at.loaded.values()
        )

    @property
    def settings(self) -> Settings:
        """The settings it was made with."""
        return self._at.settings

    @property
    def profile(self) -> Profile:
        """The rules it follows."""
        return self._at.profile

    @property
    def gate_closed(self) -> bool:
        """Whether a process is just ending."""
        return self._at.gate is not None

    @property
    def queued(self) -> int:
        """Requests in the queue, cancelled ones included; the one in hand is not."""
        return len(self._at.queue)

    @property
    def states(self) -> tuple[str, str]:
        """States of the pending loop and of the completion side, as in the diagrams."""
        return self._pending.state, self._completion.state

    # Inputs ------------------------------------------------------------------------------------------------------

    def submit(self, request: Request, now_ns: int) -> Effects:
        """A request arrives."""
        at = self._at
        if request.phase != NEW:
            raise SimulationError(f"request {request.id} was submitted before")
        request.arrived_ns = now_ns
        if at.observer is not None:
            at.observer.event(now_ns, "request_arrived", request=request, model=request.model)
        if not at.pass_gate(partial(self._arrive, request), now_ns):
            request.phase = AT_GATE
            return NOTHING
        return self._settled(now_ns) if request.phase == QUEUED else self._collected()

    def _arrive(self, request: Request, now_ns: int) -> None:
        """The fast path if its model is loaded, else the queue."""
        runner = self._at.loaded.get(request.model.digest)
        if runner is not None:
            self._meet(request, runner, now_ns)
        else:
            self._enqueue(request, now_ns)

    def _meet(self, request: Request, runner: Runner, now_ns: int) -> None:
        """Compare with the runner that was found, as soon as nobody holds it; by then it may be gone."""
        at = self._at
        if runner.held:
            request.phase = AT_GATE
            at.when_released(runner, partial(self._meet, request, runner))
        elif (runner.accepted is request.demand and runner.alive) or not needs_reload(
            runner, request.demand, at.profile
        ):
            runner.accepted = request.demand
            take(at, request, runner, PATH_FAST, now_ns)
        else:
            self._enqueue(request, now_ns)

    def _enqueue(self, request: Request, now_ns: int) -> None:
        """The queue, or no place in it."""
        at = self._at
        # An idle loop takes the first request out of the client's hand: that one needs no place.
        if len(at.queue) - self._pending.is_idle() >= at.settings.max_queue:
            request.phase = OVER
            at.note(now_ns, "request_rejected", request=request, status=503, error=QUEUE_FULL)
            at.out.append(Reject(request, 503, QUEUE_FULL))
            return
        request.phase = QUEUED
        request.queued_ns = now_ns
        at.queue.append(request)
        at.note(now_ns, "request_queued", request=request)

    def finish(self, request: Request, now_ns: int) -> Effects:
        """A served request is over."""
        if request.phase != SERVING:
            raise SimulationError(f"request {request.id} is not being served")
        at = self._at
        give_up(at, request, now_ns)
        if at.completion_idle and not len(at.notices):  # the everyday case, without settling
            while at.ends:
                self._completion.end_request(at.ends.popleft(), now_ns)
            if not len(at.notices):
                return self._collected()
        return self._settled(now_ns)

    def cancel(self, request: Request, now_ns: int) -> Effects:
        """The client goes away. A request that is over already does not notice."""
        if request.cancelled or request.phase >= OVER or request.phase == NEW:
            return NOTHING
        request.cancelled = True
        serving = request.phase == SERVING
        self._at.note(now_ns, "request_cancelled", request=request, serving=serving)
        if serving:
            give_up(self._at, request, now_ns)
        elif request is self._pending.request:
            self._pending.client_gone(now_ns)
        return self._settled(now_ns)

    def unload(self, model: ModelSpec, now_ns: int, request_id: str | None = None) -> Effects:
        """The API's unload call; it does nothing for a model that is not loaded or still loading."""
        if not self._at.pass_gate(partial(self._unload, model, request_id), now_ns):
            return NOTHING
        return self._settled(now_ns)

    def _unload(self, model: ModelSpec, request_id: str | None, now_ns: int) -> None:
        at = self._at
        runner = at.loaded.get(model.digest)
        at.note(now_ns, "unload_requested", request=request_id, model=model, loaded=runner is not None)
        if runner is not None:
            self._expire_asked(runner, now_ns)

    def _expire_asked(self, runner: Runner, now_ns: int) -> None:
        if runner.held:
            self._at.when_released(runner, partial(self._expire_asked, runner))
            return
        runner.expires_at_ns = now_ns
        self._expire(runner, "explicit", now_ns)

    def _expire(self, runner: Runner, reason: str, now_ns: int) -> None:
        runner.timer_due_ns = None
        runner.session_ns = 0
        runner.mark = reason
        if runner.ref_count <= 0:
            self._at.post(Notice(runner, reason), holds=True)
        self._at.touched(now_ns, runner)

    def load_done(self, runner: Runner, report: RunnerReport, now_ns: int) -> Effects:
        """The process is up."""
        if not self._pending.is_loading(runner):
            raise SimulationError(f"{runner.name} is not being loaded")
        self._pending.process_up(report, now_ns)
        return self._settled(now_ns)

    def load_failed(self, runner: Runner, failure: LoadFailure, now_ns: int) -> Effects:
        """The process crashed while loading; it is gone."""
        if not self._pending.is_loading(runner):
            raise SimulationError(f"{runner.name} is not being loaded")
        self._pending.process_crashed(failure, now_ns)
        return self._settled(now_ns)

    def process_ended(self, runner: Runner, now_ns: int) -> Effects:
        """A process that was to be stopped is gone."""
        at = self._at
        if self._pending.is_loading(runner):
            self._pending.process_killed(runner, now_ns)
        elif runner is at.gate:
            self._completion.process_gone(runner, now_ns)
        else:
            raise SimulationError(f"nobody asked {runner.name} to end")
        return self._settled(now_ns)

    def timer(self, timer: Timer, now_ns: int) -> Effects:
        """The time of a SetTimer has come."""
        runner = timer.runner
        if timer.kind == "expiry":
            if runner.wake_ns != timer.due_ns:
                return NOTHING  # an earlier one was set since
            runner.wake_ns = None
            due_ns = runner.timer_due_ns
            if due_ns is None:
                return NOTHING
            if due_ns > now_ns:
                self._at.wake_at(runner, due_ns)
                return self._collected()
            runner.timer_due_ns = None
            self._at.note(now_ns, "timer_fired", runner=runner)
            self._at.post(Notice(runner, "expired"), holds=True)
        elif timer.kind == "retry":
            self._at.post(Notice(runner, timer.reason, retry=True), holds=False)
        else:
            self._completion.poll(runner, now_ns)
        return self._settled(now_ns)

    def out_of_memory(self, now_ns: int) -> Effects:
        """A running process ran out of memory: every loaded runner is to go."""
        for runner in tuple(self._at.loaded.values()):
            self._expire(runner, "evicted_oom", now_ns)
        return self._settled(now_ns)

    def process_died(self, runner: Runner) -> None:
        """A loaded runner's process is gone without being asked; the next request for its model finds out."""
        runner.alive = False

    # Settling ----------------------------------------------------------------------------------------------------

    def _settled(self, now_ns: int) -> Effects:
        """Let each side run until it must wait, completion first, then the next in line; hand out the effects."""
        at, completion, pending = self._at, self._completion, self._pending
        moving = True
        while moving:
            moving = False
            while completion.step(now_ns):
                moving = True
            while pending.step(now_ns):
                moving = True
            if at.line and at.gate is None:
                at.line.popleft()(now_ns)
                moving = True
            if at.let_go:
                at.let_go.popleft()(now_ns)
                moving = True
        return self._collected()

    def _collected(self) -> Effects:
        at = self._at
        if not at.out:
            return NOTHING
        effects, at.out = at.out, []
        return effects
