"""The client's side of a run: which model a request goes to, what the strategy wants, and what is under way.

One `Dispatcher` serves the virtual and the live driver; it never touches a host and knows no clock.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.cache.strategy import Access, Answer, Directive, HostView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.cache.strategy import LoadedModel, Strategy
    from toolkit.workload.plan import Plan, PlannedRequest

UNLOAD_POLL_NS = 50_000_000
"""How often `/api/ps` is asked whether the victims of a strategy have left."""
UNLOAD_SETTLE_NS = 1_250_000_000
"""How long to wait after that for their memory.

A GPU's driver shows it as used for 0.5 to 1.5 s more, which no client can see. A load that comes earlier finds no room:
the server evicts another model, or puts layers on the CPU.
"""
UNLOAD_PATIENCE_NS = 30_000_000_000
"""When to send the request although a victim is still listed: it is busy, and the server will sort it out."""


class RoutingDecision(Protocol):
    """What the dispatcher needs of a router's answer."""

    @property
    def model(self) -> str:
        """The model's name."""
        ...

    @property
    def reason(self) -> str:
        """Why, in a few words."""
        ...

    @property
    def rule(self) -> int | None:
        """The number of the custom rule, from 1, if one decided."""
        ...


class RoutesText(Protocol):
    """Anything that turns a prompt into a decision."""

    def route(self, text: str) -> RoutingDecision:
        """Decide from the last user message."""
        ...


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A request on its way: where to, why, with which options, and what the strategy asked for around it.

    `began_ns` is when that was decided: later than intended where a queue on the client's side held it back.
    """

    request: PlannedRequest
    intended_ns: int
    began_ns: int
    model: str
    reason: str
    rule: int | None
    options: Mapping[str, Any]
    directive: Directive


class Dispatcher:
    """Routes requests, asks the strategy, counts what is in flight. Not thread-safe: one driver owns it.

    `options` are the runner options (`num_ctx`, …) that requests for a model carry, by model name.
    """

    def __init__(self, router: RoutesText, strategy: Strategy, options: Mapping[str, Mapping[str, Any]]) -> None:
        self._router = router
        self._strategy = strategy
        self._options = options
        self._in_flight: defaultdict[str, int] = defaultdict(int)

    @property
    def reads_memory(self) -> bool:
        """Whether `dispatch` must be told what is in memory now; see `Strategy.reads_memory`."""
        return self._strategy.reads_memory

    def dispatch(
        self, request: PlannedRequest, intended_ns: int, now_ns: int, loaded: Sequence[LoadedModel]
    ) -> Dispatch:
        """Decide everything about a request that is about to be sent; it counts as in flight from here."""
        model, reason, rule = self.route(request)
        view = HostView(tuple(loaded), tuple(self._in_flight.items()))
        directive = self._strategy.before(Access(request.id, model, now_ns), view)
        self._in_flight[model] += 1
        options = self.options_of(model)
        if request.options:
            options = {**options, **dict(request.options)}
        return Dispatch(request, intended_ns, now_ns, model, reason, rule, options, directive)

    def route(self, request: PlannedRequest) -> tuple[str, str, int | None]:
        """The model that a request goes to, why, and by which custom rule."""
        if request.model is not None:
            return request.model, "asked for by name", None
        decision = self._router.route(request.text)
        return decision.model, decision.reason, decision.rule

    def options_of(self, model: str) -> Mapping[str, Any]:
        """The runner options that requests for a model carry."""
        return self._options.get(model, {})

    def answered(self, dispatch: Dispatch, answer: Answer) -> None:
        """The request has ended, well or badly."""
        self._in_flight[dispatch.model] -= 1
        if not self._in_flight[dispatch.model]:
            del self._in_flight[dispatch.model]
        self._strategy.after(Access(dispatch.request.id, dispatch.model, answer.done_ns), answer)


class Followers:
    """Which requests become due when another one ends: the next turn of a conversation, a closed-loop user's next."""

    def __init__(self, plan: Plan) -> None:
        self._by_leader: defaultdict[str, list[PlannedRequest]] = defaultdict(list)
        for request in plan.requests:
            if request.after is not None:
                self._by_leader[request.after].append(request)

    def after(self, request_id: str) -> Sequence[PlannedRequest]:
        """The requests that wait for this one, in the plan's order."""
        return self._by_leader.get(request_id, ())
