"""The load engine: plays a plan against a real host (or the twin over HTTP) in real time.

One engine serves comparisons and load tests: open loop, closed loop and conversations are one kind of plan, in which a
request has a moment or follows another. The same dispatcher and strategy as in virtual time; here their directives are
calls. What a client cannot see stays None: a server tells queue, eviction and load only as one sum.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from toolkit.cache.strategy import Answer, LoadedModel
from toolkit.ollama.errors import BrokenAnswerError, HostTimeoutError, OllamaError, UnreachableError
from toolkit.replay.asking import Asking
from toolkit.replay.dispatch import Followers
from toolkit.replay.doorman import Doorman
from toolkit.replay.hoststate import Controls
from toolkit.replay.live_record import Sending, Sighting, failed_record, given_up_record
from toolkit.replay.looks import HostLooks
from toolkit.replay.pacer import Pacer
from toolkit.replay.selfcheck import SelfWatch
from toolkit.replay.terms import WHOLE_PLAN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.ollama.answer_stream import AnswerStream
    from toolkit.ollama.types import ChatRequest, RunningModel, TimedAnswer, Version
    from toolkit.replay.dispatch import Dispatch, Dispatcher
    from toolkit.replay.records import RequestRecord, ResidencySpan
    from toolkit.replay.selfcheck import SelfMeasure
    from toolkit.replay.terms import LoadTerms
    from toolkit.replay.turns import Turns
    from toolkit.workload.plan import Plan, PlannedRequest

NS_PER_S = 1_000_000_000


class LoadClient(Controls, Protocol):
    """The calls that a run makes; `OllamaClient` has them. Its clock must be `time.monotonic_ns`."""

    def stream_timed_chat(self, request: ChatRequest) -> AnswerStream[TimedAnswer]:
        """Chat for its times."""
        ...

    async def version(self) -> Version:
        """The server's version."""
        ...


