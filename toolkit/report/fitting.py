"""What fits: each model's part of the GPUs' memory, and the sets that memory or the server's own rule would hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.report.bars import ROW, WIDTH, row_label
from toolkit.report.measures import requested_models
from toolkit.report.palette import MODELS
from toolkit.report.scene import LegendEntry, Line, Rect, Scene, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.replay.results import Comparison, FittingSet, Memory, ModelMemory
    from toolkit.report.scene import Item

_GIB = 1 << 30
_LEFT, _RIGHT = 4, WIDTH - 12
_SPAN = _RIGHT - _LEFT
_HEAD, _BAR_TOP, _BAR = 22, 20, 14
MOST_ROWS = 8
"""Models, and sets, that are drawn; the table has them all."""


def what_fits(comparison: Comparison) -> Scene | None:
    """Return one bar a model and one a set of models, against what the GPUs have; None if that is not known."""
    memory = comparison.memory
    if memory is None or not memory.models:
        return None
    models, sets = memory.models[:MOST_ROWS], [one for one in memory.sets if len(one.models) > 1][:MOST_ROWS]
    takes = {model.model: model for model in memory.models}
    order = [*requested_models(comparison), *takes]
    inks = {name: MODELS[min(order.index(name), len(MODELS) - 1)].name for name in takes}
    most = max(memory.gpu_bytes, *(sum(takes[name].taken_bytes for name in one.models) for one in sets), 0)
    most = max(most, *(max(model.taken_bytes, model.predicted_bytes) for model in models))
    scale = _SPAN / most
    rows = len(models) + max(len(sets), 1)
    bottom = _HEAD + rows * ROW
    limit = _LEFT + memory.gpu_bytes * scale
    items: list[Item] = [Text(limit, 13, f"the GPUs: {_gib(memory.gpu_bytes)}", 12, "cold", "end")]
    for row, model in enumerate(models):
        items += _bar([model], _HEAD + row * ROW, scale, inks, _verdict(model))
    y = _HEAD + len(models) * ROW
    for top in (_HEAD + row * ROW + _BAR_TOP for row in range(len(models) + len(sets))):
        items.append(Line(limit, top - 4, limit, top + _BAR + 4, "cold", 2))
    for row, one in enumerate(sets):
        chosen = [takes[name] for name in one.models]
        items += _bar(chosen, y + row * ROW, scale, inks, one.verdict)
    if not sets and len(models) > 1:
        items.append(Text(_LEFT, y + 13, "no two of them fit together", 13, bold=True))
    return Scene(WIDTH, bottom + 4, "What fits on the GPUs", f"{_in_words(memory, sets)}.", tuple(items), _legend(sets))


def _bar(models: list[ModelMemory], y: float, scale: float, inks: dict[str, str], verdict: str) -> Iterator[Item]:
    taken = sum(model.taken_bytes for model in models)
    yield from row_label(y, " + ".join(model.model for model in models), f"{_gib(taken)} · {verdict}")
    x = float(_LEFT)
    for model in models:
        width = model.taken_bytes * scale
        title = f"{model.model}: {_gib(model.taken_bytes)}"
        yield Rect(x, y + _BAR_TOP, width, _BAR, inks[model.model], title=title)
        x += width
    counted = _LEFT + min(sum(model.predicted_bytes for model in models) * scale, _SPAN)
    yield Line(counted, y + _BAR_TOP - 3, counted, y + _BAR_TOP + _BAR + 3, "ink", 2)


def _verdict(model: ModelMemory) -> str:
    if not model.left_layers:
        return "fits alone"
    return f"{model.left_layers} layers stay on the host"


def _legend(sets: list[FittingSet]) -> tuple[LegendEntry, ...]:
    beside = ", one colour each" if sets else ""
    return (
        LegendEntry((Rect(0, 2, 24, 10, "m0"),), f"what a model really takes{beside}"),
        LegendEntry((Line(12, 0, 12, 14, "ink", 2),), "what Ollama counts"),
        LegendEntry((Line(12, 0, 12, 14, "cold", 2),), "the memory there is"),
    )


def _in_words(memory: Memory, sets: list[FittingSet]) -> str:
    alone = [f"{one.model} takes {_gib(one.taken_bytes)}, {_verdict(one)}" for one in memory.models]
    beside = [f"{' and '.join(one.models)}: {one.verdict}" for one in sets] or ["no two of them fit together"]
    return "; ".join([f"The GPUs have {_gib(memory.gpu_bytes)}", *alone, *beside])


def _gib(nbytes: int) -> str:
    return f"{nbytes / _GIB:.1f} GiB"
