"""The strategies that steer a server: by unloads, by the order of durations, by both; what `registry` makes when asked.

A module of its own, because a run under a fixed `keep_alive` needs no policy, and should not wait for them all to be
imported.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from toolkit.cache.fixed import RAM_NS
from toolkit.cache.policies.base import Expiring, Keeping, LoadsFirst
from toolkit.cache.policies.lru import Lru
from toolkit.cache.policies.markov import Markov
from toolkit.cache.policies.registry import POLICIES, build_policy
from toolkit.cache.policies.surroundings import Surroundings
from toolkit.cache.spec import Spec, parse_spec
from toolkit.cache.steering.by_both import ByBoth
from toolkit.cache.steering.by_keep_alive import ByKeepAlive
from toolkit.cache.steering.by_unloads import ByUnloads
from toolkit.cache.steering.following import Premises
from toolkit.cache.steering.ordered import Ordered
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolkit.cache.policies.base import Policy
    from toolkit.cache.registry import Asked, StrategyContext
    from toolkit.cache.strategy import Strategy


def _lru_unload(asked: Asked) -> Strategy:
    """Unload the least recently used models before a load that needs their room."""
    duration_ns = asked.given.duration_ns("keep-alive", asked.context.duration_ns("lru-unload", RAM_NS))
    return ByUnloads(asked.text, Lru(), _premises(asked.context), keep_alive_ns=duration_ns)


def _unload(asked: Asked) -> Strategy:
    """Unload whom the policy chooses before a load that needs the room."""
    return ByUnloads(asked.text, _policy(asked), _premises(asked.context), keep_alive_ns=_base_ns(asked))


def _keep_alive(asked: Asked) -> Strategy:
    """Durations whose order is the policy's. Raises UsageError for a policy without a fixed order."""
    policy = _policy(asked)
    order = order_of(policy)
    if order is None or isinstance(policy, Markov):
        raise UsageError(
            f"{asked.text}: durations can carry the order of {_orderly()}; "
            "for other policies write unload(policy=…) or steer(policy=…)"
        )
    return ByKeepAlive(asked.text, policy, order, _premises(asked.context), keep_alive_ns=_base_ns(asked))


def _steer(asked: Asked) -> Strategy:
    """Durations, and calls where those are not enough."""
    policy = _policy(asked)
    return ByBoth(asked.text, policy, order_of(policy), _premises(asked.context), keep_alive_ns=_base_ns(asked))


def order_of(policy: Policy) -> Ordered | None:
    """The order that durations can carry: the policy's own, or that of the policy beneath it; None if it has none."""
    beneath = policy.beneath if isinstance(policy, Markov) else policy
    return beneath if isinstance(beneath, Ordered) else None


def _policy(asked: Asked) -> Policy:
    """The policy of `policy=…`, fresh; LRU if none is given."""
    spec = parse_spec(asked.given.text("policy", "lru"))
    policy = build_policy(spec, asked.context.around)
    if isinstance(policy, LoadsFirst):
        raise UsageError(f"{asked.text}: a server cannot answer without the model, so no newcomer can leave at once")
    if (isinstance(policy, Expiring) and not isinstance(policy, Keeping)) or spec.name == "server":
        raise UsageError(f"{asked.text}: {spec.name} is a rule of the server's own; give the strategy of that name")
    return policy


def _base_ns(asked: Asked) -> int:
    base_ns = asked.given.duration_ns("keep-alive", RAM_NS)
    if base_ns < 1:
        raise UsageError(f"{asked.text}: keep-alive must be longer than 0, as models that stay are what is steered")
    return base_ns


def named(asked: Asked) -> Strategy:
    """The strategy that a policy's name stands for: the cheapest way of steering that follows it."""
    policy = _policy(asked)
    order = order_of(policy)
    if order is None or isinstance(policy, Markov):
        return ByBoth(asked.text, policy, order, _premises(asked.context))
    return ByKeepAlive(asked.text, policy, order, _premises(asked.context))


def _premises(context: StrategyContext) -> Premises:
    """What steering must know."""
    return Premises(context.max_models, context.room, frozenset(context.pinned), context.items)


def _orderly() -> str:
    around = Surroundings(1)
    return ", ".join(entry.name for entry in POLICIES if isinstance(build_policy(Spec(entry.name), around), Ordered))


BUILDERS: Mapping[str, Callable[[Asked], Strategy]] = MappingProxyType(
    {"lru-unload": _lru_unload, "unload": _unload, "keepalive": _keep_alive, "steer": _steer}
)
"""How each strategy of `registry.STRATEGIES` that steers is made."""
