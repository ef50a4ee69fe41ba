"""The pending loop: takes queued requests one at a time, makes room, and loads.

After every change it looks again from the start: is the model loaded by now, are there too many models, is there room?
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.host.scheduler.effects import Drop, EndProcess, Fail, StartProcess
from toolkit.host.scheduler.fit import Plan, is_checked, make_plan
from toolkit.host.scheduler.loading import may_retry, new_runner
from toolkit.host.scheduler.mailboxes import Notice
from toolkit.host.scheduler.reload import needs_reload
from toolkit.host.scheduler.requests import (
    DROPPED,
    IN_HAND,
    OVER,
    PATH_LOAD,
    PATH_LOOP,
    Eviction,
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
    from collections.abc import Callable

    from toolkit.host.scheduler.memory import RunnerReport
    from toolkit.host.scheduler.state import HostState

CANCELED = LoadFailure("canceled", "timed out waiting for llama-server to start: context canceled")
CLIENT_GONE, LOAD_FAILED = 499, 500
REQUEST_CANCELED = "request canceled"
RECEIVING = frozenset({IDLE, AWAITING_UNLOAD, AWAITING_ALL_UNLOADS})


class PendingLoop:
    """State of the loop and what it does with each input; `step` is called until nothing moves any more."""

    __slots__ = (
        "_at",
        "_awaited",
        "_failure",
        "_glimpse",
        "_holding",
        "_table",
        "_tell",
        "_waits_since_ns",
        "request",
        "runner",
        "state",
    )

    def __init__(self, state: HostState) -> None:
        self._at = state
        self._table = Table(PENDING_TRANSITIONS)
        self.state = IDLE
        self.request: Request | None = None
        """The request in hand."""
        self.runner: Runner | None = None
        """The runner that is being loaded for it."""
        self._tell: list[Notice] = []
        self._glimpse: tuple[bool, bool] | None = None
        """What the first glance through an open gate saw; see `_glance`."""
        self._holding: Runner | None = None
        """The runner whose notice was handed in last."""
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
        if self._must_wait(self._look_again):
            return
        others, too_many = self._glimpse or self._glance()
        self._glimpse = None
        runner = at.loaded.get(request.model.digest)
        if runner is not None:
            if needs_reload(runner, request.demand, at.profile):
                self._evict(runner, "reload", now_ns)
            else:
                self._advance("found_loaded")
                self.request = None
                take(at, request, runner, PATH_LOOP, now_ns)
        elif too_many:
            self._evict(choose_victim(at.loaded.values()), "max_models", now_ns)
        else:
            self._try_to_load(request, now_ns, others=others)

    def _glance(self) -> tuple[bool, bool]:
        """Whether other models are loaded, and as many as may be."""
        return bool(self._at.loaded), len(self._at.loaded) >= self._at.max_loaded

    def _must_wait(self, then: Callable[[int], None]) -> bool:
        """Whether the loaded set cannot be looked at now: a process is ending, or somebody holds a runner."""
        at = self._at
        held = next((runner for runner in at.loaded.values() if runner.held), None)
        if at.gate is None and held is None:
            return False
        self._advance("gate_closed")
        if at.gate is not None:
            at.gate_waiters.append(then)
        elif held is not None:
            at.when_released(held, then)
        return True

    def _look_again(self, now_ns: int) -> None:
        """The gate is open: a first glance. What it saw holds even if the gate is closed again in this instant."""
        del now_ns
        self._glimpse = self._glimpse or self._glance()
        self._advance("gate_open")

    def _try_to_load(self, request: Request, now_ns: int, *, others: bool) -> None:
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
        self._start(request, plan, now_ns, others=others)

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
        victims = sorted(self._at.loaded.values(), key=lambda runner: runner.place)
        if not victims:
            self._advance("try_again" if self.state == FAILING else "nobody_to_evict")
            return
        request.evictions += tuple(Eviction(now_ns, "oom", victim) for victim in victims)
        for victim in victims:
            self._mark(victim, "oom", None, now_ns)
        self._awaited = len(victims)
        self._advance("evict_all" if self.state == FAILING else "victim_chosen")

    def _post(self, now_ns: int) -> bool:
        """Hand the notices in, one by one. One that finds no place keeps the loop waiting, and its runner held."""
        at = self._at
        if self._holding is not None and self._holding.held:
            return False
        self._holding = None
        if self._tell:
            notice = self._tell.pop(0)
            at.post(notice, holds=True)
            self._holding = notice.runner
            return True
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

    def _start(self, request: Request, plan: Plan, now_ns: int, *, others: bool) -> None:
        at = self._at
        runner = self.runner = new_runner(at, request, plan, require_full=others)
        self._advance("process_started")
        request.load_start_ns = now_ns
        at.out.append(StartProcess(request, runner, runner.launch))
        at.note(now_ns, "load_start", request=request, runner=runner, launch=runner.launch)
        if request.cancelled:
            self.client_gone(now_ns)

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
        at.enter(runner)
        if not request.cancelled:
            take(at, request, runner, PATH_LOAD, now_ns)
            return
        # The client went away between the end of the load and the gate: the runner is loaded, but for nobody.
        if request.keep_alive_ns is not None:
            runner.session_ns = request.keep_alive_ns
        at.post(Notice(runner, "load_aborted"), holds=True)
        self._fail(request, CLIENT_GONE, REQUEST_CANCELED, now_ns)

    # Failing -----------------------------------------------------------------------------------------------------

    def process_crashed(self, failure: LoadFailure, now_ns: int) -> None:
        """The process ended by itself while loading."""
        self._failure = failure
        self._loading().alive = False
        self._at.note(now_ns, "load_failed", request=self.request, runner=self.runner, failure=failure)
        self._advance("process_crashed")

    def client_gone(self, now_ns: int) -> None:
        """The client for whom it loads has gone: the process is killed, whoever else waits for the model."""
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
        """Try once more or give up."""
        at, request = self._at, self._in_hand()
        if self._must_wait(self._judge_at_gate):
            return
        runner = self._loading()
        request.load_end_ns = now_ns
        if may_retry(at, request, self._failure):
            request.oom_retried = True
            self.runner = None
            if runner.launch.require_full:
                self._evict_all(now_ns)
            else:
                self._advance("try_again")
            return
        self.request = self.runner = None
        self._advance("give_up")
        if self._failure.kind == CANCELED.kind:
            self._fail(request, CLIENT_GONE, REQUEST_CANCELED, now_ns)
        else:
            self._fail(request, LOAD_FAILED, self._failure.error, now_ns)

    def _judge_at_gate(self, now_ns: int) -> None:
        """The gate is open: judge before anybody can close it again."""
        self._advance("gate_open")
        self._judge_failure(now_ns)

    def _fail(self, request: Request, status: int, error: str, now_ns: int) -> None:
        request.phase = OVER
        self._at.note(now_ns, "request_failed", request=request, status=status, error=error)
        self._at.out.append(Fail(request, status, error))

    def _in_hand(self) -> Request:
        assert self.request is not None  # noqa: S101 - every state but idle has a request in hand
        return self.request

    def _loading(self) -> Runner:
        assert self.runner is not None  # noqa: S101 - loading and what follows it have a runner
        return self.runner

    def is_loading(self, runner: Runner) -> bool:
        """Whether this is the process that is being started or killed."""
        return runner is self.runner and self.state in {LOADING, KILLING}

    def is_idle(self) -> bool:
        """Whether the loop has nothing in hand."""
        return self.state == IDLE
