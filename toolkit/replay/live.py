"""Plays a plan against a real host (or the twin over HTTP) in real time.

The same dispatcher and strategy as in virtual time; here their directives are calls. What a client cannot see stays
None: a server tells queue, eviction and load only as one sum (`load_duration`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from toolkit.cache.strategy import Answer, LoadedModel
from toolkit.ollama.errors import BrokenAnswerError, HostTimeoutError, OllamaError, UnreachableError
from toolkit.ollama.types import ChatRequest
from toolkit.replay.dispatch import Followers
from toolkit.replay.hoststate import Controls
from toolkit.replay.live_record import RESIDENT_BELOW_NS, Sighting, answered_record, failed_record
from toolkit.replay.make_room import Patience, make_room
from toolkit.replay.prompts import Conversations
from toolkit.replay.residency import ResidencyWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.ollama.types import ChatAnswer, RunningModel, Version
    from toolkit.replay.dispatch import Dispatch, Dispatcher
    from toolkit.replay.records import RequestRecord
    from toolkit.replay.runfile import RunWriter
    from toolkit.workload.plan import Plan, PlannedRequest

NS_PER_S = 1_000_000_000
PS_EVERY_S = 1.0
"""How often the residency of models is looked at between requests."""


class LiveClient(Controls, Protocol):
    """The calls that a run makes; `OllamaClient` has them."""

    async def chat(self, request: ChatRequest) -> ChatAnswer:
        """Chat to the end of the answer."""
        ...

    async def version(self) -> Version:
        """The server's version."""
        ...


