"""What a mocked twin has seen and done, as plain records for assertions. Times count from its start, in its time."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.host.mock.exchange import Exchange
    from toolkit.host.scheduler import Runner


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A request. `outcome` and `ended_ns` are None while it is under way."""

    at_ns: int
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    """Names in lower case."""
    content: bytes
    status: int | None = None
    outcome: str | None = None
    """`answered`, `left` (by its client), or how the connection ended."""
    ended_ns: int | None = None

    @property
    def json(self) -> Any:
        """The body; None if it is no JSON."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None

    @property
    def model(self) -> str | None:
        """The model that the body names."""
        body = self.json
        named = body.get("model") or body.get("name") if isinstance(body, dict) else None
        return named if isinstance(named, str) else None


@dataclass(frozen=True, slots=True)
class Load:
    """A load, from the start of the process. `ready_ns` is None until it is done, for ever if it came to nothing."""

    model: str
    at_ns: int
    num_ctx: int
    """Context of one slot."""
    ready_ns: int | None = None
    vram_bytes: int | None = None
    error: str | None = None
    """What the server says about a load that came to nothing."""


@dataclass(frozen=True, slots=True)
class Eviction:
    """A model was chosen to go: for want of `memory`, of places (`max_models`), for other options (`reload`), `oom`."""

    model: str
    at_ns: int
    reason: str
    needed_by: str | None
    """The model that was to be loaded."""


@dataclass(frozen=True, slots=True)
class Unload:
    """A process was told to end. `reason` is `expired`, `keep_alive_zero`, `explicit`, or `evicted_` and why."""

    model: str
    at_ns: int
    reason: str


@dataclass(slots=True)
class Ledger:
    """Watches requests (see `exchange.Watcher`) and the scheduler (see `toolkit.host.scheduler.Observer`)."""

    now_ns: Callable[[], int]
    """Asked for the time since the start."""
    requests: list[SeenRequest] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    evictions: list[Eviction] = field(default_factory=list)
    unloads: list[Unload] = field(default_factory=list)
    crashes: list[BaseException] = field(default_factory=list)
    """Errors inside the twin itself."""
    _in_memory: dict[Runner, None] = field(default_factory=dict)
    _places: dict[Exchange, int] = field(default_factory=dict)
    _loading: dict[Runner, int] = field(default_factory=dict)

    @property
    def loaded(self) -> tuple[str, ...]:
        """Models in memory, by the names that they were loaded under, in the order of their loads."""
        return tuple(runner.model.name for runner in self._in_memory)

    # Requests ------------------------------------------------------------------------------------------------------

    def began(self, exchange: Exchange) -> None:
        """See `exchange.Watcher`."""
        self._places[exchange] = len(self.requests)
        scope = exchange.scope
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        self.requests.append(SeenRequest(self.now_ns(), scope["method"], scope["path"], headers, exchange.body))

    def ended(self, exchange: Exchange, outcome: str, error: BaseException | None) -> None:
        """See `exchange.Watcher`."""
        if error is not None:
            self.crashes.append(error)
        place = self._places.pop(exchange, None)
        if place is not None:
            self.requests[place] = dataclasses.replace(
                self.requests[place], status=exchange.status, outcome=outcome, ended_ns=self.now_ns()
            )

    # The scheduler -------------------------------------------------------------------------------------------------

    def event(self, now_ns: int, name: str, **fields: Any) -> None:
        """See `toolkit.host.scheduler.Observer`."""
        del now_ns  # of a clock with another zero
        noted = getattr(self, f"_on_{name}", None)
        if noted is not None:
            noted(fields)

    def touched(self, now_ns: int, runner: Runner) -> None:
        """See `toolkit.host.scheduler.Observer`; nothing to write down."""

    def _on_load_start(self, fields: dict[str, Any]) -> None:
        runner = fields["runner"]
        self._loading[runner] = len(self.loads)
        self.loads.append(Load(runner.model.name, self.now_ns(), runner.launch.num_ctx))

    def _on_load_done(self, fields: dict[str, Any]) -> None:
        runner = fields["runner"]
        self._in_memory[runner] = None
        self._settle(runner, ready_ns=self.now_ns(), vram_bytes=runner.report.vram_bytes)

    def _on_load_failed(self, fields: dict[str, Any]) -> None:
        self._settle(fields["runner"], error=fields["failure"].error)

    def _settle(self, runner: Runner, **changes: Any) -> None:
        place = self._loading.pop(runner, None)
        if place is not None:
            self.loads[place] = dataclasses.replace(self.loads[place], **changes)

    def _on_evict(self, fields: dict[str, Any]) -> None:
        request, victim = fields.get("request"), fields["victim"]
        needed_by = None if request is None else request.model.name
        latest = self.evictions[-1] if self.evictions else None
        eviction = Eviction(victim.model.name, self.now_ns(), fields["reason"], needed_by)
        if latest != eviction:  # the server chooses again and again within an instant
            self.evictions.append(eviction)

    def _on_unload_start(self, fields: dict[str, Any]) -> None:
        runner = fields["runner"]
        self._in_memory.pop(runner, None)
        self.unloads.append(Unload(runner.model.name, self.now_ns(), fields["reason"]))
