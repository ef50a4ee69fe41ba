"""Keeps count of requests and loads, and says which faults hit them. The only part of a plan that changes.

Draws come from one stream a fault, so that a further fault in the plan changes nothing about the others.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.host.faults.conditions import ClockJump, Condition, GpuMemoryTaken, SlowDisk
from toolkit.host.faults.loads import LoadFails, LoadFault, LoadHangs, OutOfMemory
from toolkit.host.faults.plan import Fault, FaultPlan, kind_of

if TYPE_CHECKING:
    from toolkit.host.clock import Clock
    from toolkit.host.faults.when import Asked, LoadWhen, RequestWhen, Span


@dataclass(frozen=True, slots=True)
class Hit:
    """A fault that struck: when (in the twin's time since its start), which, and what."""

    at_ns: int
    fault: str
    what: str
    """`POST /api/chat`, `load qwen2.5:7b`; empty for what lasts for a time."""


@dataclass(slots=True)
class _Counter:
    """What one set of conditions has seen."""

    rng: random.Random
    seen: int = 0
    hits: int = 0

    def counts(self, when: LoadWhen) -> bool:
        """One more that fits: whether it is hit."""
        self.seen += 1
        if not when.has_turn(self.seen) or (when.times is not None and self.hits >= when.times):
            return False
        if when.chance < 1 and self.rng.random() >= when.chance:
            return False
        self.hits += 1
        return True


@dataclass(slots=True)
class Injector:
    """A plan at work. `hits` lists what has struck; what begins by time is found with the next request."""

    plan: FaultPlan
    clock: Clock
    hits: list[Hit] = field(default_factory=list)
    _started_ns: int = field(init=False)
    _counters: list[_Counter] = field(init=False)
    _begun_ns: dict[int, int] = field(default_factory=dict)
    """By place in the plan, when a span that a request began did begin."""
    _noted: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._started_ns = self.clock.now_ns()
        self._counters = [self._counter(place, fault) for place, fault in enumerate(self.plan.faults)]

    def add(self, fault: Fault) -> None:
        """One more fault, at the end of the plan."""
        place = len(self.plan.faults)
        self.plan = FaultPlan((*self.plan.faults, fault), self.plan.seed)
        self._counters.append(self._counter(place, fault))

    def _counter(self, place: int, fault: Fault) -> _Counter:
        return _Counter(random.Random(f"{self.plan.seed}:{place}:{kind_of(fault)}"))

    @property
    def now_ns(self) -> int:
        """Since the start."""
        return self.clock.now_ns() - self._started_ns

    def request(self, asked: Asked) -> tuple[Fault, ...]:
        """A request has come: the faults that strike it, and spans that it begins."""
        struck = []
        for place, fault in enumerate(self.plan.faults):
            span: Span | None = getattr(fault, "span", None)
            when: RequestWhen | None = getattr(fault, "when", None) if span is None else span.on
            if when is None or not hasattr(when, "is_about_request") or not when.is_about_request(asked):
                continue
            if (span is not None and place in self._begun_ns) or not self._counters[place].counts(when):
                continue
            if span is not None:
                self._begun_ns[place] = asked.at_ns
            else:
                struck.append(fault)
                self._note(fault, f"{asked.method} {asked.path}")
        return tuple(struck)

    def load(self, model: str) -> LoadFault | None:
        """A model is being loaded: the first fault in the plan that strikes it."""
        now_ns = self.now_ns
        for place, fault in enumerate(self.plan.faults):
            if (
                isinstance(fault, LoadFails | OutOfMemory | LoadHangs)
                and fault.when.is_about(model, now_ns)
                and self._counters[place].counts(fault.when)
            ):
                self._note(fault, f"load {model}")
                return fault
        return None

    def begun(self) -> tuple[Fault, ...]:
        """Faults of a stretch of time that have begun, by time or by a request; each is named once."""
        found = []
        for place, fault in enumerate(self.plan.faults):
            span: Span | None = getattr(fault, "span", None)
            begun_ns = None if span is None or place in self._noted else self._begin_ns(place, span)
            if begun_ns is not None and begun_ns <= self.now_ns:
                self._noted.add(place)
                self.hits.append(Hit(begun_ns, kind_of(fault), ""))
                found.append(fault)
        return tuple(found)

    def in_force(self, kind: type[Condition]) -> tuple[SlowDisk | GpuMemoryTaken | ClockJump, ...]:
        """The conditions of this kind that hold now."""
        return tuple(
            fault
            for place, fault in enumerate(self.plan.faults)
            if isinstance(fault, SlowDisk | GpuMemoryTaken | ClockJump)
            and isinstance(fault, kind)
            and self._in_force(place, fault.span)
        )

    def next_change_ns(self) -> int | None:
        """How long until a span begins or ends by time; None if none does."""
        now_ns, changes = self.now_ns, []
        for place, fault in enumerate(self.plan.faults):
            span: Span | None = getattr(fault, "span", None)
            if span is None:
                continue
            begun_ns = self._begin_ns(place, span)
            if begun_ns is not None:
                changes += [begun_ns, *(() if span.for_ns is None else (begun_ns + span.for_ns,))]
        return min((moment - now_ns for moment in changes if moment > now_ns), default=None)

    def _in_force(self, place: int, span: Span) -> bool:
        begun_ns = self._begin_ns(place, span)
        if begun_ns is None:
            return False
        since_ns = self.now_ns - begun_ns
        return since_ns >= 0 and (span.for_ns is None or since_ns < span.for_ns)

    def _begin_ns(self, place: int, span: Span) -> int | None:
        return self._begun_ns.get(place) if span.on is not None else span.at_ns

    def _note(self, fault: Fault, what: str) -> None:
        self.hits.append(Hit(self.now_ns, kind_of(fault), what))
