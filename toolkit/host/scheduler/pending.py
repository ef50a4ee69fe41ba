"""The pending loop: takes queued requests one at a time, makes room, and loads.

After every change it looks again from the start: is the model loaded by now, are there too many models, is there room?
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.host.scheduler.effects import Drop, EndProcess, Fail, StartProcess
from toolkit.host.scheduler.fit import Plan, is_checked, make_plan
from toolkit.host.scheduler.mailboxes import Notice
from toolkit.host.scheduler.mmap import turns_mmap_off
from toolkit.host.scheduler.reload import needs_reload
from toolkit.host.scheduler.requests import (
    DROPPED,
    IN_HAND,
    OVER,
    PATH_LOAD,
    PATH_LOOP,
    Eviction,
    Launch,
    LoadFailure,
    Request,
    Runner,
)
from toolkit.host.scheduler.serving import take
from toolkit.host.scheduler.transitions import (
    AWAITING_ALL_UNLOADS,
    AWAITING_UNLOAD,
    FAILING,
    IDLE,
    KILLING,
    LOADING,
    LOOKING,
    PENDING_TRANSITIONS,
    POSTING,
    Table,
)
from toolkit.host.scheduler.victims import choose_victim

if TYPE_CHECKING:
    from toolkit.host.scheduler.memory import RunnerReport
    from toolkit.host.scheduler.state import HostState

CANCELED = LoadFailure("canceled", "timed out waiting for llama-server to start: context canceled")
RECEIVING = frozenset({IDLE, AWAITING_UNLOAD, AWAITING_ALL_UNLOADS})


class PendingLoop:
    """State of the loop and what it does with each input; `step` is called until nothing moves any more."""

    __slots__ = ("_at", "_awaited", "_failure", "_table", "_tell", "_waits_since_ns", "request", "runner", "state")

    def __init__(self, state: HostState) -> None:
        self._at = state
        self._table = Table(PENDING_TRANSITIONS)
        self.state = IDLE
        self.request: Request | None = None
        """The request in hand."""
        self.runner: Runner | None = None
        """The runner that is being loaded for it."""
        self._tell: list[Notice] = []
        self._awaited = 0
        self._waits_since_ns = 0
        self._failure = CANCELED

    def _advance(self, event: str) -> None:
        self.state = self._table.target(self.state, event)
        self._at.pending_receives = self.state in RECEIVING

    def step(self, now_ns: int) -> bool:
        """Do the next thing if there is one."""
        if self.state == IDLE:
            return self._take(now_ns)
        if self.state == LOOKING:
            self._look(now_ns)
            return True
        if self.state == POSTING:
            return self._post(now_ns)
        if self.state == FAILING:
            self._judge_failure(now_ns)
            return True
        if self.state in {AWAITING_UNLOAD, AWAITING_ALL_UNLOADS} and self._at.signals.waiting:
            self._hear_signal(now_ns)
            return True
        return False

    # Taking and looking ------------------------------------------------------------------------------------------

    def _take(self, now_ns: int) -> bool:
        at = self._at
        if at.signals.waiting:  # nobody waits for it
            at.signals.waiting -= 1
            return True
        if not at.queue:
            return False
        request = at.queue.popleft()
        request.dequeued_ns = now_ns
        at.note(now_ns, "request_dequeued", request=request)
        if request.cancelled:
            self._advance("request_dropped")
            request.phase = DROPPED
            at.note(now_ns, "request_dropped", request=request)
            at.out.append(Drop(request))
            return True
        self._advance("request_taken")
        request.phase = IN_HAND
        self.request = request
        return True

    def _look(self, now_ns: int) -> None:
        at, request = self._at, self._in_hand()
        if at.gate is not None:
            self._advance("gate_closed")
            at.gate_waiters.append(self._look_again)
            return
        held = next((runner for runner in at.loaded.values() if runner.held), None)
        if held is not None:
            self._advance("gate_closed")
            at.when_released(held, self._look_again)
            return
        runner = at.loaded.get(request.model.digest)
        if runner is not None:
            if needs_reload(runner, request.demand, at.profile):
                self._evict(runner, "reload", now_ns)
            else:
                self._advance("found_loaded")
                self.request = None
                take(at, request, runner, PATH_LOOP, now_ns)
        elif len(at.loaded) >= at.max_loaded:
            self._evict(choose_victim(at.loaded.values()), "max_models", now_ns)
        else:
            self._try_to_load(request, now_ns)

    def _look_again(self, now_ns: int) -> None:
        del now_ns
        self._advance("gate_open")

    def _try_to_load(self, request: Request, now_ns: int) -> None:
        at = self._at
        plan = make_plan(at, request, now_ns)
        if at.loaded and is_checked(request, plan):
            fits = plan.fits()
            at.note(now_ns, "fit_check", request=request, plan=plan, fits=fits)
            if not fits:
                if request.oom_retried:
                    self._evict_all(now_ns)
                else:
                    self._evict(choose_victim(at.loaded.values()), "memory", now_ns)
                return
        self._start(request, plan, now_ns)

    # Evicting ----------------------------------------------------------------------------------------------------

    def _evict(self, victim: Runner | None, reason: str, now_ns: int) -> None:
        """Choose a victim; idle it is told to go at once, busy it goes when its last request ends."""
        if victim is None:
            self._advance("nobody_to_evict")
            return
        request = self._in_hand()
        request.evictions = (*request.evictions, Eviction(now_ns, reason, victim))
        self._awaited = 0
        self._mark(victim, reason, request, now_ns)
        self._advance("victim_chosen")

    def _mark(self, victim: Runner, reason: str, request: Request | None, now_ns: int) -> None:
        at = self._at
        at.note(now_ns, "evict", request=request, victim=victim, reason=reason)
        victim.timer_due_ns = None
        victim.session_ns = 0
        victim.mark = f"evicted_{reason}"
        if victim.ref_count <= 0:
            self._tell.append(Notice(victim, victim.mark))
        at.touched(now_ns, victim)

    def _evict_all(self, now_ns: int) -> None:
        """Everybody but the request's own model goes; wait until as many have gone."""
        request = self._in_hand()
        victims = [runner for runner in self._at.loaded.values() if runner.key != request.model.digest]
        request.evictions += tuple(Eviction(now_ns, "oom", victim) for victim in victims)
        for victim in victims:
            self._mark(victim, "oom", None, now_ns)
        self._awaited = len(victims)
        self._advance("evict_all" if self.state == FAILING else "victim_chosen")

    def _post(self, now_ns: int) -> bool:
        """Hand the notices in, one by one; the first that finds no place keeps the loop, and its runner, waiting."""
        at = self._at
        while self._tell:
            notice = self._tell[0]
            if notice.runner.held:
                return False
            del self._tell[0]
            if not at.notices.post(notice, receiver_idle=at.completion_idle and not at.ends):
                notice.runner.held = True
                return True
        if any(runner.held for runner in at.loaded.values()):
            return False
        self._waits_since_ns = now_ns
        self._advance("all_told" if self._awaited else "victim_told")
        return True

    def _hear_signal(self, now_ns: int) -> None:
        self._at.signals.waiting -= 1
        self._awaited -= 1
        if self.state == AWAITING_ALL_UNLOADS and self._awaited:
            return
        self._in_hand().evict_wait_ns += now_ns - self._waits_since_ns
        self._advance("last_unload_signal" if self.state == AWAITING_ALL_UNLOADS else "unload_signal")

    # Loading -----------------------------------------------------------------------------------------------------

    def _start(self, request: Request, plan: Plan, now_ns: int) -> None:
        at = self._at
        options = request.demand.options
        if options.use_mmap is None and at.profile.mmap_rules and self._mmap_off(request, plan):
            options = options._replace(use_mmap=False)
        launch = Launch(
            model=request.model,
            gpus=tuple(gpu.position for gpu in plan.placement.gpus),
            num_ctx_asked=options.num_ctx,
            num_ctx=plan.num_ctx,
            num_batch=plan.num_batch,
            num_gpu=options.num_gpu,
            main_gpu=plan.placement.main_gpu,
            use_mmap=options.use_mmap,
            num_parallel=plan.num_parallel,
            predicted_bytes=plan.predicted_bytes,
            surcharge_bytes=plan.surcharge_bytes,
            require_full=bool(at.loaded),
        )
        at.started += 1
        # A second attempt after running out of memory keeps what the first one decided about the mapping.
        request.use_mmap_auto |= options.use_mmap is not request.demand.options.use_mmap
        request.demand = request.demand._replace(options=options)
        runner = Runner(at.started, request.model, launch, request.demand, use_mmap_auto=request.use_mmap_auto)
        main = plan.placement.main()
        lives_on = (main,) if main is not None else plan.placement.gpus
        runner.gpus = tuple(gpu.position for gpu in lives_on)
        runner.waits_for_memory = any(not gpu.spec.integrated for gpu in lives_on) and not (
            len(lives_on) == 1 and lives_on[0].spec.library == "Metal"
        )
        self.runner = runner
        self._advance("process_started")
        request.load_start_ns = now_ns
        at.out.append(StartProcess(request, runner, launch))
        at.note(now_ns, "load_start", request=request, runner=runner, launch=launch)
        if request.cancelled:
            self.client_gone(now_ns)

    def _mmap_off(self, request: Request, plan: Plan) -> bool:
        at = self._at
        mapped = sum(
            runner.model.file_bytes for runner in at.loaded.values() if runner.demand.options.use_mmap is not False
        )
        return turns_mmap_off(
            request.model,
            request.demand.options,
            plan.placement,
            plan.predicted_bytes,
            system_free_bytes=plan.view.system_free_bytes,
            system_total_bytes=at.memory.system_total_bytes(),
            mapped_bytes=mapped,
        )

    def process_up(self, report: RunnerReport, now_ns: int) -> None:
        """The process has loaded its model. The runner joins the loaded set as soon as the gate is open."""
        at = self._at
        runner = self._loading()
        runner.report = report
        at.note(now_ns, "load_done", request=self.request, runner=runner)
        if at.gate is not None:
            self._advance("process_up_gate_closed")
            at.gate_waiters.append(self._enter)
        else:
            self._advance("process_up")
            self._serve_loader(now_ns)

    def _enter(self, now_ns: int) -> None:
        self._advance("gate_open")
        self._serve_loader(now_ns)

    def _serve_loader(self, now_ns: int) -> None:
        at, request, runner = self._at, self._in_hand(), self._loading()
        self.request = self.runner = None
        request.load_end_ns = now_ns
        runner.session_ns = at.settings.keep_alive_ns
        at.loaded[runner.key] = runner
        take(at, request, runner, PATH_LOAD, now_ns)

    # Failing -----------------------------------------------------------------------------------------------------

    def process_crashed(self, failure: LoadFailure, now_ns: int) -> None:
        """The process ended by itself while loading."""
        self._failure = failure
        self._loading().alive = False
        self._at.note(now_ns, "load_failed", request=self.request, runner=self.runner, failure=failure)
        self._advance("process_crashed")

    def client_gone(self, now_ns: int) -> None:
        """The client for whom it loads has gone: the load is given up and its process killed, whoever else waits for it."""
        if self.state != LOADING:
            return
        self._failure = CANCELED
        runner = self._loading()
        self._at.note(now_ns, "load_failed", request=self.request, runner=runner, failure=CANCELED)
        self._advance("client_gone")
        self._at.out.append(EndProcess(runner))

    def process_killed(self, runner: Runner, now_ns: int) -> None:
        """The process of a given-up load has ended."""
        runner.alive = False
        self._at.note(now_ns, "load_killed", runner=runner)
        self._advance("process_gone")

    def _judge_failure(self, now_ns: int) -> None:
        """One more try after running out of memory, with a lower automatic context and without the others; else an error."""
        at, request = self._at, self._in_hand()
        if at.gate is not None:
            self._advance("gate_closed")
            at.gate_waiters.append(self._look_again)
            return
        runner = self._loading()
        request.load_end_ns = now_ns
        if self._may_retry(request):
            request.oom_retried = True
            self.runner = None
            if runner.launch.require_full:
                self._evict_all(now_ns)
            else:
                self._advance("try_again")
            return
        self.request = self.runner = None
        self._advance("give_up")
        request.phase = OVER
        status, error = (499, "request canceled") if self._failure.kind == "canceled" else (500, self._failure.error)
        at.note(now_ns, "request_failed", request=request, status=status, error=error)
        at.out.append(Fail(request, status, error))

    def _may_retry(self, request: Request) -> bool:
        at = self._at
        if self._failure.kind != "oom" or request.oom_retried or not at.profile.oom_retry:
            return False
        demand = request.demand
        if demand.num_ctx_auto:
            asked = demand.options.num_ctx
            effective = min(asked, request.model.context_length or asked)
            lower = at.profile.lower_num_ctx(effective)
            if lower is not None and lower < asked:
                request.demand = demand._replace(options=demand.options._replace(num_ctx=lower))
                return True
        return bool(at.loaded)

    def _in_hand(self) -> Request:
        assert self.request is not None  # noqa: S101 - every state but idle has a request in hand
        return self.request

    def _loading(self) -> Runner:
        assert self.runner is not None  # noqa: S101 - loading and what follows it have a runner
        return self.runner

    def is_loading(self, runner: Runner) -> bool:
        """Whether this is the process that is being started or killed."""
        return runner is self.runner and self.state in {LOADING, KILLING}

    def takes_at_once(self) -> bool:
        """Whether a request need not find a place in the queue, because the loop takes it out of the client's hand."""
        return self.state == IDLE
