"""Measure more until the gate is decided, or the budget ends.

Looking again and again would find a difference sooner or later where there is none. So the k-th look spends only
alpha / (k (k + 1)) of the level: however many there are, together they spend no more than alpha.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.gate.side import merged

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.gate.judge import Judgement
    from toolkit.gate.side import Side
    from toolkit.stats.decide import Rule


@dataclass(frozen=True, slots=True)
class Collected:
    """Both sides with everything that was measured, the last judgement, and how often there was a look."""

    base: Side
    new: Side
    judgement: Judgement
    looks: int


@dataclass(frozen=True, slots=True)
class Collector:
    """How to judge, how to measure, what time it is, and how much of it there is.

    `measure` runs the user's command and returns what it adds to the base (None if the command only knows the new
    side) and to the new side; its argument is the number of the repetition, from 1.
    """

    judge: Callable[[Side, Side, Rule], Judgement]
    measure: Callable[[int], tuple[Side | None, Side]]
    clock_ns: Callable[[], int]
    budget_ns: int

    def until_decided(self, base: Side, new: Side, rule: Rule) -> Collected:
        """Look, and measure while it is inconclusive; nothing is begun that would not end within the budget."""
        start_ns, longest_ns, look = self.clock_ns(), 0, 1
        judgement = self.judge(base, new, spent(rule, look))
        while judgement.verdict == "inconclusive":
            begun_ns = self.clock_ns()
            left_ns = self.budget_ns - (begun_ns - start_ns)
            if left_ns <= 0 or longest_ns > left_ns:
                break
            more_base, more_new = self.measure(look)
            longest_ns = max(longest_ns, self.clock_ns() - begun_ns)
            base = base if more_base is None else merged(base.label, [base, more_base])
            new = merged(new.label, [new, more_new])
            look += 1
            judgement = self.judge(base, new, spent(rule, look))
        return Collected(base, new, judgement, look)


def spent(rule: Rule, look: int) -> Rule:
    """The rule of the k-th look, from 1."""
    return replace(rule, alpha=rule.alpha / (look * (look + 1)))
