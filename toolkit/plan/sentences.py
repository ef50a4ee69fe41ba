"""Every answer of a plan as a sentence, in the order of the questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.plan.settings_question import MAX_LOADED, NUM_PARALLEL
from toolkit.plan.words import load_words, promise, times
from toolkit.report.wording import listed, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.plan.answers import CostRow, Report
    from toolkit.plan.host_question import HostAnswer
    from toolkit.plan.load_question import LoadAnswer
    from toolkit.plan.more_question import MoreAnswer, MoreRow
    from toolkit.plan.settings_question import SettingsAnswer


SAME: Final = 0.1
"""Gains below this are within the coarse search's own tolerance."""


def sentences(report: Report) -> tuple[str, ...]:
    """The answers; the first one is the answer to the first question that was asked."""
    return tuple(_sentences(report))


def _sentences(report: Report) -> Iterator[str]:
    if report.load is not None:
        yield load_sentence(report.load, f"{report.host}, {report.load.label},")
    if report.settings is not None and (report.best_load is not None or report.load is not None):
        yield _settings_sentence(report.settings, report)
    if report.hosts is not None:
        yield _host_sentence(report.hosts, report.host_load)
    if report.more is not None:
        yield _more_sentence(report.more)
    if report.costs:
        yield _cost_sentence(report.costs)


def load_sentence(answer: LoadAnswer, subject: str) -> str:
    """The largest load of one case."""
    if answer.load is None:
        broken = f": {promise(answer.breaks_first)} is broken even then" if answer.breaks_first else ""
        least = answer.curve[0].load if answer.curve else 0.0
        tried = f"{times(least)} this workload is the least that was tried"
        return f"{subject} keeps these promises at no load; {tried}{broken}."
    words = load_words(answer.load, answer.per_h, answer.users)
    if answer.checked.found.open_end:
        return f"{subject} keeps every promise at {words} still; more was not simulated."
    first = f"; above that, {promise(answer.breaks_first)} is the first to be broken" if answer.breaks_first else ""
    return f"{subject} keeps every promise up to {words}{first}."


def _settings_sentence(settings: SettingsAnswer, report: Report) -> str:
    now = report.load
    best = report.best_load
    if now is None or best is None:
        return f"None of {settings.tried} other settings and strategies does better than what is in force."
    lead = f"Best of {settings.tried} settings: {setting_words(settings)}"
    if best.load is None:
        return f"{lead}; it comes nearest, and keeps the promises at no load either."
    if now.load is None:
        return f"{lead}. {load_sentence(best, 'With it this host')}"
    if best.load <= now.load:
        return f"{lead}; that is no more than what is in force takes ({times(best.load)} this workload)."
    return f"{lead}. {load_sentence(best, 'With it this host')[:-1]}: {times(best.load / now.load)} as much."


def setting_words(settings: SettingsAnswer) -> str:
    """The whole setting, with what is left at the server's default."""
    case = settings.best
    variables = {NUM_PARALLEL: "1", **dict(case.environment)}
    largest = max((len(one) for one in settings.together), default=0)
    if largest > 0 and MAX_LOADED not in variables:
        variables[MAX_LOADED] = str(max(largest, 1))
    context = "the automatic context" if case.num_ctx is None else f"num_ctx {case.num_ctx:,}"
    pairs = [f"{name}={value}" for name, value in sorted(variables.items())]
    return listed([f"strategy {case.strategy}", context, *pairs])


def _host_sentence(hosts: HostAnswer, load: LoadAnswer | None) -> str:
    looked = len(hosts.rows)
    if hosts.chosen is None:
        return f"No host of the {looked} in the table keeps every promise under this workload."
    cheaper = looked - 1
    than = f"; {cheaper} cheaper {'one does' if cheaper == 1 else 'ones do'} not" if cheaper else ""
    first = f"The cheapest host that keeps every promise under this workload has {hosts.chosen.option.name}{than}."
    return first if load is None else f"{first} {load_sentence(load, 'It')}"


def _more_sentence(more: MoreAnswer) -> str:
    told = [f"{row.label}: {_gain(row, more.now)}" for row in more.rows]
    lead = "As it is, no load keeps the promises. With" if more.now is None else "With"
    return f"{lead} {'; with '.join(told)}." if told else "There is nothing to add: no GPU, and one model."


def _gain(row: MoreRow, now: float | None) -> str:
    if row.load is None:
        return "the promises are kept at no load"
    about = "at least" if row.at_least else "about"
    if now is None:
        return f"{about} {times(row.load)} this workload"
    gain = row.load / now
    return f"{about} {times(gain)} the load" if abs(gain - 1) > SAME else "about the same load"


def _share(share: float) -> str:
    return "less than 1 %" if 0 < share < 0.01 else percent(share, 0)  # noqa: PLR2004 - a percent


def _cost_sentence(costs: tuple[CostRow, ...]) -> str:
    told = [
        f"{row.cost.money:,.2f} {row.currency} and {row.cost.energy_wh / 1000:,.2f} kWh on {row.host} "
        f"(at work {_share(row.cost.busy_share)} of the time)"
        for row in costs
    ]
    return f"A thousand requests of this workload cost {listed(told)}."
