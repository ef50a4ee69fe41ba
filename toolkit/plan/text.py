"""A plan for a terminal: the answer as a sentence first, then what it rests on."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from toolkit.plan.search import REFUTED_AT
from toolkit.plan.sentences import sentences
from toolkit.plan.tally import kept_share, offered_per_h, ttft_quantile_s
from toolkit.plan.words import case_words, promise, times
from toolkit.report.wording import duration, listed, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from toolkit.plan.answers import Report
    from toolkit.plan.host_question import HostAnswer
    from toolkit.plan.load_question import LoadAnswer
    from toolkit.workload.plan import Slo


def text_of(report: Report, width: int) -> str:
    """The whole report."""
    parts: list[RenderableType] = []
    for sentence in sentences(report):
        parts += [sentence, ""]
    parts += [_promises(report)]
    for one in (report.load, report.best_load, report.host_load):
        if one is not None:
            parts += ["", f"{one.label[:1].upper()}{one.label[1:]}: {case_words(one.case)}", _curve(one, report.slos)]
            parts += [f"- {note}" for note in load_notes(one)]
    if report.hosts is not None:
        parts += ["", "Hosts, cheapest first, under this workload", _hosts(report.hosts)]
    if report.settings is not None and report.settings.left_out:
        parts += ["", f"- {report.settings.left_out} settings were left out: a model would spill (hotswap fit)."]
    parts += ["", *(f"- {note}" for note in (*report.assumptions, *report.notes))]
    return rendered(parts, width)


def rendered(parts: Sequence[RenderableType], width: int) -> str:
    """Lines without colours and without blanks at their ends."""
    buffer = io.StringIO()
    console = Console(file=buffer, width=width, color_system=None)
    for part in parts:
        console.print(part, markup=False, highlight=False, emoji=False)
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip().split("\n"))


def load_notes(answer: LoadAnswer) -> tuple[str, ...]:
    """How sure the answer is: its interval, its check, and where less load is not safer."""
    notes = []
    found = answer.checked.found
    if answer.interval is not None:
        stands = "; the answer stands 5 % below it" if answer.users is None else ""
        low, high = (times(bound).removesuffix(" times") for bound in (answer.interval.low, answer.interval.high))
        notes.append(
            f"The crossing lies between {low} and {high} times this workload ({percent(answer.interval.level, 0)} "
            f"interval over {answer.interval.count} repetitions){stands}."
        )
    notes += _check_note(answer)
    if found.failing_below:
        below = listed([times(load).removesuffix(" times") for load in found.failing_below])
        notes.append(
            f"Less load is not safer here: at {below} times this workload a promise is broken, too; models that are "
            "asked more seldom expire."
        )
    elif found.load is not None:
        notes.append("Not monotone by construction, but at every lower load that was tried the promises were kept.")
    return tuple(notes)


def _check_note(answer: LoadAnswer) -> list[str]:
    checked = answer.checked
    if checked.at is None or checked.above is None:
        return []
    runs = len(checked.at.tallies)
    at, above = (f"{one.slack * 100:+.1f} points" for one in (checked.at, checked.above))
    word = "Confirmed" if checked.confirmed else "Not confirmed"
    more = times(checked.above.load / checked.at.load)
    expected = "" if checked.confirmed else f"; kept there and broken at {REFUTED_AT:g} times was expected"
    sentence = (
        f"{word} by {runs} whole replays with other random numbers: the tightest promise is {at} from its limit at "
        f"this load and {above} at {more} it{expected}."
    )
    return [sentence]


def _promises(report: Report) -> str:
    return f"{report.workload}: {listed([promise(slo) for slo in report.slos])}."


def _hosts(hosts: HostAnswer) -> Table:
    """Every host that was looked at."""
    table = Table(box=None, header_style="", pad_edge=False)
    for heading in ("GPUs", "an hour", "TTFT p50", "p95", "tightest", ""):
        table.add_column(heading, justify="left" if heading in {"GPUs", ""} else "right", no_wrap=heading != "")
    for row in hosts.rows:
        told = f"{' and '.join(row.spilling)} would spill" if row.spilling else "keeps all" if row.keeps else ""
        table.add_row(
            row.option.name,
            f"{row.option.costs.fixed_per_h:.3f}",
            duration(ttft_quantile_s(row.tallies, 0.5)),
            duration(ttft_quantile_s(row.tallies, 0.95)),
            "-" if row.slack is None else f"{row.slack * 100:+.1f}",
            told,
        )
    return table


def _curve(answer: LoadAnswer, slos: Sequence[Slo]) -> Table:
    """Every load that was judged."""
    table = Table(box=None, header_style="", pad_edge=False)
    for heading in ("load", "requests/h", "TTFT p50", "p95", *(_short(slo) for slo in slos), "kept"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in answer.curve:
        table.add_row(
            f"{one.load:.3g}",
            f"{offered_per_h(one.tallies):,.1f}",
            duration(ttft_quantile_s(one.tallies, 0.5)),
            duration(ttft_quantile_s(one.tallies, 0.95)),
            *(percent(kept_share(one.tallies, number)) for number in range(len(slos))),
            "yes" if one.keeps else "no",
        )
    return table


def _short(slo: Slo) -> str:
    return f"{slo.metric} {duration(slo.limit_ns / 1e9).replace('.0 ', ' ')}"
