"""The top of the page: what was compared, the verdict, what fits together, and the key numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.report import measures
from toolkit.report.page.markup import Column, Html, Row, esc, join, name, paragraph, section, table
from toolkit.report.verdict import leaders
from toolkit.report.wording import OVER_OPTIMUM, achieved, count, duration, listed, percent, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.replay.results import Comparison, Distribution, Optimum, StrategySummary

COLUMNS = (
    Column("Hit rate", "requests that found their model in memory, ready ÷ all requests"),
    Column("Of optimum", "hits ÷ the hits of an offline optimum that knows the future"),
    Column("Joined", "requests without a load of their own that waited for somebody else's"),
    Column("Swaps", "loads that requests caused, reloads included"),
    Column("Wait, mean", "from intended arrival to model in hand, over all answered requests"),
    Column("Wait, p95", "19 of 20 answered requests waited no longer"),
    Column("TTFT cold, p50", "median time to first token where the model had to be loaded"),
    Column("TTFT warm, p50", "median time to first token where the model was in memory"),
    Column("End to end, p50", "median time from intended arrival to last token"),
    Column("No answer", "requests rejected, failed, cancelled or never answered"),
)


def header(comparison: Comparison) -> Html:
    """Return title, verdict and description."""
    kind = "simulated" if measures.is_simulated(comparison) else "measured"
    verdict = comparison.verdict or "No verdict was given."
    cut = "" if measures.is_complete(comparison) else '<span class="badge warn">cut short</span> '
    description = join(paragraph(part) for part in comparison.description.split("\n\n") if part.strip())
    origin = measures.origin(comparison)
    return Html(
        f'<header><p class="kicker">{cut}<span class="badge">{kind}</span> {esc(origin[:1].upper() + origin[1:])}</p>'
        f'<h1>{esc(comparison.title)}</h1><p class="verdict">{esc(verdict)}</p>'
        f'{_together(comparison)}<div class="about">{description}</div></header>'
    )


def _together(comparison: Comparison) -> Html:
    """Return in one line which models can share the memory; the page explains it further down."""
    if not comparison.co_residence:
        return Html("")
    context = measures.contexts(comparison)
    at = f" at a context of {context}" if context else ""
    sets = [one.models for one in comparison.co_residence if len(one.models) > 1]
    if measures.fits_only_alone(comparison):
        return Html('<p class="together"><a href="#together">Which models fit together, and why that decides</a></p>')
    if not sets:
        words = f"In memory together{at}: no two of these models."
    elif len(sets) == 1:
        words = f"In memory together{at}: {listed([plain(model) for model in sets[0]])}."
    else:
        most = max(len(models) for models in sets)
        words = f"In memory together{at}: at most {most} of these models, in {len(sets)} possible sets."
    return Html(f'<p class="together">{esc(words)} <a href="#together">Why this decides</a></p>')


def key_numbers(comparison: Comparison) -> Html:
    """Return the table of all strategies, the optimum under them, and the notes."""
    best = leaders(comparison)
    best = () if len(best) == len(comparison.strategies) else best
    rows = [_strategy(one, comparison.optimum, one.strategy in best) for one in comparison.strategies]
    if comparison.optimum is not None:
        rows.append(_optimum(comparison.optimum))
    notes = join(Html(f"<li>{esc(note)}</li>") for note in comparison.notes)
    return section(
        "numbers",
        "Key numbers",
        table(
            "Every strategy saw the same requests, at the same moments",
            "Strategy",
            COLUMNS,
            rows,
        ),
        _few(comparison),
        _more(comparison),
        Html(f'<ul class="notes">{notes}</ul>') if notes else Html(""),
    )


def _strategy(one: StrategySummary, optimum: Optimum | None, best: bool) -> Row:
    lost = one.requests - one.answered
    badge = Html(' <span class="badge best">shortest wait</span>') if best else Html("")
    cells = (
        percent(one.hit_rate),
        achieved(measures.share_of_optimum(one, optimum)),
        count(one.joined),
        count(one.swaps),
        _of(one.wait, lambda values: values.mean_s),
        _of(one.wait, lambda values: values.p95_s),
        _of(one.ttft_cold, lambda values: values.p50_s),
        _of(one.ttft_warm, lambda values: values.p50_s),
        _of(one.e2e, lambda values: values.p50_s),
        count(lost),
    )
    return Row(join((name(one.strategy), badge)), tuple(esc(cell) for cell in cells), "best" if best else "")


def _of(values: Distribution | None, pick: Callable[[Distribution], float | None]) -> str:
    return duration(None if values is None else pick(values))


def _optimum(optimum: Optimum) -> Row:
    bound = optimum.method == "bound"
    at_most, at_least = ("≤ ", "≥ ") if bound else ("", "")
    cells = [f"{at_most}{percent(optimum.hit_rate)}", "100 %", duration(None)]
    cells.append(f"{at_least}{count(optimum.requests - optimum.hits)}")
    cells += [duration(None)] * (len(COLUMNS) - len(cells))
    label = "optimum (bound)" if bound else "optimum"
    return Row(Html(f"<em>{esc(label)}</em>"), tuple(esc(cell) for cell in cells), "ceiling")


def _more(comparison: Comparison) -> Html:
    """Say how a strategy can pass the optimum."""
    shares = [measures.share_of_optimum(one, comparison.optimum) for one in comparison.strategies]
    if all(share is None or share <= 1 for share in shares):
        return Html("")
    return paragraph(OVER_OPTIMUM, "hint")


def _few(comparison: Comparison) -> Html:
    """Say why a percentile is missing."""
    if all(one.wait is None or one.wait.p95_s is not None for one in comparison.strategies):
        return Html("")
    return paragraph("A dash under p95 means: too few samples to carry a 95th percentile.", "hint")
