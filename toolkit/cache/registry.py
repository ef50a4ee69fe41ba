"""The strategies by name: what `--strategies` and the config's `cache.type` choose from."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from toolkit.cache.fixed import NOT_KEPT_NS, RAM_NS, SSD_NS, FixedKeepAlive, ServerDefault
from toolkit.cache.policies.base import Expiring, LoadsFirst
from toolkit.cache.policies.lru import Lru
from toolkit.cache.policies.markov import Markov
from toolkit.cache.policies.registry import POLICIES, Surroundings, build_policy
from toolkit.cache.spec import Parameters, Spec, parse_spec
from toolkit.cache.steering.by_both import ByBoth
from toolkit.cache.steering.by_keep_alive import ByKeepAlive
from toolkit.cache.steering.by_unloads import ByUnloads
from toolkit.cache.steering.following import Premises
from toolkit.cache.steering.ordered import Ordered
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolkit.cache.policies.base import Item, Policy
    from toolkit.cache.strategy import Room, Strategy


@dataclass(frozen=True, slots=True)
class StrategyContext:
    """What a strategy may know beforehand: the config's limits and models, and what is known of the host's memory.

    `max_models`: None for no limit. `room`: None if nothing is known. `models`: all that requests may name. `pinned`:
    those that are to stay. `keep_alive_ns`: pairs of a strategy's name and the duration it is to send in place of its
    own (0 and negative as in `Directive`); the config's `cache.keep_alive` is one for `cache.type`. `items`: what
    policies are told of the models, as far as it is known. `around`: the cache that they rank.
    """

    max_models: int | None = None
    room: Room | None = None
    models: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    keep_alive_ns: tuple[tuple[str, int], ...] = ()
    items: Mapping[str, Item] = field(default_factory=dict)
    around: Surroundings = field(default_factory=lambda: Surroundings(1))

    def duration_ns(self, strategy: str, own_ns: int) -> int:
        """What the strategy of this name is to send: the override if there is one, else its own duration."""
        return dict(self.keep_alive_ns).get(strategy, own_ns)

    @property
    def premises(self) -> Premises:
        """What steering must know."""
        return Premises(self.max_models, self.room, frozenset(self.pinned), self.items)


@dataclass(frozen=True, slots=True)
class Asked:
    """A strategy as it was asked for: the text that becomes its name, its parameters, and the context."""

    text: str
    given: Parameters
    context: StrategyContext


@dataclass(frozen=True, slots=True)
class StrategyEntry:
    """A strategy's name, its parameters as a reader writes them, what it does in one line, and how to make a fresh one.

    `by_default`: whether a comparison shows it unasked.
    """

    name: str
    parameters: str
    summary: str
    build: Callable[[Asked], Strategy]
    by_default: bool = True


def _fixed(name: str, own_ns: int) -> Callable[[Asked], Strategy]:
    def build(asked: Asked) -> Strategy:
        duration_ns = asked.given.duration_ns("keep-alive", asked.context.duration_ns(name, own_ns))
        return FixedKeepAlive(asked.text, duration_ns, frozenset(asked.context.pinned))

    return build


def _lru_unload(asked: Asked) -> Strategy:
    duration_ns = asked.given.duration_ns("keep-alive", asked.context.duration_ns("lru-unload", RAM_NS))
    return ByUnloads(asked.text, Lru(), asked.context.premises, keep_alive_ns=duration_ns)


def _unload(asked: Asked) -> Strategy:
    return ByUnloads(asked.text, _policy(asked), asked.context.premises, keep_alive_ns=_base_ns(asked))


def _keep_alive(asked: Asked) -> Strategy:
    policy = _policy(asked)
    order = order_of(policy)
    if order is None or isinstance(policy, Markov):
        raise UsageError(
            f"{asked.text}: durations can carry the order of {_orderly()}; "
            "for other policies write unload(policy=…) or steer(policy=…)"
        )
    return ByKeepAlive(asked.text, policy, order, asked.context.premises, keep_alive_ns=_base_ns(asked))


def _steer(asked: Asked) -> Strategy:
    policy = _policy(asked)
    return ByBoth(asked.text, policy, order_of(policy), asked.context.premises, keep_alive_ns=_base_ns(asked))


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
    if isinstance(policy, Expiring) or spec.name == "server":
        raise UsageError(f"{asked.text}: {spec.name} is a rule of the server's own; give the strategy of that name")
    return policy


def _base_ns(asked: Asked) -> int:
    base_ns = asked.given.duration_ns("keep-alive", RAM_NS)
    if base_ns < 1:
        raise UsageError(f"{asked.text}: keep-alive must be longer than 0, as models that stay are what is steered")
    return base_ns


STRATEGIES: Final[tuple[StrategyEntry, ...]] = (
    StrategyEntry(
        "ram", "keep-alive=30m", "keep_alive 30m on every request; the server picks the victims", _fixed("ram", RAM_NS)
    ),
    StrategyEntry(
        "ssd", "keep-alive=2m", "keep_alive 2m on every request; the server picks the victims", _fixed("ssd", SSD_NS)
    ),
    StrategyEntry("none", "", "keep_alive 0: unload after every answer", _fixed("none", NOT_KEPT_NS)),
    StrategyEntry(
        "server-default",
        "",
        "send nothing; the server's own keep_alive holds",
        lambda asked: ServerDefault(asked.text),
    ),
    StrategyEntry(
        "lru-unload",
        "keep-alive=30m",
        "unload the least recently used models before a load that needs their room",
        _lru_unload,
    ),
    StrategyEntry(
        "unload",
        "policy=lru, keep-alive=30m",
        "unload whom a policy chooses before a load that needs the room",
        _unload,
        by_default=False,
    ),
    StrategyEntry(
        "keepalive",
        "policy=lru, keep-alive=30m",
        "durations whose order is the policy's, so that the server evicts whom the policy would",
        _keep_alive,
        by_default=False,
    ),
    StrategyEntry(
        "steer",
        "policy=lru, keep-alive=30m",
        "durations, unload calls where those are not enough, and preloads while nobody waits",
        _steer,
        by_default=False,
    ),
)

CACHE_TYPES = ("ram", "ssd", "none")
"""The strategies that the config's `cache.type` may name."""


