"""One load played by several processes, when one core is not enough to be on time.

The processes are forked before anything runs, so each has all that it needs without being sent it, and costs
milliseconds. For a run each takes its shard of the plan and opens its connections; then all start at one moment of the
machine's monotonic clock, which they share. Records come back through pipes as they are made, and only this process
writes them and looks at `/api/ps`. A client that ends, ends its processes: they watch their pipes.

A strategy that reads the host's memory decides by all requests under way; a process knows only its own. Such
strategies are refused with more than one process rather than played wrongly.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from toolkit.errors import HostError, UsageError
from toolkit.replay.collector import calm_collector
from toolkit.replay.engine import LoadEngine
from toolkit.replay.looks import HostLooks
from toolkit.replay.records import RequestRecord
from toolkit.workload.shards import shards

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from multiprocessing.connection import Connection
    from types import TracebackType

    from toolkit.experiment.client import ClientSetup
    from toolkit.ollama.client import OllamaClient
    from toolkit.ollama.errors import OllamaError
    from toolkit.replay.records import ResidencySpan
    from toolkit.replay.selfcheck import SelfMeasure
    from toolkit.replay.terms import LoadTerms
    from toolkit.workload.plan import Plan

HEAD_START_NS = 50_000_000
"""Between the last process being ready and the common start: enough for the news to reach all of them."""


@dataclass(frozen=True, slots=True)
class _Job:
    strategy: str
    repetition: int


@dataclass(frozen=True, slots=True)
class _Ready:
    pass


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a share of a run ended."""

    measures: tuple[SelfMeasure, ...]
    end_ns: int
    died: OllamaError | None
    interrupted: bool


