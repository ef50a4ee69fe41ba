"""A twin inside a test: `mock_ollama`, and what it gives."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import httpx

from toolkit.config.durations import NS_PER_S, parse_duration_ns
from toolkit.config.loading import load_config
from toolkit.errors import UsageError
from toolkit.host.assembly import TwinOptions
from toolkit.host.clock import RealClock
from toolkit.host.faults.doors import MockDoors
from toolkit.host.faults.faulty_host import FaultyTwin, assemble_faulty
from toolkit.host.faults.plan import Fault, FaultPlan, load_faults
from toolkit.host.mock.errors import TwinCrashedError
from toolkit.host.mock.hosts import host_with
from toolkit.host.mock.ledger import Eviction, Ledger, Load, SeenRequest, Unload
from toolkit.host.mock.libraries import LIBRARIES
from toolkit.host.mock.routers import TwinRouter
from toolkit.host.mock.stage import Stage
from toolkit.host.mock.transports import AsyncTwinTransport, TwinTransport
from toolkit.host.mock.virtual_time import VirtualClock
from toolkit.host.speech.speakers import named_voice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import TypeVar

    from toolkit.config.twin import TwinSection
    from toolkit.host.clock import Clock
    from toolkit.host.faults.injector import Hit
    from toolkit.host.mock.answers import Attempt
    from toolkit.host.mock.libraries import Library

    T = TypeVar("T")

DEFAULT_URLS = ("http://127.0.0.1:11434", "http://localhost:11434")
DEFAULT_START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_LOCAL = {"127.0.0.1", "localhost", "::1"}

Duration = str | float | dt.timedelta
"""A Go duration (`"30m"`), a number of seconds, or a timedelta."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MockOptions:
    """What a mock is made from; see `mock_ollama`."""

    host: TwinSection
    urls: tuple[str, ...]
    env: Mapping[str, str]
    profile: str | None
    answers: str | Mapping[str, str]
    plan: FaultPlan
    is_virtual: bool
    time_scale: float
    start: dt.datetime
    seed: int
    patience_s: float


def mock_ollama(
    models: Iterable[str] | Mapping[str, Any] | None = None,
    *,
    config: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    profile: str | None = None,
    answers: str | Mapping[str, str] = "prose",
    faults: FaultPlan | Sequence[Fault] | str | Path = (),
    base_url: str | Sequence[str] = DEFAULT_URLS,
    time: Literal["virtual", "real"] = "virtual",
    time_scale: float = 1.0,
    start: dt.datetime = DEFAULT_START,
    seed: int = 0,
    patience_s: float = 10.0,
) -> MockTwin:
    """An Ollama host for the time of a `with` (or `async with`) block, for every httpx client that asks for its URL.

    Args:
        models: names (`["llama3.2:3b"]`), or names with sizes (`{"mine": "8GB"}`) or fields of a config's model.
            Without, those of the config.
        config: a config file, whose `twin` section describes the host. Without, the embedded twin: 24 GiB of GPU
            memory and three models that do not all fit.
        env: variables of the server's environment, as `{"OLLAMA_MAX_LOADED_MODELS": "1"}`.
        profile: release line, `v0.32` or `v0.24`.
        answers: what models say: `prose`, `echo`, `context`, `say:TEXT`; or by model, as `{"llama3.2:3b": "say:yes"}`.
        faults: a plan, faults, or the file of a plan; see docs/faults.md.
        base_url: where the host seems to be; no path. Requests to other hosts are refused, as respx does.
        time: `virtual` passes only while a client waits, and then at once; `real` is real, times `time_scale`.
        time_scale: factor on invented durations (loads, tokens), never on keep_alive.
        start: the date at the beginning of virtual time.
        seed: of everything that is drawn.
        patience_s: real seconds after which a client gets a MockStuckError that waits in virtual time although nothing
            is left to happen.

    Raises:
        UsageError: an option makes no sense (also ConfigError and InputError for files).
    """
    if time not in {"virtual", "real"}:
        raise UsageError(f"time={time!r}: write 'virtual' or 'real'")
    section = load_config(None if config is None else Path(config)).config.twin
    return MockTwin(
        MockOptions(
            host=host_with(section, models),
            urls=(base_url,) if isinstance(base_url, str) else tuple(base_url),
            env=dict(env or {}),
            profile=profile,
            answers=answers,
            plan=_plan(faults),
            is_virtual=time == "virtual",
            time_scale=time_scale,
            start=start,
            seed=seed,
            patience_s=patience_s,
        )
    )


