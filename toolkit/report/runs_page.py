"""A page about stored runs: one alone, several beside each other, or the history of many.

Whether to trust them comes first, then numbers with intervals, then distributions, cold and warm apart, then (from
three runs on) each quantity over the runs in the order in which they were stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.replay.samples import QUANTITIES, estimates
from toolkit.report.ecdf import Series, ecdf
from toolkit.report.history import Moment, history
from toolkit.report.page.document import document
from toolkit.report.page.markup import Column, Html, Row, beside, esc, figure, join, name, paragraph, section, table
from toolkit.report.page.trust_box import trust_box
from toolkit.report.trust import judge_closely, judge_run
from toolkit.report.wording import count, duration, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.replay.samples import Estimate, Quantity, RunSamples
    from toolkit.report.scene import Scene
    from toolkit.report.trust import Trust
    from toolkit.stats.interval import Interval
    from toolkit.store import RunRow

HISTORY_FROM = 3
_SECTIONS = (
    ("numbers", "Numbers"),
    ("trust", "Trust"),
    ("distributions", "Distributions"),
    ("history", "History"),
    ("provenance", "Provenance"),
)
_UNEQUAL = ("plan_sha256", "models", "options", "environment", "hardware", "host")
"""Fields of provenance in which runs should agree before their numbers are put beside each other."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A stored run and its numbers; `label` is what the page calls it."""

    label: str
    row: RunRow
    samples: RunSamples


def labelled(runs: Sequence[tuple[RunRow, RunSamples]]) -> tuple[Seen, ...]:
    """Give each run a name for the page: its tag, else strategy and the beginning of its id."""
    return tuple(
        Seen(row.tags[0] if row.tags else f"{row.strategy} {row.id[:6]}", row, samples) for row, samples in runs
    )


def runs_page(runs: Sequence[Seen]) -> str:
    """Return the whole page; same runs, same bytes."""
    plans = listed(sorted({one.row.provenance.plan for one in runs}))
    title = f"{plans} under {runs[0].row.strategy}" if len(runs) == 1 else f"{plans}: {len(runs)} runs"
    found = [(one, estimates(one.samples)) for one in runs]
    trusts = [(one.label, judge_closely(_judged(one), one.samples)) for one in runs]
    told = _history(found)
    body = "\n".join(
        (
            Html(f"<header><h1>{esc(title)}</h1>{_subtitle(runs)}</header>"),
            _numbers(found),
            trust_box(trusts),
            _distributions(runs),
            told,
            _provenance(runs),
        )
    )
    sections = [one for one in _SECTIONS if told or one[0] != "history"]
    return document(f"{title}: hotswap runs", sections, body, runs[0].row.provenance.toolkit_version)


def _judged(one: Seen) -> Trust:
    return judge_run(one.row.provenance, one.row.client, one.samples, complete=one.row.complete)


def _subtitle(runs: Sequence[Seen]) -> Html:
    unlike = [field for field in _UNEQUAL if len({getattr(one.row.provenance, field) for one in runs}) > 1]
    if not unlike:
        return Html("")
    words = listed([field.replace("_sha256", "").replace("_", " ") for field in unlike])
    return paragraph(
        f"These runs are not alike: they differ in {words}. Differences below may come from that.", "missing"
    )


def _numbers(found: Sequence[tuple[Seen, tuple[Estimate, ...]]]) -> Html:
    columns = tuple(Column(word) for word in ("Samples", "Median", "95 % interval", "p95", "p99", "Max"))
    rows = [
        Row(join((name(one.label), esc(f", {estimate.title}"))), _cells(estimate))
        for quantity in QUANTITIES
        for one, estimated in found
        for estimate in estimated
        if estimate.key == quantity.key
    ]
    return section(
        "numbers",
        "Numbers, with how well they are known",
        table("Latencies count from the intended arrival", "Run", columns, rows),
        paragraph("A dash: too few samples to bound this quantile with 95 % confidence.", "hint"),
    )


def _cells(one: Estimate) -> tuple[Html, ...]:
    cells = (
        count(one.count),
        _middle(one.median),
        "-" if one.median is None else f"{duration(one.median.low)} … {duration(one.median.high)}",
        _middle(one.p95),
        _middle(one.p99),
        duration(one.most_s),
    )
    return tuple(esc(cell) for cell in cells)


def _middle(interval: Interval | None) -> str:
    return duration(None if interval is None else interval.estimate)


def _distributions(runs: Sequence[Seen]) -> Html:
    figures = [
        figure(
            scene,
            f"{quantity.meaning.capitalize()}. For each duration the share of requests that took at most so long.",
            missing="",
        )
        for quantity in QUANTITIES
        if (scene := _distribution(quantity, runs)) is not None
    ]
    return section("distributions", "Distributions: cold and warm apart", *_in_pairs(figures))


def _in_pairs(figures: Sequence[Html]) -> list[Html]:
    return [beside(*figures[at : at + 2]) for at in range(0, len(figures), 2)]


def _distribution(quantity: Quantity, runs: Sequence[Seen]) -> Scene | None:
    series = [Series(one.label, one.samples.samples_s[quantity.key]) for one in runs]
    return ecdf(quantity.title, quantity.meaning, series)


def _history(found: Sequence[tuple[Seen, tuple[Estimate, ...]]]) -> Html:
    """Each quantity over the runs, oldest first; nothing for one or two runs."""
    if len(found) < HISTORY_FROM:
        return Html("")
    ordered = sorted(found, key=lambda pair: (pair[0].row.stored_ns, pair[0].row.id))
    figures = []
    for quantity in QUANTITIES:
        moments = [
            Moment(one.label, estimate.median)
            for one, estimated in ordered
            for estimate in estimated
            if estimate.key == quantity.key and estimate.median is not None
        ]
        scene = history(f"{quantity.title}, median of each run", moments, _changes(moments))
        if scene is not None:
            figures.append(figure(scene, "Oldest run first, in the order in which they were stored.", missing=""))
    return section("history", "Over the runs", *_in_pairs(figures))


def _changes(moments: Sequence[Moment]) -> list[int]:
    """Where a new level begins: E-divisive at 0.5 %, as `hotswap gate --history` has it; shuffled with a fixed seed."""
    import numpy as np  # noqa: PLC0415 - only for a history

    from toolkit.stats.changepoint import change_points  # noqa: PLC0415 - as above

    medians = [moment.median.estimate for moment in moments]
    return [change.place for change in change_points(medians, np.random.default_rng(1))]


def _provenance(runs: Sequence[Seen]) -> Html:
    columns = tuple(
        Column(word, numeric=False)
        for word in ("Run", "State", "Host", "Server", "Hardware", "Seed", "Plan, SHA-256", "Toolkit", "Started")
    )
    rows = []
    for one in runs:
        source = one.row.provenance
        commit = "" if source.toolkit_commit is None else f" ({source.toolkit_commit[:12]})"
        cells = (
            one.row.id,
            one.row.state,
            source.host,
            source.server_version,
            source.hardware,
            str(source.seed),
            source.plan_sha256[:12],
            f"{source.toolkit_version}{commit}",
            source.started_at or "virtual time",
        )
        rows.append(Row(name(one.label), tuple(esc(cell) for cell in cells)))
    return section("provenance", "Where these numbers come from", table("Runs", "Name", columns, rows))
