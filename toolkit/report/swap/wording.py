"""The sentences that every form of the swap report has in common: what to mind, and what the numbers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.report.wording import counted, duration, listed, plain, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.measure.swap.matrix import Cell, Middle
    from toolkit.measure.swap.study import SwapStudy

FEWEST_FOR_INTERVAL: Final = 6
NOTHING: Final = "(nothing)"
_NS_PER_S: Final = 1_000_000_000

PARTS: Final = (
    ("queue", "Until the server began to evict: the last look at /api/ps that still listed the old model."),
    ("evict", "The old model's process ends: up to the first look without it."),
    ("recovery", "Until GPU memory is free again: what a load after an eviction takes longer than one from nothing."),
    ("load", "The new model is read and started: the rest of the server's load_duration."),
    ("prefill", "The prompt is read: the server's prompt_eval_duration."),
    ("first_token", "From there to the first token at the client: one step of decoding, and the way."),
)


def title(study: SwapStudy) -> str:
    """What the report is about, in one line."""
    return f"Swaps on {study.facts.url}"


def seconds(value_ns: float | None) -> str:
    """A duration in words; `-` for None."""
    return duration(None if value_ns is None else value_ns / _NS_PER_S)


def middle(value: Middle | None) -> str:
    """A median, with its interval where there is one."""
    if value is None:
        return "-"
    if value.interval is None:
        return seconds(value.median_ns)
    return f"{seconds(value.median_ns)} [{seconds(value.interval.low)}, {seconds(value.interval.high)}]"


def speed(bytes_per_s: float | None) -> str:
    """Bytes a second as GB/s."""
    return "-" if bytes_per_s is None else f"{bytes_per_s / 1e9:.2f} GB/s"


def pair(cell: Cell) -> str:
    """A cell's pair."""
    if cell.before == cell.model:
        return f"{plain(cell.model)} again"
    return f"{plain(cell.before or NOTHING)} → {plain(cell.model)}"


def remark(cell: Cell) -> str:
    """What there is to say of a pair besides its numbers."""
    said = []
    if cell.is_beside:
        said.append("both stay in memory: no swap")
    elif cell.bounded_by is not None:
        said.append(f"bounded by {cell.bounded_by}")
    if cell.warning is not None:
        said.append(cell.warning)
    return "; ".join(said)


def headline(study: SwapStudy) -> str:
    """The answer in a sentence."""
    real = [cell for cell in study.matrix.cells if cell.evictions and cell.swap is not None and cell.before]
    if not real:
        return "No model had to leave for another one: this host holds those that were asked for side by side."
    slowest = max(real, key=lambda cell: cell.swap.median_ns if cell.swap else 0.0)
    quickest = min(real, key=lambda cell: cell.swap.median_ns if cell.swap else 0.0)
    if slowest is quickest:
        return f"A swap takes {middle(slowest.swap)}: {pair(slowest)}, {slowest.state.value}."
    return (
        f"A swap takes from {middle(quickest.swap)} ({pair(quickest)}, {quickest.state.value}) "
        f"to {middle(slowest.swap)} ({pair(slowest)}, {slowest.state.value})."
    )


def notes(study: SwapStudy) -> tuple[str, ...]:
    """What limits the numbers, the weightiest first."""
    return tuple(_notes(study))


def _notes(study: SwapStudy) -> Iterator[str]:
    outcome, made = study.outcome, len(study.outcome.samples)
    if outcome.ended is not None:
        yield sentence(outcome.ended)
    if made + len(outcome.failures) < study.planned:
        yield f"Incomplete: {made} of {study.planned} moves were made."
    if study.facts.simulated:
        yield (
            "This host is the toolkit's own simulation (its model files have stand-in digests): the numbers are those "
            "of its timing model and its config, not a measurement of any machine."
        )
    if not study.clocks_agree:
        yield (
            "The server counts more time than the client waited, as a twin with --time-scale below 1 does. Only the "
            "server's own counters are shown; parts that need the client's clock are left out."
        )
    if study.strangers:
        disturbed = sum(bool(sample.strangers) for sample in outcome.samples)
        yield (
            f"Somebody else used the host ({listed([plain(name) for name in study.strangers])} in memory): "
            f"{counted(disturbed, 'sample')} left out of the medians."
        )
    for failure in outcome.failures:
        move = failure.move
        yield f"Not measured: {plain(move.before or NOTHING)} → {plain(move.model)}: {plain(failure.why)}"
    counts = [cell.count for cell in study.matrix.cells]
    if counts and min(counts) < FEWEST_FOR_INTERVAL:
        yield f"A 95 % interval needs {FEWEST_FOR_INTERVAL} samples of a pair; where there are fewer, none is given."
    if any(not cell.state_known for cell in study.matrix.cells):
        yield (
            "Where a file came from (disk or page cache) is inferred, not seen; --drop-caches with --ssh "
            "would measure both apart."
        )