class MockTwin:
    """The twin behind a mock. Everything may be asked from any thread, during the block and after it."""

    def __init__(self, options: MockOptions) -> None:
        self._options = options
        self._urls = tuple(httpx.URL(url) for url in options.urls)
        if not all(url.scheme in {"http", "https"} and url.host for url in self._urls):
            raise UsageError(f"base_url={options.urls!r}: write it like http://127.0.0.1:11434")
        self._running: _Running | None = None

    # The block -----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        if self._running is not None:
            raise UsageError("a mock is used once; make another one with mock_ollama()")
        running = self._running = _Running(self._options)
        try:
            running.thread.run(running.assemble())
            for library in LIBRARIES:
                if library.is_installed:
                    router = TwinRouter(library, self._urls, running.attempt)
                    router.start()
                    running.routers.append(router)
        except BaseException:
            running.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running = self._at_work
        running.close()
        if running.ledger.crashes:
            crash = running.ledger.crashes[0]
            what = f"the twin itself failed: {crash!r}; please report it"
            if error is None:
                raise TwinCrashedError(what) from crash
            error.add_note(what)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    # What happened -------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Its base URL, the first if there are several."""
        return str(self._urls[0])

    @property
    def requests(self) -> tuple[SeenRequest, ...]:
        """Every request, in the order of arrival."""
        return self._ask(lambda work: tuple(work.ledger.requests))

    @property
    def loads(self) -> tuple[Load, ...]:
        """Every load, in the order in which they began."""
        return self._ask(lambda work: tuple(work.ledger.loads))

    @property
    def evictions(self) -> tuple[Eviction, ...]:
        """Every choice of a victim, in order."""
        return self._ask(lambda work: tuple(work.ledger.evictions))

    @property
    def unloads(self) -> tuple[Unload, ...]:
        """Every end of a process, for whatever reason, in order."""
        return self._ask(lambda work: tuple(work.ledger.unloads))

    @property
    def loaded(self) -> tuple[str, ...]:
        """The models in memory now, in the order of their loads; one whose process is just ending is not among them."""
        return self._ask(lambda work: work.ledger.loaded)

    @property
    def faults_hit(self) -> tuple[Hit, ...]:
        """Which faults have struck, in order."""
        return self._ask(lambda work: tuple(work.faulty.injector.hits))

    @property
    def now_ns(self) -> int:
        """The twin's time since its start."""
        return self._ask(lambda work: work.since_start_ns())

    # What to do with it --------------------------------------------------------------------------------------------

    def advance(self, duration: Duration) -> None:
        """Let virtual time pass: timers fire, loads go on, answers that nobody reads are written.

        Raises:
            UsageError: the duration is none, or time is real here.
        """
        running, duration_ns = self._at_work, _duration_ns(duration)
        if not self._options.is_virtual:
            raise UsageError("time is real in this mock; sleep instead, or make it with time='virtual'")
        running.thread.run(running.thread.pass_time(duration_ns))

    async def sleep(self, duration: Duration) -> None:
        """Wait in the twin's time, beside other clients of the same event loop that go on meanwhile."""
        await self._at_work.sleep(_duration_ns(duration))

    def add_fault(self, fault: Fault) -> None:
        """One more fault, from now on; its counts begin now, its times count from the twin's start as ever."""
        self._ask(lambda work: work.faulty.injector.add(fault))

    def say(self, model: str, voice: str) -> None:
        """What a model says from now on: `prose`, `echo`, `context` or `say:TEXT`. Raises UsageError."""
        made = named_voice(voice, self._options.seed)
        self._ask(lambda work: work.speakers.__setitem__(_short(model), made))

    def kill(self, model: str) -> bool:
        """End the process of a model as a crash would; False if it is not in memory."""
        return self._ask(lambda work: work.kill(model))

    def transport(self) -> TwinTransport:
        """For `httpx.Client(transport=…)`, where a client is not to be caught by its URL."""
        return TwinTransport(self._at_work.attempt)

    def async_transport(self) -> AsyncTwinTransport:
        """For `httpx.AsyncClient(transport=…)`."""
        return AsyncTwinTransport(self._at_work.attempt)

    @property
    def _at_work(self) -> _Running:
        if self._running is None:
            raise UsageError("the mock is not at work yet; enter it with `with mock_ollama() as twin:`")
        return self._running

    def _ask(self, question: Callable[[_Running], T]) -> T:
        running = self._at_work
        return question(running) if running.stage.thread.closed else running.thread.ask(lambda: question(running))


