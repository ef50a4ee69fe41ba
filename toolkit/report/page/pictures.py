"""The middle of the page: the figures, each with what it shows and the numbers behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.report.bars import PART_WORDS, untold_parts
from toolkit.report.loading import least_loading
from toolkit.report.measures import requested_models
from toolkit.report.overview import bin_ns, is_logarithmic
from toolkit.report.page.markup import (
    Column,
    Html,
    Row,
    beside,
    details,
    esc,
    figure,
    join,
    name,
    paragraph,
    section,
    table,
)
from toolkit.report.wording import count, counted, duration, listed, percent, period

if TYPE_CHECKING:
    from toolkit.replay.results import Comparison, Distribution, ModelShare, StrategySummary
    from toolkit.report.scene import Scene

Scenes = dict[str, "Scene"]
_MOST_MODELS_IN_TABLE = 40


def timeline(comparison: Comparison, scenes: Scenes) -> Html:
    """Return the whole run, and the window with the most waiting."""
    repeated = any(one.runs > 1 for one in comparison.strategies)
    which = " Of the repetitions, the first is shown." if repeated else ""
    scale = (
        "on one logarithmic scale for all strategies."
        if is_logarithmic(comparison)
        else "on one scale for all strategies: their area is all the time that people lost."
    )
    whole = scenes.get("timeline")
    near = scenes.get("close-up")
    return section(
        "timeline",
        "Which model was in memory, and who waited",
        figure(
            whole,
            "One block for each strategy, one lane for each model; time runs from the start of the run "
            f"(hours:minutes).{which} The bars below the lanes add up how long the requests that arrived in each "
            f"{period(bin_ns(comparison))} waited for their model, {scale}",
            missing="No run was kept, so there is no timeline.",
        ),
        figure(
            near,
            "The same minutes for every strategy: those with the most loads, all strategies added up. Each "
            "bar under the lanes is one person waiting, from arrival until the model was ready; bars above each other "
            "are people waiting at once.",
            missing="No model was loaded, so there is nothing to look at closely.",
        ),
    )


def latency(comparison: Comparison, scenes: Scenes) -> Html:
    """Return cold and warm times to first token, apart."""
    cold = figure(
        scenes.get("ttft-cold"),
        "From the intended arrival to the first token, queue and load included.",
        missing="No request had a model loaded and then answered, so there is no cold time to first token.",
    )
    warm = figure(
        scenes.get("ttft-warm"),
        "From the intended arrival to the first token. The axis is not that of the cold chart.",
        missing="No request found its model in memory, so there is no warm time to first token.",
    )
    return section(
        "latency",
        "Time to first token: cold and warm apart",
        paragraph(
            "A load can take a hundred times as long as a warm first token, so the two are never pooled: a common "
            "percentile would describe neither. Requests that joined another's load are in neither chart."
        ),
        beside(cold, warm),
        beside(_distribution(scenes.get("ecdf-cold")), _distribution(scenes.get("ecdf-warm"))),
        details("The numbers", _latency_table(comparison)),
    )


def _distribution(scene: Scene | None) -> Html:
    """A picture of all strategies; where it is missing, the one above it says why."""
    if scene is None:
        return Html("")
    return figure(
        scene,
        "For each duration the share of requests that waited at most so long: further left is quicker, and where two "
        "curves cross, neither strategy is the quicker one for everybody.",
        missing="",
    )


def _latency_table(comparison: Comparison) -> Html:
    columns = tuple(Column(word) for word in ("Samples", "Mean", "p50", "p95", "Max"))
    rows: list[Row] = []
    for one in comparison.strategies:
        for kind, values in (
            ("cold", one.ttft_cold),
            ("warm", one.ttft_warm),
            ("wait when cold", one.wait_cold),
            ("end to end", one.e2e),
        ):
            rows.append(Row(join((name(one.strategy), esc(f", {kind}"))), _cells(values)))
    return table("Time to first token, wait of cold requests, and time to last token", "Strategy", columns, rows)


def _cells(values: Distribution | None) -> tuple[Html, ...]:
    if values is None:
        return (esc("0"), *(esc(duration(None)) for _ in range(4)))
    numbers = (values.mean_s, values.p50_s, values.p95_s, values.max_s)
    return (esc(count(values.count)), *(esc(duration(value)) for value in numbers))


def swap_time(comparison: Comparison, scenes: Scenes) -> Html:
    """Return where the time of a cold request goes."""
    untold = untold_parts(comparison)
    note = (
        paragraph(
            f"This host does not tell apart: {listed([PART_WORDS[part] for part in untold])}. "
            "They are inside another part.",
            "hint",
        )
        if untold
        else Html("")
    )
    columns = tuple(Column(word) for word in PART_WORDS)
    cold = [Row(name(one.strategy), _split_cells(one, cold=True)) for one in comparison.strategies]
    everyone = [Row(name(one.strategy), _split_cells(one, cold=False)) for one in comparison.strategies]
    return section(
        "swap",
        "Where a swap's time goes",
        figure(
            scenes.get("swap-time"),
            "Each bar is the mean cold request of a strategy, cut into its parts in the order in which they pass; "
            "how long it is in all stands above it.",
            missing="No request had a model loaded, so no time went into swaps.",
        ),
        note,
        details(
            "The numbers",
            table("Seconds of all cold requests, summed", "Strategy", columns, cold),
            table("Seconds of all answered requests, summed", "Strategy", columns, everyone),
        ),
    )


def _split_cells(one: StrategySummary, *, cold: bool) -> tuple[Html, ...]:
    split = one.split_cold if cold else one.split_all
    parts = (split.queue_s, split.evict_s, split.load_s, split.slot_s, split.prefill_s, split.decode_s)
    return tuple(esc(duration(part)) for part in parts)


def hit_rates(comparison: Comparison, scenes: Scenes) -> Html:
    """Return the hit rates with the optimum as their ceiling."""
    optimum = comparison.optimum
    if optimum is None:
        words = "No optimum was computed, so the share of what is achievable is not known."
    else:
        bound = (
            "No strategy can have more hits than"
            if optimum.method == "bound"
            else "The most hits that are possible are"
        )
        words = f"{bound} {count(optimum.hits)} of {counted(optimum.requests, 'request')}: {optimum.of.rstrip('.')}."
    caption = (
        "A hit needed no load of its own. The upright mark is the ceiling."
        if optimum
        else "A hit needed no load of its own."
    )
    return section(
        "hits",
        "Hit rates against the optimum",
        figure(scenes.get("hit-rates"), caption, missing="Nothing was compared."),
        paragraph(words),
        paragraph(least_loading(comparison)) if least_loading(comparison) else Html(""),
    )


def models(comparison: Comparison, scenes: Scenes) -> Html:
    """Return who was asked for, and who was loaded."""
    asked = figure(
        scenes.get("requests-by-model"),
        "Which model the router chose; the same under every strategy.",
        missing="There were no requests.",
    )
    loaded = figure(scenes.get("loads-by-model"), "How often each model was loaded.", missing="No model was loaded.")
    names = requested_models(comparison)
    columns = tuple(Column(one.strategy) for one in comparison.strategies)
    rows = [
        Row(name(model), tuple(_share_cell(one, model) for one in comparison.strategies))
        for model in names[:_MOST_MODELS_IN_TABLE]
    ]
    left_out = len(names) - len(rows)
    rest = (
        paragraph(f"{left_out} models with fewer requests are not shown here; results.json has them all.", "hint")
        if left_out > 0
        else Html("")
    )
    return section(
        "models",
        "Models",
        beside(asked, loaded),
        details("The numbers", table("Hit rate, loads and time in memory of each model", "Model", columns, rows), rest),
    )


def _share_cell(one: StrategySummary, model: str) -> Html:
    share: ModelShare | None = next((share for share in one.models if share.model == model), None)
    if share is None:
        return esc(duration(None))
    rate = percent(share.hits / share.requests, 0) if share.requests else duration(None)
    return Html(f"{esc(rate)} hits<br>{esc(counted(share.loads, 'load'))}<br>{esc(duration(share.resident_s))}")