def build_strategy(text: str, context: StrategyContext) -> Strategy:
    """A fresh strategy as written down; one run, one strategy, because it may keep state.

    A policy's name stands for the cheapest way of steering that follows it: `lrfu(decay=0.1)` is
    `keepalive(policy=lrfu(decay=0.1))`, and `next-use`, which has no fixed order, is `steer(policy=next-use)`.

    Raises:
        UsageError: no strategy or policy of this name (the message names the nearest and all), or a parameter that it
            does not have or take.
    """
    spec = parse_spec(text) if "(" in text else Spec(text.strip())
    for entry in STRATEGIES:
        if entry.name == spec.name:
            given = Parameters(spec)
            strategy = entry.build(Asked(spec.text, given, context))
            given.finish()
            return strategy
    if any(entry.name == spec.name for entry in POLICIES):
        return _steered(spec, context)
    names = [entry.name for entry in STRATEGIES]
    policies = [entry.name for entry in POLICIES if entry.name not in names]
    near = get_close_matches(spec.name.lower(), names + policies, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UsageError(
        f"there is no strategy {spec.name!r}.{hint} The strategies are {', '.join(names)}; "
        f"a policy is one, too: {', '.join(policies)}"
    )


def _steered(spec: Spec, context: StrategyContext) -> Strategy:
    """The strategy that a policy's name stands for; it keeps the policy's name."""
    asked = Asked(spec.text, Parameters(Spec(spec.name, (("policy", spec.text),))), context)
    policy = _policy(asked)
    order = order_of(policy)
    if order is None or isinstance(policy, Markov):
        return ByBoth(spec.text, policy, order, context.premises)
    return ByKeepAlive(spec.text, policy, order, context.premises)


def _orderly() -> str:
    around = Surroundings(1)
    return ", ".join(entry.name for entry in POLICIES if isinstance(build_policy(Spec(entry.name), around), Ordered))