class _Running:
    """What exists while a mock is at work."""

    def __init__(self, options: MockOptions) -> None:
        self.options = options
        self.stage = Stage(options.is_virtual, options.patience_s)
        self.thread = self.stage.thread
        start_ns = round(options.start.timestamp()) * NS_PER_S
        self.clock: Clock = RealClock() if self.stage.time is None else VirtualClock(self.stage.time, start_ns)
        self._started_ns = self.clock.now_ns()
        self.ledger = Ledger(self.since_start_ns)
        self.routers: list[TwinRouter] = []
        self.faulty: FaultyTwin

    def since_start_ns(self) -> int:
        """The twin's time."""
        return self.clock.now_ns() - self._started_ns

    async def assemble(self) -> None:
        """Make the twin, on its own loop."""
        options = self.options
        by_model = options.answers if isinstance(options.answers, Mapping) else {}
        made = TwinOptions(
            section=options.host,
            profile=options.profile,
            environment=options.env,
            time_scale=options.time_scale,
            voice="prose" if isinstance(options.answers, Mapping) else options.answers,
            seed=options.seed,
            bind="127.0.0.1" if all(httpx.URL(url).host in _LOCAL for url in options.urls) else "0.0.0.0",  # noqa: S104 - only decides which Host headers are good
        )
        self.faulty = assemble_faulty(made, self.clock, options.plan, MockDoors(self.clock), observer=self.ledger)
        for model, voice in by_model.items():
            self.speakers[_short(model)] = named_voice(voice, options.seed)

    @property
    def speakers(self) -> dict[str, Any]:
        """Voices by the short name of a model."""
        return self.faulty.twin.services.speech.by_name

    def kill(self, model: str) -> bool:
        """See `MockTwin.kill`."""
        catalog = self.faulty.twin.services.catalog
        installed = next((known for known in catalog.models() if known.name.short == _short(model)), None)
        return installed is not None and self.faulty.twin.host.kill(installed)

    def attempt(self, request: httpx.Request, library: Library) -> Attempt:
        """See `routers.Sender`."""
        return self.stage.attempt(self.faulty.app, self.ledger, request, library)

    async def sleep(self, duration_ns: int) -> None:
        """Wait as a client does."""
        await self.stage.wait(duration_ns)

    def close(self) -> None:
        """End it."""
        for router in self.routers:
            router.stop(quiet=True, reset=False)
        self.stage.close()


def _plan(faults: FaultPlan | Sequence[Fault] | str | Path) -> FaultPlan:
    if isinstance(faults, FaultPlan):
        return faults
    return load_faults(Path(faults)) if isinstance(faults, str | Path) else FaultPlan(tuple(faults))


def _duration_ns(duration: Duration) -> int:
    """Raises UsageError."""
    try:
        if isinstance(duration, dt.timedelta):
            duration = duration.total_seconds()
        duration_ns = parse_duration_ns(duration) if isinstance(duration, str) else round(duration * NS_PER_S)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{duration!r} is no duration: {error}") from None
    if duration_ns < 0:
        raise UsageError(f"{duration!r}: time does not go back")
    return duration_ns


def _short(model: str) -> str:
    """The name as the server shows it: with a tag."""
    return model if ":" in model.rpartition("/")[2] else f"{model}:latest"
