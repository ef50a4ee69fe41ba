"""The report as text: 80 columns, one bar a model, nothing that needs colour.

A bar is as long as its share of the GPUs' memory: weights, cache, compute buffer and the overhead of CUDA, with a mark
where the memory ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.fit.room import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolkit.fit.gpus import Gpu
    from toolkit.fit.report import ContextReport, ModelReport, Report
    from toolkit.fit.room import Room

WIDTH: Final = 80
_BAR: Final = 26
_NAME: Final = 21
_GIB: Final = 1 << 30
_PARTS: Final = "█▓▒░"
_END: Final = "│"
_ROOM_ON_BAR: Final = 20
"""Characters of the bar that stand for the memory of the GPUs; the rest shows what is too much."""
_LEGEND: Final = "█ weights ▓ cache ▒ compute ░ CUDA │ full"


def text_of(report: Report) -> str:
    """All of it, lines without trailing blanks."""
    lines = [*_heading(report.room), *(line for context in report.contexts for line in _context(context, report.room))]
    lines += _footer(report)
    return "\n".join(line.rstrip() for line in lines)


def _heading(room: Room) -> Iterator[str]:
    cards = ", ".join(_card(gpu) for gpu in room.gpus)
    yield from _wrapped(
        f"{cards}; CUDA is assumed to take {_gib(room.overhead_bytes)} GiB a process, "
        f"and the engine leaves {_gib(room.margin_bytes)} GiB free"
    )
    yield f"{'GiB':{_NAME}} really Ollama {_LEGEND}"


def _context(context: ContextReport, room: Room) -> Iterator[str]:
    yield ""
    yield f"num_ctx {context.num_ctx}" + (" (automatic on this host)" if context.automatic else "")
    for model in context.models:
        yield _row(model, room)
    yield from _notes(context)
    if len(context.models) > 1:
        yield from _sets(context)


def _row(model: ModelReport, room: Room) -> str:
    real = model.real_bytes + room.overhead_bytes * model.fit.processes
    numbers = f"{_gib(real):>6} {_gib(model.fit.prediction.total_bytes):>6}"
    return f"{_cut(model.name):{_NAME}} {numbers} {_bar(model, room)} {_short(model)}"


def _bar(model: ModelReport, room: Room) -> str:
    whole = model.fit.whole
    amounts = (
        whole.weights_gpu_bytes + whole.projector_bytes,
        whole.cache.context_bytes,
        whole.compute_gpu_bytes,
        room.overhead_bytes * model.fit.processes,
    )
    scale = _ROOM_ON_BAR / room.total_bytes
    cells = [" "] * _BAR
    start = 0.0
    for sign, amount in zip(_PARTS, amounts, strict=True):
        end = start + amount * scale
        for cell in range(round(start), min(round(end), _BAR)):
            cells[cell] = sign
        start = end
    if round(start) > _BAR:
        cells[-1] = ">"
    cells.insert(_ROOM_ON_BAR, _END)
    return "".join(cells[:_BAR])


def _short(model: ModelReport) -> str:
    found = model.fit
    if found.verdict is Verdict.SPILLS:
        return f"spills {found.spilled_layers} layers"
    if found.verdict is Verdict.EVICTS:
        return "fits, but evicts"
    return "fits" if found.verdict is Verdict.FITS else "no"


def _notes(context: ContextReport) -> Iterator[str]:
    for model in context.models:
        found = model.fit
        notes = []
        if found.verdict is Verdict.SPILLS and found.speed_left is not None:
            notes.append(f"about {found.speed_left:.0%} of the speed is left")
        if found.whole.cache.sliding_bytes and found.whole.cache.full_bytes:
            notes.append(f"/api/ps will show {_gib(found.whole.shown_vram_bytes)}")
        if not model.known:
            notes.append(f"estimate: unknown architecture {found.spec.architecture}, compute doubled")
        if model.correction is not None:
            notes.append(model.correction.sentence(found.whole.shown_vram_bytes))
        if found.verdict is not Verdict.FITS and model.largest_context and found.spilled_layers:
            notes.append(f"longest context that fits: {model.largest_context}")
        if found.spilled_layers and model.changes:
            notes.append("or: " + ", ".join(_marked(change.text, change.estimated) for change in model.changes))
        if notes:
            yield from _wrapped(f"  {model.name}: " + "; ".join(notes))


def _sets(context: ContextReport) -> Iterator[str]:
    if any(len(names) > 1 for names in context.sets.both):
        yield from _wrapped("  together: " + _listed(context.sets.both))
    else:
        yield "  together: no two of them; every change of model is a swap"
    if context.sets.really != context.sets.by_ollama:
        yield from _wrapped("    memory alone would hold " + _listed(context.sets.really))
        yield from _wrapped("    Ollama alone would keep " + _listed(context.sets.by_ollama))
    if context.gains:
        each = (f"{gain.text} ({'all' if gain.all_stay else ' + '.join(gain.largest)})" for gain in context.gains)
        yield from _wrapped("  more would stay with: " + ", ".join(each))


def _footer(report: Report) -> Iterator[str]:
    if len(report.contexts[0].models) > 1:
        yield ""
        if report.contexts_for_all is None:
            yield "No context, however short, lets all of them stay."
        else:
            each = ", ".join(f"{name} {num_ctx}" for name, num_ctx in report.contexts_for_all.items())
            yield from _wrapped("All of them stay with num_ctx: " + each)
    else:
        model = report.contexts[0].models[0]
        longest = model.largest_context
        yield ""
        yield f"Longest context that fits: {longest or 'none'}"


def _listed(sets: Sequence[Sequence[str]]) -> str:
    return ", ".join(" + ".join(names) for names in sets) if sets else "none"


def _wrapped(line: str) -> Iterator[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    while len(line) > WIDTH:
        cut = line.rfind(" ", len(indent), WIDTH + 1)
        if cut <= 0:
            break
        yield line[:cut]
        line = indent + line[cut + 1 :]
    yield line


def _marked(text: str, estimated: bool) -> str:
    return f"{text} (estimated)" if estimated else text


def _card(gpu: Gpu) -> str:
    size = f"{_gib(gpu.total_bytes)} GiB"
    return size if gpu.name[:1].isdigit() else f"{gpu.name} with {size}"


def _cut(name: str) -> str:
    bare = "".join(sign if sign.isprintable() else "?" for sign in name)
    return bare if len(bare) <= _NAME else bare[: _NAME - 1] + "…"


def _gib(nbytes: int) -> str:
    return f"{nbytes / _GIB:.2f}" if nbytes < _GIB else f"{nbytes / _GIB:.1f}"