class LivePlayer:
    """One run; its results are read when `run` has returned.

    `clock_ns` is the client's monotonic clock. `writer` gets every record the moment its request ends. `died` is the
    error by which the host's death was noticed, `interrupted` that this task was cancelled; either way what was
    measured is kept, requests under way count as failed or cancelled, and those that were not due have no record.
    """

    def __init__(
        self,
        plan: Plan,
        dispatcher: Dispatcher,
        client: LiveClient,
        *,
        writer: RunWriter,
        clock_ns: Callable[[], int],
        on_answer: Callable[[], None] | None = None,
    ) -> None:
        self.died: OllamaError | None = None
        self.interrupted = False
        self._plan = plan
        self._dispatcher = dispatcher
        self._client = client
        self._writer = writer
        self._clock_ns = clock_ns
        self._on_answer = on_answer
        self._followers = Followers(plan)
        self._talks = Conversations()
        self._watch = ResidencyWatch()
        self._records: dict[str, RequestRecord] = {}
        self._loading: Counter[str] = Counter()
        self._start_ns = 0
        self._stopped_ns = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Play the whole plan, or until the host dies or this task is cancelled; neither is raised."""
        self._start_ns = self._clock_ns()
        for request in self._plan.requests:
            if request.at_ns is not None:
                self._spawn(request, request.at_ns)
        watcher = asyncio.create_task(self._watch_residency())
        over = asyncio.create_task(self._over.wait())
        try:
            while self._tasks and not self._over.is_set():
                done, _ = await asyncio.wait({over, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
                for task in done - {over}:
                    task.result()  # a bug of ours is raised here, not lost
        except asyncio.CancelledError:
            self.interrupted = True
        finally:
            await _stop([watcher, over, *self._tasks])
            self._stopped_ns = self._now_ns()
            for span in self._watch.spans():
                self._writer.span(span)
            self._writer.end(self.end_ns, complete=self.complete)

    @property
    def complete(self) -> bool:
        """Whether the whole plan was played."""
        return self.died is None and not self.interrupted

    @property
    def records(self) -> tuple[RequestRecord, ...]:
        """Records in the plan's order."""
        return tuple(self._records[one.id] for one in self._plan.requests if one.id in self._records)

    @property
    def watch(self) -> ResidencyWatch:
        """What looks at `/api/ps` have shown."""
        return self._watch

    @property
    def end_ns(self) -> int:
        """When the last answer ended, or the run was stopped; a complete run lasts at least as long as its plan."""
        ends = [record.done_ns for record in self._records.values() if record.done_ns is not None]
        return max([self._plan.duration_ns if self.complete else self._stopped_ns, *ends])

    def _now_ns(self) -> int:
        return self._clock_ns() - self._start_ns

    def _spawn(self, request: PlannedRequest, intended_ns: int) -> None:
        task = asyncio.create_task(self._one(request, intended_ns))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _one(self, request: PlannedRequest, intended_ns: int) -> None:
        """One request from its moment to its record."""
        await asyncio.sleep(max(0, intended_ns - self._now_ns()) / NS_PER_S)
        rows = await self._look()
        dispatch = self._dispatcher.dispatch(request, intended_ns, self._now_ns(), _as_loaded(rows))
        model = dispatch.model
        row = next((row for row in rows if row.name == model), None)
        seen = Sighting(row is not None, self._loading[model] > 0, row.context_length if row else None)
        if row is None:
            self._loading[model] += 1
        record = failed_record(dispatch, None, None, self._start_ns)
        try:
            record = await self._ask(dispatch, seen)
        finally:
            if row is None:
                self._loading[model] -= 1
            self._keep(dispatch, record)
        await self._preload(dispatch, record)
        for follower in self._followers.after(request.id):
            self._spawn(follower, self._now_ns() + follower.think_ns)

    async def _ask(self, dispatch: Dispatch, seen: Sighting) -> RequestRecord:
        """Make room, send, wait for the answer."""
        sent_ns: int | None = None
        try:
            await make_room(self._client, dispatch.directive.unload_before, Patience())
            sent_ns = self._now_ns()
            answer = await self._client.chat(self._chat_request(dispatch))
        except OllamaError as error:
            await self._notice_death(error)
            return failed_record(dispatch, sent_ns, error, self._start_ns)
        except asyncio.CancelledError:
            self._records[dispatch.request.id] = failed_record(dispatch, sent_ns, self.died, self._start_ns)
            raise
        self._talks.answered(dispatch.request, answer.message)
        context_after = seen.context_length
        if seen.listed and (answer.counters.load_ns or 0) >= RESIDENT_BELOW_NS:
            rows = await self._look()
            context_after = next((row.context_length for row in rows if row.name == dispatch.model), None)
        return answered_record(dispatch, seen, sent_ns, answer, start_ns=self._start_ns, context_after=context_after)

    def _keep(self, dispatch: Dispatch, record: RequestRecord) -> None:
        """Write the record down and tell the strategy."""
        record = self._records.setdefault(record.id, record)
        self._writer.record(record)
        answer = Answer(record.done_ns or self._now_ns(), record.server_load_ns, ok=record.outcome == "ok")
        self._dispatcher.answered(dispatch, answer)
        if self._on_answer is not None:
            self._on_answer()

    async def _preload(self, dispatch: Dispatch, record: RequestRecord) -> None:
        for model in dispatch.directive.preload_after if record.outcome == "ok" else ():
            try:
                await self._client.load(model, options=self._dispatcher.options_of(model))
            except OllamaError as error:  # a preload is a favour: its failure costs nobody an answer
                await self._notice_death(error)

    def _chat_request(self, dispatch: Dispatch) -> ChatRequest:
        options = {**dispatch.options, "num_predict": dispatch.request.output_tokens}
        messages = self._talks.messages(dispatch.request)
        return ChatRequest(dispatch.model, messages, keep_alive_ns=dispatch.directive.keep_alive_ns, options=options)

    async def _look(self) -> Sequence[RunningModel]:
        """`/api/ps`, noted in the watch; nothing if the host does not answer (the request itself will tell why)."""
        try:
            rows = await self._client.ps()
        except OllamaError as error:
            await self._notice_death(error)
            return ()
        self._watch.look(self._now_ns(), rows)
        return rows

    async def _watch_residency(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(PS_EVERY_S)

    async def _notice_death(self, error: OllamaError) -> None:
        """Told apart from a bad moment by asking for the version: no answer to that means the host is gone."""
        if self.died is not None or not isinstance(error, (UnreachableError, HostTimeoutError, BrokenAnswerError)):
            return
        try:
            await self._client.version()
        except OllamaError as silence:
            self.died = silence
            self._over.set()


async def _stop(tasks: Sequence[asyncio.Task[object]]) -> None:
    """Cancel and wait; what they raise on the way out is of no interest any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _as_loaded(rows: Sequence[RunningModel]) -> tuple[LoadedModel, ...]:
    """Rows for the strategy; `expires_at` is on the host's wall clock, not on the run's, so it counts as not known."""
    return tuple(LoadedModel(row.name, row.digest, row.vram_bytes, row.size_bytes, None) for row in rows)