class LoadEngine:
    """One run; what it found is read when `run` has returned. To be made in a running event loop.

    `keep` gets every record the moment its request ends. `died` is the error by which the host's death was noticed,
    `interrupted` that this task was cancelled; either way what was measured is kept, requests under way count as
    failed or cancelled, and those that were not due have no record. `start_ns` is the
    moment of `time.monotonic_ns` from which all times count. `watches` says whether this engine looks at `/api/ps` by
    itself: of several that play one load together, one does. With `turns` requests wait in a queue of the client's,
    before the host.
    """

    def __init__(
        self,
        plan: Plan,
        dispatcher: Dispatcher,
        client: LoadClient,
        *,
        keep: Callable[[RequestRecord], None],
        start_ns: int,
        terms: LoadTerms = WHOLE_PLAN,
        watches: bool = True,
        turns: Turns | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.died: OllamaError | None = None
        self.interrupted = False
        self.measures: tuple[SelfMeasure, ...] = ()
        self.start_ns = start_ns
        self._plan = plan
        self._dispatcher = dispatcher
        self._client = client
        self._keep_record = keep
        self._terms = terms
        self._watches = watches
        self._followers = Followers(plan)
        self._looks = HostLooks(client, self._now_ns, self._notice_death)
        self._asking = Asking(client, start_ns, self._looks)
        self._pacer = Pacer(loop, time.monotonic_ns, start_ns, self._start)
        self._self_watch = SelfWatch(loop)
        self._doorman = None if turns is None else Doorman(turns, self._now_ns, self._loaded_now)
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_ns = 0
        self._draining = False
        self._is_checking = False
        self._bug: BaseException | None = None
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Play the whole plan, or until the host dies or this task is cancelled; neither is raised."""
        self._self_watch.start()
        moments = [(one.at_ns, one) for one in self._plan.requests if one.at_ns is not None and self._is_wanted(one)]
        watcher = asyncio.create_task(self._looks.keep_looking()) if self._watches else None
        try:
            self._pacer.begin(moments)
            self._end_if_idle()
            await self._wait()
        except asyncio.CancelledError:
            self.interrupted = True
        finally:
            self._pacer.close()
            await _stop([*([watcher] if watcher else []), *self._tasks])
            if self._doorman is not None:
                await self._doorman.close()
            self._last_ns = max(self._last_ns, 0 if self.complete else self._now_ns())
            self.measures = (self._self_watch.stop(),)
        if self._bug is not None:
            raise self._bug

    @property
    def complete(self) -> bool:
        """Whether all that was to be played was."""
        return self.died is None and not self.interrupted

    @property
    def end_ns(self) -> int:
        """When the last answer ended, or the run was stopped; a complete run lasts at least as long as its plan."""
        stop_ns = self._terms.stop_ns
        planned_ns = self._plan.duration_ns if stop_ns is None else min(stop_ns, self._plan.duration_ns)
        return max(planned_ns if self.complete else 0, self._last_ns)

    def spans(self) -> tuple[ResidencySpan, ...]:
        """What looks at `/api/ps` have shown."""
        return self._looks.spans()

    def _now_ns(self) -> int:
        return time.monotonic_ns() - self.start_ns

    def _is_wanted(self, request: PlannedRequest) -> bool:
        stop_ns = self._terms.stop_ns
        return stop_ns is None or (request.at_ns or 0) < stop_ns

    async def _wait(self) -> None:
        """Until everything is over, or the drain is."""
        stop_ns, drain_ns = self._terms.stop_ns, self._terms.drain_ns
        if drain_ns is None:
            await self._over.wait()
            return
        begins_ns = max((one.at_ns or 0 for one in self._plan.requests), default=0) if stop_ns is None else stop_ns
        try:
            async with asyncio.timeout((begins_ns + drain_ns - self._now_ns()) / NS_PER_S):
                await self._over.wait()
        except TimeoutError:
            self._draining = True

    def _start(self, request: PlannedRequest, due_ns: int) -> None:
        task = asyncio.create_task(self._one(request, due_ns))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (bug := task.exception()) is not None:
            self._bug = bug
            self._over.set()
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if not self._tasks and self._pacer.is_idle:
            self._over.set()

    async def _one(self, request: PlannedRequest, due_ns: int) -> None:
        """One request from its moment to its record."""
        began_ns = self._now_ns()
        if self._doorman is not None:
            await self._wait_at_the_door(self._doorman, request, due_ns)
        reads = self._dispatcher.reads_memory
        rows = await self._looks.look() if reads else self._looks.last
        dispatch = self._dispatcher.dispatch(request, due_ns, self._now_ns(), _as_loaded(rows) if reads else ())
        row = next((row for row in rows if row.name == dispatch.model), None)
        seen = Sighting(row is not None, self._asking.waits_for(dispatch.model), row.context_length if row else None)
        deadline_ns = None if self._terms.deadline_ns is None else due_ns + self._terms.deadline_ns
        sending = Sending(dispatch, self._terms.phase_at(due_ns), None, deadline_ns)
        record: RequestRecord | None = None
        try:
            record = await self._ask(sending, seen, began_ns)
        finally:
            self._keep(dispatch, self._broken_off(sending) if record is None else record)
        await self._preload(dispatch, record)
        for follower in self._followers.after(request.id):
            next_ns = self._now_ns() + follower.think_ns
            if self._may_follow(request, follower, next_ns):
                self._pacer.add(follower, next_ns)

    async def _wait_at_the_door(self, doorman: Doorman, request: PlannedRequest, due_ns: int) -> None:
        """Until it is this request's turn; whoever is still there when the run is stopped has a record, too."""
        try:
            await doorman.wait(request.id, self._dispatcher.route(request)[0])
        except asyncio.CancelledError:
            dispatch = self._dispatcher.dispatch(request, due_ns, self._now_ns(), ())
            self._write_down(dispatch, self._broken_off(Sending(dispatch, self._terms.phase_at(due_ns), None, None)))
            raise

    async def _ask(self, sending: Sending, seen: Sighting, began_ns: int) -> RequestRecord:
        dispatch = sending.dispatch
        try:
            if dispatch.directive.unload_before:
                await self._asking.make_room(dispatch)
            elif not self._dispatcher.reads_memory and self._doorman is None:
                began_ns = self._now_ns()
            if sending.phase != "warmup":  # it stands in no figure, so its lateness spoils none
                self._self_watch.late(began_ns - dispatch.intended_ns)
            return await self._asking.ask(sending, seen)
        except OllamaError as error:
            await self._notice_death(error)
            return failed_record(self._asking.sent(sending), error, self.start_ns)

    def _broken_off(self, sending: Sending) -> RequestRecord:
        """We are stopping: because the host died, because the drain is over, or because we were told to."""
        sent = self._asking.sent(sending)
        if self._draining:
            return given_up_record(sent, "unanswered", "still under way when the drain was over", None)
        return failed_record(sent, self.died, self.start_ns)

    def _may_follow(self, request: PlannedRequest, follower: PlannedRequest, due_ns: int) -> bool:
        """After the stop only conversations that have begun go on."""
        if self._terms.stop_ns is None or due_ns < self._terms.stop_ns:
            return True
        return request.session is not None and request.session == follower.session

    def _keep(self, dispatch: Dispatch, record: RequestRecord) -> None:
        """Write the record down, tell the strategy, let the next one in."""
        self._write_down(dispatch, record)
        if self._doorman is not None:
            known = record.done_ns is not None and record.ready_ns is not None
            self._doorman.ended(record.id, (record.done_ns or 0) - (record.ready_ns or 0) if known else None)

    def _write_down(self, dispatch: Dispatch, record: RequestRecord) -> None:
        self._asking.forget(dispatch)
        done_ns = record.done_ns if record.done_ns is not None else self._now_ns()
        self._last_ns = max(self._last_ns, record.done_ns or 0)
        self._dispatcher.answered(dispatch, Answer(done_ns, record.server_load_ns, ok=record.outcome == "ok"))
        self._keep_record(record)

    async def _loaded_now(self) -> frozenset[str]:
        return frozenset(row.name for row in await self._looks.look())

    async def _preload(self, dispatch: Dispatch, record: RequestRecord | None) -> None:
        for model in dispatch.directive.preload_after if record is not None and record.outcome == "ok" else ():
            try:
                await self._client.load(model, options=self._dispatcher.options_of(model))
            except OllamaError as error:  # a preload is a favour: its failure costs nobody an answer
                await self._notice_death(error)

    async def _notice_death(self, error: OllamaError) -> None:
        """Told apart from a bad moment by asking for the version: no answer to that means the host is gone."""
        if self.died is not None or self._is_checking:
            return
        if not isinstance(error, (UnreachableError, HostTimeoutError, BrokenAnswerError)):
            return
        self._is_checking = True
        try:
            await self._client.version()
        except OllamaError as silence:
            self.died = silence
            self._over.set()
        finally:
            self._is_checking = False


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel and wait; what they raise on the way out is of no interest any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _as_loaded(rows: Sequence[RunningModel]) -> tuple[LoadedModel, ...]:
    """Rows for the strategy; `expires_at` is on the host's wall clock, not on the run's, so it counts as not known."""
    return tuple(LoadedModel(row.name, row.digest, row.vram_bytes, row.size_bytes, None) for row in rows)
