"""The pending loop: takes queued requests one at a time, makes room, and loads.

After every change it looks again from the start: is the model loaded by now, are there too many models, is there room?
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from toolkit.host.scheduler.effects import Drop, EndProcess, Fail, StartProcess
from toolkit.host.scheduler.fit import Plan, is_checked, look, make_plan, read_memory
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

    from toolkit.host.scheduler.memory import MemoryReading, MemoryView, RunnerReport
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
        self._holding: Runner | None = None
        """The runner whose notice finds no place."""
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
            self._in_turn(self._look, now_ns)
            return True
        if self.state == POSTING:
            return self._post(now_ns)
        if self.state == FAILING:
            self._in_turn(self._judge, now_ns)
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

    def _in_turn(self, action: Callable[[int], None], now_ns: int) -> None:
        """Do something with the loaded set in sight, behind those who wait at the gate."""
        if self._at.way_is_free:
            action(now_ns)
            return
        self._advance("gate_closed")
        self._at.line.append(partial(self._turn, action))

    def _when_let_go(self, runner: Runner, action: Callable[[int], None]) -> None:
        """Do something once nobody holds the runner; it may be gone by then."""
        self._advance("gate_closed")
        self._at.when_released(runner, partial(self._turn, action))

    def _turn(self, action: Callable[[int], None], now_ns: int) -> None:
        self._advance("gate_open")
        action(now_ns)

    def _look(self, now_ns: int) -> None:
        """The first glance. What it saw holds, even if the gate is closed before the next step is done."""
        at = self._at
        runner = at.loaded.get(self._in_hand().model.digest)
        if runner is not None:
            self._meet(runner, now_ns)
        elif len(at.loaded) >= at.max_loaded:
            self._in_turn(partial(self._choose, "max_models"), now_ns)
        else:
            reading = read_memory(at, self._in_hand(), now_ns)
            others = bool(at.loaded)
            if reading.gpu_free_bytes:
                self._in_turn(partial(self._sum_up, reading, others), now_ns)
            else:  # nobody is asked what he holds
                self._in_turn(partial(self._try_to_load, look(at, reading, ()), others), now_ns)

    def _meet(self, runner: Runner, now_ns: int) -> None:
        """Its model was found loaded: serve or reload. Of a runner that has gone meanwhile only the signal is left."""
        request = self._in_hand()
        if runner.held:
            self._when_let_go(runner, partial(self._meet, runner))
        elif needs_reload(runner, request.demand, self._at.profile):
            self._evict(runner, "reload", now_ns)
        else:
            self._advance("found_loaded")
            self.request = None
            take(self._at, request, runner, PATH_LOOP, now_ns)

    def _sum_up(self, reading: MemoryReading, others: bool, now_ns: int) -> None:
        """What the loaded runners hold is asked of each of them."""
        self._ask_each(reading, others, tuple(self._at.loaded.values()), now_ns)

    def _ask_each(
        self,
        reading: MemoryReading,
        others: bool,
        runners: tuple[Runner, ...],
        now_ns: int,
    ) -> None:
        held = next((runner for runner in runners if runner.held), None)
        if held is not None:
            self._when_let_go(held, partial(self._ask_each, reading, others, runners))
            return
        self._in_turn(partial(self._try_to_load, look(self._at, reading, runners), others), now_ns)

    def _try_to_load(self, view: MemoryView, others: bool, now_ns: int) -> None:
        at, request = self._at, self._in_hand()
        plan = make_plan(at, request, view)
        if others and at.loaded and is_checked(request, plan):
            fits = plan.fits()
            at.note(now_ns, "fit_check", request=request, plan=plan, fits=fits)
            if not fits:
                action = self._evict_all if request.oom_retried else partial(self._choose, "memory")
                self._in_turn(action, now_ns)
                return
        self._start(request, plan, now_ns, others=others)

    # Evicting ----------------------------------------------------------------------------------------------------

    def _choose(self, reason: str, now_ns: int) -> None:
        """Choose a victim among those who are loaded now."""
        self._choose_among(reason, tuple(self._at.loaded.values()), now_ns)

    def _choose_among(self, reason: str, runners: tuple[Runner, ...], now_ns: int) -> None:
        victim = choose_victim(runners)
        if victim is None:
            self._advance("nobody_to_evict")
        elif victim.held:
            self._when_let_go(victim, partial(self._choose_among, reason, runners))
        else:
            self._evict(victim, reason, now_ns)

    def _evict(self, victim: Runner, reason: str, now_ns: int) -> None:
        """Idle it is told to go at once, busy it goes when its last request ends."""
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
        held = next((victim for victim in victims if victim.held), None)
        if held is not None:
            self._when_let_go(held, self._evict_all)
            return
        request.evictions += tuple(Eviction(now_ns, "oom", victim) for victim in victims)
        for victim in victims:
            self._mark(victim, "oom", None, now_ns)
        self._awaited = len(victims)
        self._advance("evict_all" if self.state == FAILING else "victim_chosen")

    def _post(self, now_ns: int) -> bool:
        """Hand the notices in, one by one. One that finds no place keeps the loop waiting, and its runner held."""
        at = self._at
        if self._holding is not None:
            return False
        if self._tell:
            notice = self._tell.pop(0)
            at.post(notice, holds=True)
            if notice.runner.held:
                self._holding = notice.runner
                at.when_released(notice.runner, self._told)
            return True
        self._waits_since_ns = now_ns
        self._advance("all_told" if self._awaited else "victim_told")
        return True

    def _told(self, now_ns: int) -> None:
        """The notice found its place at last."""
        del now_ns
        self._holding = None

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
        if not at.way_is_free:
            self._advance("process_up_gate_closed")
            at.line.append(self._enter)
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

    def _judge(self, now_ns: int) -> None:
        """A load has failed: try once more or give up."""
        at, request, runner = self._at, self._in_hand(), self._loading()
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
