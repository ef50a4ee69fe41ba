"""The end of the page: what fits together, promises kept, where the numbers come from, and what the words mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.report import measures
from toolkit.report.page.markup import (
    Column,
    Html,
    Row,
    definitions,
    details,
    esc,
    figure,
    join,
    name,
    paragraph,
    section,
    table,
)
from toolkit.report.wording import count, listed, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.replay.results import Comparison, SloResult, StrategySummary
    from toolkit.report.scene import Scene

_MOST_SETS = 12

GLOSSARY = (
    ("hit", "The request found its model in memory, ready to answer."),
    ("joined", "No load of its own, but it waited for a load or unload that another request had started; no hit."),
    ("cold", "The request had its model loaded."),
    ("reload", "The model was in memory, but with other runner options (another context, say), and was loaded again."),
    ("swap", "A load that a request caused, reloads included; usually another model has to leave for it."),
    ("wait", "From the moment a request was meant to be sent until it had a loaded model in hand."),
    ("TTFT", "Time to first token, from the same moment. Cold and warm ones are never pooled."),
    ("end to end", "From the same moment to the last token."),
    (
        "optimum",
        (
            "The hits of a strategy that knows every future request, taking them one at a time under the same memory "
            "rule. It says how much there is to gain. A host can pass it a little: it answers requests for models in "
            "memory before a load that waits, out of their order."
        ),
    ),
    ("p50, p95", "Half, or 19 of 20, of the samples are no larger. Not given where there are too few samples."),
    (
        "intended arrival",
        "When the scenario or trace says that a request comes, whether or not the host was ready for it.",
    ),
)


def together(comparison: Comparison, scenes: Mapping[str, Scene]) -> Html:
    """Return which models the server lets live together at this context, and what each of them takes."""
    tokens = dict(comparison.context_tokens)
    known = {model for one in comparison.co_residence for model in one.models}
    models = [
        *measures.requested_models(comparison),
        *sorted((known | set(tokens)) - set(measures.requested_models(comparison))),
    ]
    if not comparison.co_residence:
        return section("together", "Which models can live together", paragraph("This is not known for this host."))
    sets = comparison.co_residence[:_MOST_SETS]
    columns = (
        Column("Context, tokens"),
        *(Column(f"Set {number}", numeric=False) for number in range(1, len(sets) + 1)),
    )
    rows = [
        Row(
            name(model),
            (esc(count(tokens[model]) if model in tokens else "-"), *(_mark(model in one.models) for one in sets)),
        )
        for model in models
    ]
    more = len(comparison.co_residence) - len(sets)
    words = (
        "No two of these models fit into memory at once, so every change of model is a swap, whatever the strategy. "
        "A smaller context is the first thing to try: the server reserves memory for all of it."
        if measures.fits_only_alone(comparison)
        else "Each column is a largest set of models that the server's own memory rule keeps loaded at once. A request "
        "for a model outside the set that is loaded costs a swap."
    )
    left_out = (
        paragraph(f"{more} more sets are not shown; results.json has them all.", "hint") if more > 0 else Html("")
    )
    return section(
        "together",
        "Which models can live together",
        paragraph(words),
        _what_fits(comparison, scenes),
        table("Largest sets of models", "Model", columns, rows),
        left_out,
    )


def _what_fits(comparison: Comparison, scenes: Mapping[str, Scene]) -> Html:
    """The picture of it, where the host's memory is known."""
    scene, memory = scenes.get("what-fits"), comparison.memory
    if scene is None or memory is None:
        return Html("")
    guessed = [f"{one.model} ({one.estimated})" for one in memory.models if one.estimated]
    words = (
        "A bar is what the engine allocates, CUDA's own included. It leaves 1 GiB of each GPU free when it decides how "
        "many layers go there; the server looks at its own count, and lets a model in beside others up to 80% of what "
        "it believes to be free."
    )
    if guessed:
        words += f" Partly estimated: {listed(guessed)}."
    return figure(scene, words, missing="")


def _mark(present: bool) -> Html:
    return Html('<span class="yes">● in</span>') if present else Html('<span class="no">-</span>')


def promises(comparison: Comparison) -> Html:
    """Return whether the scenario's service levels were kept; nothing if it has none."""
    if not any(one.slos for one in comparison.strategies):
        return Html("")
    longest = max((one.slos for one in comparison.strategies), key=len)
    columns = tuple(
        Column(f"{_metric(slo)} ≤ {slo.limit_s:g} s for {percent(slo.promised_share, 0)}", numeric=False)
        for slo in longest
    )
    rows = [Row(name(one.strategy), _kept(one, len(columns))) for one in comparison.strategies]
    return section(
        "slos",
        "Service levels",
        paragraph(
            "What the scenario promises, and the share of requests for which it held. A request without an answer "
            "breaks the promise."
        ),
        table("Service levels by strategy", "Strategy", columns, rows),
    )


def _metric(slo: SloResult) -> str:
    return {"ttft": "TTFT", "e2e": "end to end"}.get(slo.metric, slo.metric)


def _kept(one: StrategySummary, number: int) -> tuple[Html, ...]:
    cells = [
        Html(
            f'<span class="{"yes" if slo.kept else "missed"}">{"✓ kept" if slo.kept else "✗ missed"}</span>, '
            f"{esc(percent(slo.kept_share))}"
        )
        for slo in one.slos
    ]
    return tuple(cells + [esc("-")] * (number - len(cells)))


def provenance(comparison: Comparison) -> Html:
    """Return everything that another person needs to get these numbers again."""
    source = comparison.provenance
    pairs = [
        ("Toolkit", esc(source.toolkit_version)),
        ("Host", esc("twin (simulated)" if measures.is_simulated(comparison) else source.host)),
        ("Hardware", esc(source.hardware or "not known")),
        ("Server version", esc(source.server_version or "not known")),
        ("Scheduler profile", esc(source.profile or "not known")),
        ("Plan", esc(source.plan)),
        ("Plan, SHA-256", Html(f"<code>{esc(source.plan_sha256)}</code>")),
        ("Seed", esc(str(source.seed))),
        ("Repetitions", esc(str(source.repeat))),
        ("Started", esc(source.started_at or "virtual time: the clock of the day plays no part")),
    ]
    notes = join(Html(f"<li>{esc(note)}</li>") for note in source.notes)
    return section(
        "provenance",
        "Where these numbers come from",
        definitions(pairs),
        _pairs_table("Models and their digests", "Model", "Digest", source.models),
        _pairs_table("Options of the run", "Option", "Value", source.options),
        _pairs_table("Environment of the server", "Variable", "Value", source.environment),
        Html(f'<ul class="notes">{notes}</ul>') if notes else Html(""),
    )


def _pairs_table(caption: str, first: str, second: str, pairs: tuple[tuple[str, str], ...]) -> Html:
    if not pairs:
        return Html("")
    rows = [Row(name(key), (Html(f"<code>{esc(value)}</code>"),)) for key, value in pairs]
    made = table(caption, first, (Column(second, numeric=False),), rows)
    return details(f"{caption} ({len(pairs)})", made)


def glossary() -> Html:
    """Return what the words of this page mean."""
    return section("reading", "How to read this page", definitions((term, esc(meaning)) for term, meaning in GLOSSARY))
