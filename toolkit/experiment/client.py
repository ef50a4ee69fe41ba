"""The client's side of what runs share: router, options by model, strategies.

That is all that a run on a real host under a fixed strategy needs. The host on paper (`toolkit.experiment.setup`), with
which a client knows sizes and what fits together, takes longer to import than all the rest that comes before the first
request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.cache.registry import StrategyContext, build_strategy
from toolkit.experiment.facts import HostFacts
from toolkit.experiment.names import split_queue
from toolkit.replay.dispatch import Dispatcher
from toolkit.routing.from_config import router_from_config
from toolkit.routing.remembered import RememberedRoutes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.config.models import Config
    from toolkit.replay.dispatch import RoutesText
    from toolkit.replay.turns import Turns
    from toolkit.workload.plan import Plan, PlannedRequest


@dataclass(frozen=True, slots=True)
class ClientSetup:
    """What a client knows of itself, and of the host if somebody has told it.

    `options` are runner options by model name, `baseline` is the config's strategy.
    """

    router: RoutesText
    options: Mapping[str, Mapping[str, Any]]
    context: StrategyContext
    facts: HostFacts
    baseline: str

    def dispatcher(self, strategy: str) -> Dispatcher:
        """A fresh client under a fresh strategy of this name. Raises UsageError if there is none."""
        name, _ = split_queue(strategy)
        return Dispatcher(self.router, build_strategy(name, self.context), self.options)

    def turns(self, strategy: str) -> Turns | None:
        """The queue before the host that the name asks for (`lru+shadow`), fresh; None if it asks for none."""
        _, queue = split_queue(strategy)
        if queue is None:
            return None
        from toolkit.cache.disciplines.places import Places  # noqa: PLC0415 - only with a queue
        from toolkit.experiment.queues import build_turns  # noqa: PLC0415 - as above

        return build_turns(queue, Places(self.context.items, self.context.around.capacity_bytes, self._most_models))

    @property
    def _most_models(self) -> int | None:
        """How many models a host on paper holds: the client's limit, or the largest set that lives together."""
        known = [len(models) for models in self.facts.together]
        limits = [self.context.max_models, max(known) if known else None]
        return min((limit for limit in limits if limit is not None), default=None)


def client_setup(config: Config, num_ctx: int | None) -> ClientSetup:
    """From the config. `num_ctx` overrides the context of all requests.

    The context holds what the config says, and nothing is known of the host: enough for strategies that are fixed.
    """
    llm = config.llm
    options: dict[str, dict[str, Any]] = {entry.name: dict(entry.options) for entry in llm.models.values()}
    if num_ctx is not None:
        for name in llm.model_names:
            options.setdefault(name, {})["num_ctx"] = num_ctx
    context = StrategyContext(
        max_models=llm.cache.max_models,
        models=llm.model_names,
        pinned=tuple(entry.name for entry in llm.models.values() if entry.pin),
        keep_alive_ns=((llm.cache.type, llm.cache.keep_alive_ns),),
    )
    routes = RememberedRoutes(router_from_config(llm).route)  # workloads repeat their texts
    return ClientSetup(routes, options, context, HostFacts(None, (), ()), llm.cache.type)


def model_of(setup: ClientSetup, request: PlannedRequest) -> str:
    """The model that a request will go to, by name or by the router."""
    return request.model or setup.router.route(request.text).model


def asked_models(setup: ClientSetup, plan: Plan) -> frozenset[str]:
    """The models that the plan's requests will go to."""
    return frozenset(model_of(setup, request) for request in plan.requests)
