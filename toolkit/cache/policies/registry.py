"""The policies by name, each with its parameters and what it does in a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, cast

from toolkit.cache.policies.arc import Arc
from toolkit.cache.policies.base import Expiring, Foreseeing, LoadsFirst, Prefetching
from toolkit.cache.policies.gdsf import CompetingGdsf, Gdsf
from toolkit.cache.policies.histogram import Histogram, reading
from toolkit.cache.policies.keep_alive import KeepAlive
from toolkit.cache.policies.landlord import Landlord
from toolkit.cache.policies.lfu import AgeingLfu, Lfu
from toolkit.cache.policies.lrfu import Lrfu
from toolkit.cache.policies.lru import Lru
from toolkit.cache.policies.lru_k import LruK
from toolkit.cache.policies.markov import Markov
from toolkit.cache.policies.next_use import NextUse
from toolkit.cache.policies.priority import PINNED, Classes
from toolkit.cache.policies.s3fifo import S3Fifo
from toolkit.cache.policies.server import ServerRule
from toolkit.cache.spec import Parameters, entry_of, parse_spec
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.cache.policies.base import Policy
    from toolkit.cache.policies.surroundings import Surroundings
    from toolkit.cache.spec import Spec

_RAM_NS: Final = 30 * 60 * 10**9
_SSD_NS: Final = 2 * 60 * 10**9
_DEFAULT_NS: Final = 5 * 60 * 10**9
_RANGE_NS: Final = 4 * 60 * 60 * 10**9


@dataclass(frozen=True, slots=True)
class PolicyEntry:
    """A policy's name, its parameters as a reader writes them, what it does, and how to make a fresh one."""

    name: str
    parameters: str
    summary: str
    build: Callable[[Parameters, Surroundings], Policy]


def _gdsf(given: Parameters, _around: Surroundings) -> Policy:
    cost = cast("Literal['load', 'one']", given.choice("cost", "load", ("load", "one")))
    newcomers = given.choice("newcomers", "stay", ("stay", "compete"))
    return Gdsf(cost) if newcomers == "stay" else CompetingGdsf(cost)


def _lfu(given: Parameters, _around: Surroundings) -> Policy:
    half_life = given.whole("half-life", 0, least=0)
    return AgeingLfu(half_life) if half_life else Lfu()


def _arc(given: Parameters, around: Surroundings) -> Policy:
    step = cast("Literal['item', 'one']", given.choice("step", "item", ("item", "one")))
    return Arc(around.capacity_bytes, step)


def _s3fifo(given: Parameters, around: Surroundings) -> Policy:
    return S3Fifo(
        around.capacity_bytes,
        given.number("small", 0.1, 0, 0.9),
        given.number("ghost", 0.9, 0, 100),
        given.whole("threshold", 2),
    )


def _served(duration_ns: int) -> Callable[[Parameters, Surroundings], Policy]:
    return lambda given, around: KeepAlive(given.span_ns("keep-alive", duration_ns), ServerRule(around.digests))


def _ttl(given: Parameters, _around: Surroundings) -> Policy:
    return KeepAlive(given.span_ns("keep-alive", _DEFAULT_NS), Lru())


def _histogram(given: Parameters, around: Surroundings) -> Policy:
    beneath = build_policy(parse_spec(given.text("evict", "lru")), around)
    range_ns = given.span_ns("range", _RANGE_NS)
    if range_ns < 1:
        raise UsageError("histogram: range must be longer than 0, as in 4h")
    return Histogram(reading(range_ns, given.number("head", 0.05, 0, 0.5), given.number("tail", 0.99, 0.5, 1)), beneath)


def _markov(given: Parameters, around: Surroundings) -> Policy:
    beneath = build_policy(parse_spec(given.text("evict", "lru")), around)
    return Markov(beneath, given.number("confidence", 0.5, 0, 1))


def _classes(given: Parameters, around: Surroundings) -> Policy:
    beneath = build_policy(parse_spec(given.text("evict", "lru")), around)
    if isinstance(beneath, (Expiring, Foreseeing, LoadsFirst, Prefetching)):
        raise UsageError("classes: evict must be a policy that only chooses who leaves, as in classes(evict=lfu, …)")
    levels: dict[str, int] = {}
    for key, level in (("first", -1), ("last", 1), ("pin", PINNED)):
        for name in filter(None, given.text(key, "").split("+")):
            if name in levels:
                raise UsageError(f"classes: {name} stands in it twice; give it one place")
            if around.names and name not in around.names:
                raise UsageError(f"classes: there is no model {name} here; there are {', '.join(sorted(around.names))}")
            levels[name] = level
    return Classes(beneath, levels)


POLICIES: tuple[PolicyEntry, ...] = (
    PolicyEntry("lru", "", "least recently used", lambda _given, _around: Lru()),
    PolicyEntry("lfu", "half-life=REQUESTS", "fewest uses since the load, or fading over all time", _lfu),
    PolicyEntry("gdsf", "cost=load|one, newcomers=stay|compete", "uses x load time / size, with a rising clock", _gdsf),
    PolicyEntry("landlord", "", "load time / size, with a rising clock", lambda _given, _around: Landlord()),
    PolicyEntry("lru-k", "k=2", "the k-th last use", lambda given, _around: LruK(given.whole("k", 2))),
    PolicyEntry(
        "lrfu", "decay=0.05", "recency and frequency in one", lambda given, _: Lrfu(given.number("decay", 0.05, 0, 1))
    ),
    PolicyEntry("s3fifo", "small=0.1, ghost=0.9, threshold=2", "three queues", _s3fifo),
    PolicyEntry("arc", "step=item|one", "adapts between recency and frequency", _arc),
    PolicyEntry(
        "next-use",
        "horizon=12",
        "least likely to be used soon, by each model's own gaps",
        lambda given, _around: NextUse(given.whole("horizon", 12)),
    ),
    PolicyEntry("ttl", "keep-alive=5m", "LRU, and whoever is idle for so long goes", _ttl),
    PolicyEntry(
        "histogram",
        "range=4h, head=0.05, tail=0.99, evict=lru",
        "each model for as long as its own idle times say, and back before its next use",
        _histogram,
    ),
    PolicyEntry(
        "classes",
        "evict=lru, first=A+B, last=C, pin=D",
        "another policy within classes of models: some leave first, some last, pinned ones never",
        _classes,
    ),
    PolicyEntry("markov", "evict=lru, confidence=0.5", "loads the model that usually follows", _markov),
    PolicyEntry(
        "server", "", "an Ollama server's own: the smallest digest", lambda _given, around: ServerRule(around.digests)
    ),
    PolicyEntry("ram", "keep-alive=30m", "the server's own, with keep_alive 30m", _served(_RAM_NS)),
    PolicyEntry("ssd", "keep-alive=2m", "the server's own, with keep_alive 2m", _served(_SSD_NS)),
    PolicyEntry(
        "none", "", "keep_alive 0: nothing stays", lambda _given, around: KeepAlive(0, ServerRule(around.digests))
    ),
)


def build_policy(spec: Spec, around: Surroundings) -> Policy:
    """A fresh policy as written down.

    Raises:
        UsageError: no policy of this name, or a parameter that it does not have or take.
    """
    entry = entry_of(spec, POLICIES, "policy", "policies")
    given = Parameters(spec)
    policy = entry.build(given, around)
    given.finish()
    return policy