class Crew:
    """The processes of one call of a command; enter it before an event loop runs.

    `run` runs a coroutine on a loop of its own, `client` makes a client in it: each process calls them for itself.

    Raises:
        UsageError: this system cannot fork, or a strategy needs to see all requests.
    """

    def __init__(
        self,
        count: int,
        setup: ClientSetup,
        plans: Sequence[Plan],
        names: Sequence[str],
        terms: LoadTerms,
        *,
        run: Callable[[Coroutine[Any, Any, None]], None],
        client: Callable[[], OllamaClient],
    ) -> None:
        for name in names:
            if setup.dispatcher(name).reads_memory or setup.turns(name) is not None:
                raise UsageError(
                    f"{name} decides by what is in memory and by all requests under way, of which each process would "
                    "see only its own; play it with one process, or leave it out"
                )
        if "fork" not in multiprocessing.get_all_start_methods():
            raise UsageError(f"--processes needs a system that can fork, which {sys.platform} cannot; leave it out")
        self._setup = setup
        self._shares = [shards(plan, count) for plan in plans]
        self._terms = terms
        self._run = run
        self._client = client
        self._count = count
        self._pipes: list[Connection] = []
        self._processes: list[multiprocessing.process.BaseProcess] = []

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("fork")
        for number in range(self._count):
            ours, theirs = context.Pipe()
            process = context.Process(target=self._serve, args=(theirs, number, (*self._pipes, ours)), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join()

    def player(self, client: OllamaClient, job: tuple[str, int], keep: Callable[[RequestRecord], None]) -> CrewPlayer:
        """One run, ready to be played: the strategy and the repetition (from 0), and who takes the records."""
        return CrewPlayer(self._pipes, _Job(*job), client, keep)

    def _serve(self, pipe: Connection, number: int, others: Sequence[Connection]) -> None:
        """In a process: play shares until the pipe is closed."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the first process decides what it means
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for other in others:
            other.close()  # or the end of the first process would not be seen
        while True:
            try:
                job: _Job = pipe.recv()
            except EOFError:
                return
            self._run(self._play(pipe, number, job))

    async def _play(self, pipe: Connection, number: int, job: _Job) -> None:
        share = self._shares[job.repetition][number]
        async with self._client() as client:
            await client.version()  # everything is imported and looked up now
            pipe.send(_Ready())
            start_ns = pipe.recv()
            dispatcher = self._setup.dispatcher(job.strategy)
            with calm_collector():
                engine = LoadEngine(
                    share, dispatcher, client, keep=pipe.send, start_ns=start_ns, terms=self._terms, watches=False
                )
                playing = asyncio.create_task(engine.run())
                loop = asyncio.get_running_loop()
                _watch(loop, pipe, playing.cancel)  # whatever comes now means: stop
                await playing
                loop.remove_reader(pipe.fileno())
            if engine.interrupted and pipe.poll():
                pipe.recv()
            pipe.send(_Ended(engine.measures, engine.end_ns, engine.died, engine.interrupted))


class CrewPlayer:
    """One run of a crew; has what `LoadEngine` has."""

    def __init__(
        self, pipes: Sequence[Connection], job: _Job, client: OllamaClient, keep: Callable[[RequestRecord], None]
    ) -> None:
        self.died: OllamaError | None = None
        self.interrupted = False
        self.end_ns = 0
        self.measures: tuple[SelfMeasure, ...] = ()
        self._pipes = pipes
        self._job = job
        self._keep = keep
        self._start_ns = 0
        self._looks = HostLooks(client, lambda: time.monotonic_ns() - self._start_ns, _ignore)
        self._inboxes: list[asyncio.Queue[Any]] = [asyncio.Queue() for _ in pipes]

    @property
    def complete(self) -> bool:
        """Whether all that was to be played was."""
        return self.died is None and not self.interrupted

    def spans(self) -> tuple[ResidencySpan, ...]:
        """What looks at `/api/ps` have shown."""
        return self._looks.spans()

    async def run(self) -> None:
        """Play; see `LoadEngine.run`. Raises HostError if a process is lost."""
        loop = asyncio.get_running_loop()
        for pipe, inbox in zip(self._pipes, self._inboxes, strict=True):
            _watch(loop, pipe, partial(self._receive, pipe, inbox))
        try:
            await self._play()
        finally:
            for pipe in self._pipes:
                loop.remove_reader(pipe.fileno())

    async def _play(self) -> None:
        self._tell(self._job)
        await self._news()
        self._start_ns = time.monotonic_ns() + HEAD_START_NS
        self._tell(self._start_ns)
        watcher = asyncio.create_task(self._looks.keep_looking())
        endings = asyncio.ensure_future(self._news())
        try:
            ended: list[_Ended] = await asyncio.shield(endings)
        except asyncio.CancelledError:
            self.interrupted = True
            self._tell(None)
            ended = await endings
        finally:
            watcher.cancel()
        self.measures = tuple(measure for one in ended for measure in one.measures)
        self.end_ns = max(one.end_ns for one in ended)
        self.died = next((one.died for one in ended if one.died is not None), None)

    def _tell(self, what: object) -> None:
        for pipe in self._pipes:
            pipe.send(what)

    async def _news(self) -> list[Any]:
        """The next message of every process that is not a record. Raises HostError."""
        news = await asyncio.gather(*(inbox.get() for inbox in self._inboxes))
        if any(one is None for one in news):
            raise HostError(
                "a process of the client ended in the middle of the run and took its records; measure again"
            )
        return news

    def _receive(self, pipe: Connection, inbox: asyncio.Queue[Any]) -> None:
        """Take all that is there; None stands for a lost process."""
        try:
            while pipe.poll():
                message = pipe.recv()
                if isinstance(message, RequestRecord):
                    self._keep(message)
                else:
                    inbox.put_nowait(message)
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(pipe.fileno())
            inbox.put_nowait(None)


def _watch(loop: asyncio.AbstractEventLoop, pipe: Connection, on_message: Callable[[], object]) -> None:
    """Call when there is something to read. A loop makes what it watches non-blocking, which a `Connection` is not."""
    loop.add_reader(pipe.fileno(), on_message)
    os.set_blocking(pipe.fileno(), True)


async def _ignore(_: OllamaError) -> None:
    """A look that failed says nothing that the processes do not find out themselves."""
