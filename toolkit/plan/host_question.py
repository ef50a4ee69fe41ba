"""The question of the host: which is the cheapest that keeps every promise under this workload?

Hosts are tried from the cheapest up. One on which a model spills, by `toolkit.fit`, is left out unplayed. Nothing says
that a dearer host is better, so the answer is the first that keeps the promises, not a bound below which none does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.plan.case import Site
from toolkit.plan.settings_question import wanted_of
from toolkit.plan.tally import slack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.plan.case import Case
    from toolkit.plan.gpu_table import HostOption
    from toolkit.plan.memory import Memory
    from toolkit.plan.search import Effort
    from toolkit.plan.sweep import Sweep
    from toolkit.plan.tally import Tally

_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host that was looked at. `tallies` is empty where `spilling` models spared the simulation."""

    option: HostOption
    case: Case
    tallies: tuple[Tally, ...]
    slack: float | None
    spilling: tuple[str, ...]

    @property
    def keeps(self) -> bool:
        """Whether every promise was kept."""
        return self.slack is not None and self.slack >= 0


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """The chosen host (None: no host of the table keeps the promises), and all that were looked at, cheapest first."""

    chosen: HostRow | None
    rows: tuple[HostRow, ...]


def smallest_host(
    sweep: Sweep, case: Case, options: Sequence[HostOption], memory: Memory, effort: Effort
) -> HostAnswer:
    """Try hosts at load 1 from the cheapest up, a few at once, until one keeps the promises in all repetitions."""
    rows: list[HostRow] = []
    for start in range(0, len(options), _AT_ONCE):
        batch = [_row(case, one, memory) for one in options[start : start + _AT_ONCE]]
        played = _played(sweep, batch, range(effort.scan))
        for row in played:
            rows.append(row)
            if row.keeps:
                (sure,) = _played(sweep, [row], range(effort.repetitions(row.tallies)))
                rows[-1] = sure
                if sure.keeps:
                    return HostAnswer(sure, tuple(rows))
    return HostAnswer(None, tuple(rows))


def on_host(case: Case, one: HostOption) -> Case:
    """The case on another host."""
    return type(case)(case.strategy, case.num_ctx, case.environment, (Site(one.cards),))


def _row(case: Case, one: HostOption, memory: Memory) -> HostRow:
    spilling = memory.spilling(tuple(card.gpu for card in one.cards), wanted_of(case))
    return HostRow(one, on_host(case, one), (), None, spilling)


def _played(sweep: Sweep, rows: Sequence[HostRow], repetitions: range) -> list[HostRow]:
    """The rows with what came of them; those on which models spill as they are."""
    playing = [row for row in rows if not row.spilling]
    measured = iter(sweep.measure([(row.case, 1.0) for row in playing], repetitions, "hosts"))
    return [row if row.spilling else _with(row, next(measured), sweep) for row in rows]


def _with(row: HostRow, tallies: tuple[Tally, ...], sweep: Sweep) -> HostRow:
    return HostRow(row.option, row.case, tallies, slack(tallies, sweep.study.slos), ())
