"""The strategies by name: what `--strategies` and the config's `cache.type` choose from."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from toolkit.cache.fixed import NOT_KEPT_NS, RAM_NS, SSD_NS, FixedKeepAlive, ServerDefault
from toolkit.cache.policies.surroundings import Surroundings
from toolkit.cache.spec import Parameters, Spec, parse_spec
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolkit.cache.policies.base import Item
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


@dataclass(frozen=True, slots=True)
class Asked:
    """A strategy as it was asked for: the text that becomes its name, its parameters, and the context."""

    text: str
    given: Parameters
    context: StrategyContext


@dataclass(frozen=True, slots=True)
class StrategyEntry:
    """A strategy's name, its parameters as a reader writes them, what it does in one line, and how to make a fresh one.

    `by_default`: whether a comparison shows it unasked. `is_fixed`: it asks for the same whatever is known of the
    models' sizes and of the host's memory, so that part of the context can be left out.
    """

    name: str
    parameters: str
    summary: str
    build: Callable[[Asked], Strategy]
    by_default: bool = True
    is_fixed: bool = False


def _fixed(name: str, own_ns: int) -> Callable[[Asked], Strategy]:
    def build(asked: Asked) -> Strategy:
        duration_ns = asked.given.duration_ns("keep-alive", asked.context.duration_ns(name, own_ns))
        return FixedKeepAlive(asked.text, duration_ns, frozenset(asked.context.pinned))

    return build


def _steering(name: str) -> Callable[[Asked], Strategy]:
    def build(asked: Asked) -> Strategy:
        from toolkit.cache.steered import BUILDERS  # noqa: PLC0415 - all policies, not for a fixed keep_alive

        return BUILDERS[name](asked)

    return build


STRATEGIES: Final[tuple[StrategyEntry, ...]] = (
    StrategyEntry(
        "ram",
        "keep-alive=30m",
        "keep_alive 30m on every request; the server picks the victims",
        _fixed("ram", RAM_NS),
        is_fixed=True,
    ),
    StrategyEntry(
        "ssd",
        "keep-alive=2m",
        "keep_alive 2m on every request; the server picks the victims",
        _fixed("ssd", SSD_NS),
        is_fixed=True,
    ),
    StrategyEntry("none", "", "keep_alive 0: unload after every answer", _fixed("none", NOT_KEPT_NS), is_fixed=True),
    StrategyEntry(
        "server-default",
        "",
        "send nothing; the server's own keep_alive holds",
        lambda asked: ServerDefault(asked.text),
        is_fixed=True,
    ),
    StrategyEntry(
        "lru-unload",
        "keep-alive=30m",
        "unload the least recently used models before a load that needs their room",
        _steering("lru-unload"),
    ),
    StrategyEntry(
        "unload",
        "policy=lru, keep-alive=30m",
        "unload whom a policy chooses before a load that needs the room",
        _steering("unload"),
        by_default=False,
    ),
    StrategyEntry(
        "keepalive",
        "policy=lru, keep-alive=30m",
        "durations whose order is the policy's, so that the server evicts whom the policy would",
        _steering("keepalive"),
        by_default=False,
    ),
    StrategyEntry(
        "steer",
        "policy=lru, keep-alive=30m",
        "durations, unload calls where those are not enough, and preloads while nobody waits",
        _steering("steer"),
        by_default=False,
    ),
)

CACHE_TYPES = ("ram", "ssd", "none")
"""The strategies that the config's `cache.type` may name."""


def is_fixed(text: str) -> bool:
    """Whether this names a strategy that `is_fixed`."""
    name = text.partition("(")[0].strip()
    return any(entry.is_fixed and entry.name == name for entry in STRATEGIES)


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
    from toolkit.cache.policies.registry import POLICIES  # noqa: PLC0415 - all policies, not for a fixed keep_alive
    from toolkit.cache.steered import named  # noqa: PLC0415 - as above

    if any(entry.name == spec.name for entry in POLICIES):
        return named(Asked(spec.text, Parameters(Spec(spec.name, (("policy", spec.text),))), context))
    names = [entry.name for entry in STRATEGIES]
    policies = [entry.name for entry in POLICIES if entry.name not in names]
    near = get_close_matches(spec.name.lower(), names + policies, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UsageError(
        f"there is no strategy {spec.name!r}.{hint} The strategies are {', '.join(names)}; "
        f"a policy is one, too: {', '.join(policies)}"
    )
