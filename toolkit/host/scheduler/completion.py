"""The completion side: ends of requests, keep-alive timers, unloads and the wait for memory.

It does one thing at a time. From the start of an unload until its signal is accepted it is deaf: ends of requests and
notices pile up. While the process is ending, the gate is closed and the whole host stands still.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from toolkit.host.scheduler.effects import EndProcess, SetTimer, Timer
from toolkit.host.scheduler.mailboxes import Notice
from toolkit.host.scheduler.recovery import RecoveryWait
from toolkit.host.scheduler.transitions import (
    COMPLETION_TRANSITIONS,
    IDLE,
    RECOVERING,
    SIGNALLING,
    Table,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.host.scheduler.requests import Request, Runner
    from toolkit.host.scheduler.state import HostState


class CompletionSide:
    """State of the side and what it does with each input; `step` is called until nothing moves any more."""

    __slots__ = ("_at", "_table", "state", "unload_start_ns", "unloading", "wait")

    def __init__(self, state: HostState) -> None:
        self._at = state
        self._table = Table(COMPLETION_TRANSITIONS)
        self.state = IDLE
        self.unloading: Runner | None = None
        self.unload_start_ns = 0
        self.wait: RecoveryWait | None = None

    def _advance(self, event: str) -> None:
        self.state = self._table.target(self.state, event)
        self._at.completion_idle = self.state == IDLE

    def step(self, now_ns: int) -> bool:
        """Do the next thing if there is one."""
        at = self._at
        if self.state == SIGNALLING:
            return self._signal(now_ns)
        if self.state != IDLE:
            return False
        if len(at.notices):
            notice, released = at.notices.take()
            if released is not None and released.runner.held:
                at.release(released.runner)
            self._take_up(notice, now_ns)
            return True
        if at.ends:
            self._in_turn(partial(self.end_request, at.ends.popleft()), now_ns)
            return True
        return False

    def _take_up(self, notice: Notice, now_ns: int) -> None:
        """Look whether the runner is in use. If not it stays in hand, also while standing in line."""
        runner = notice.runner
        if runner.held:  # by somebody with another notice about it, which may find its place only after this one
            self._advance("work_taken_behind_others")
            self._at.when_released(runner, partial(self._turn, partial(self._take_up, notice)))
        elif runner.ref_count > 0:
            self._try_later(notice, now_ns)
        else:
            runner.held = True
            self._in_turn(partial(self._handle, notice), now_ns)

    def _in_turn(self, action: Callable[[int], None], now_ns: int) -> None:
        """Behind those who wait at the gate, if any."""
        if self._at.way_is_free:
            action(now_ns)
            return
        self._advance("work_taken_behind_others")
        self._at.line.append(partial(self._turn, action))

    def _turn(self, action: Callable[[int], None], now_ns: int) -> None:
        self._advance("turn_has_come")
        action(now_ns)

    def _try_later(self, notice: Notice, now_ns: int) -> None:
        """A runner in use: look again soon, as often as needed."""
        at = self._at
        self._advance("notice_for_busy_runner")
        if not notice.retry:
            at.note(now_ns, "expired_busy", runner=notice.runner, reason=notice.reason)
        due_ns = now_ns + at.profile.busy_retry_ns
        at.out.append(SetTimer(due_ns, Timer("retry", notice.runner, due_ns, notice.reason)))

    def end_request(self, request: Request, now_ns: int) -> None:
        """A request gives its runner up: count it, then start the timer or let the runner go."""
        at = self._at
        self._advance("end_of_request")
        runner = at.loaded.get(request.model.digest)
        if runner is None:
            at.note(now_ns, "finished_after_unload", request=request)
            return
        runner.ref_count -= 1
        if runner.ref_count <= 0:
            if runner.session_ns > 0:
                at.arm(runner, now_ns)
            else:
                runner.timer_due_ns = None
                self._post_own(Notice(runner, runner.mark or "keep_alive_zero"))
        if at.observer is not None:
            at.observer.touched(now_ns, runner)

    def _post_own(self, notice: Notice) -> None:
        """Its own notice goes through the same box. If that is full nobody is left to empty it: stuck for good."""
        if not self._at.notices.post(notice, receiver_idle=False):
            notice.runner.held = True
            self._advance("own_notice_finds_no_place")

    def _handle(self, notice: Notice, now_ns: int) -> None:
        at, runner = self._at, notice.runner
        current = at.loaded.get(runner.key)
        if current is not runner:
            self._advance("notice_for_gone_runner")
            if current is not None:
                at.note(now_ns, "orphan_closed", runner=runner)
            at.release(runner)
            return
        self._start_unload(notice, now_ns)

    def _start_unload(self, notice: Notice, now_ns: int) -> None:
        at, runner = self._at, notice.runner
        self._advance("notice_for_idle_runner")
        at.note(now_ns, "unload_start", runner=runner, reason=notice.reason)
        self.unloading, self.unload_start_ns, self.wait = runner, now_ns, None
        if runner.waits_for_memory:
            self.wait = RecoveryWait(
                now_ns,
                sum(at.memory.gpu_free_bytes(now_ns)),
                runner.report.vram_bytes,
                at.profile.poll_ns,
                at.profile.recovery_limit_ns,
            )
            self._plan_poll(self.wait, runner, now_ns)
        at.gate = runner
        runner.timer_due_ns = None
        at.out.append(EndProcess(runner))

    def _plan_poll(self, wait: RecoveryWait, runner: Runner, now_ns: int) -> None:
        due_ns = wait.next_poll_ns(now_ns)
        self._at.out.append(SetTimer(due_ns, Timer("poll", runner, due_ns)))

    def poll(self, runner: Runner, now_ns: int) -> None:
        """A point of the recovery grid has come; meaningless once the wait is over."""
        wait = self.wait
        if wait is None or wait.over or runner is not self.unloading:
            return
        if not wait.poll(sum(self._at.memory.gpu_free_bytes(now_ns)), now_ns):
            self._plan_poll(wait, runner, now_ns)
        elif self.state == RECOVERING:
            self._finish_unload(now_ns)

    def process_gone(self, runner: Runner, now_ns: int) -> None:
        """The process has ended: the runner leaves the loaded set and the gate opens."""
        at = self._at
        self._advance("process_gone")
        at.note(now_ns, "unload_closed", runner=runner)
        runner.alive = False
        del at.loaded[runner.key]
        at.gate = None
        if self.wait is None or self.wait.over:
            self._finish_unload(now_ns)

    def _finish_unload(self, now_ns: int) -> None:
        self._advance("memory_back")
        at, runner = self._at, self.unloading
        at.note(now_ns, "unload_done", runner=runner, took_ns=now_ns - self.unload_start_ns)
        self.unloading = self.wait = None
        if runner is not None:
            at.release(runner)
        if at.let_go and not at.pending_receives:  # else the pending loop hears the signal, and the line comes first
            at.let_go.popleft()(now_ns)
        self._signal(now_ns)

    def _signal(self, now_ns: int) -> bool:
        """Tell the pending loop, whoever it waits for; wait with it as long as the box is full."""
        del now_ns
        at = self._at
        if not at.signals.has_room(receiver_idle=at.pending_receives):
            return False
        at.signals.waiting += 1
        self._advance("signal_accepted")
        return True
