"""The report as a picture: one bar a model and context, then one a set of models that fit together, as SVG text.

Colours follow a light or a dark page; hatching and labels say the same without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from toolkit.fit.picture_sets import STAY, set_rows
from toolkit.fit.room import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.fit.report import ContextReport, ModelReport, Report
    from toolkit.fit.room import Room

_GIB: Final = 1 << 30
_WIDTH: Final = 860
_LEFT: Final = 190
_PLOT: Final = 400
_ROW: Final = 30
_SIGN: Final = 6.6
"""About how wide a character is."""
_TOP: Final = 58
_PARTS: Final = (("weights", "w"), ("cache", "c"), ("compute", "k"), ("CUDA, assumed", "o"))
_STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #1f2933 } .b { font-weight: 600 } .d { fill: #5f6b76 }
  .w { fill: #2f6db5 } .c { fill: #e0952b } .k { fill: #4c9a6a } .o { fill: #9aa5b1 }
  .i { font-size: 11px; fill: #ffffff }
  .s0 { fill: #2e7d5b } .s1 { fill: #47966f } .n0 { fill: #8a5f5f } .n1 { fill: #9d7474 }
  .l { stroke: #b3261e; stroke-width: 2 } .p { stroke: #1f2933; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e7eb } .i { fill: #ffffff } .d { fill: #9aa5b1 } .p { stroke: #e4e7eb }
  }
"""


def svg_of(report: Report) -> str:
    """A stand-alone SVG document."""
    rows = sum(len(context.models) + 1 + _set_lines(context) for context in report.contexts)
    height = _TOP + rows * _ROW + 10
    most = max(width for context in report.contexts for width in _widths(context, report.room))
    scale = _PLOT / max(most, report.room.total_bytes)
    body = "\n".join(_body(report, scale, height))
    cards = ", ".join(gpu.name for gpu in report.room.gpus)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">\n'
        f"<title>What models take on {escape(cards)}, and which stay together</title>\n"
        f"<style>{_STYLE}</style>\n{body}\n</svg>\n"
    )


def _body(report: Report, scale: float, height: int) -> Iterator[str]:
    limit = _LEFT + report.room.total_bytes * scale
    yield from _legend()
    yield f'<line class="l" x1="{limit:.1f}" y1="{_TOP - 14}" x2="{limit:.1f}" y2="{height - 10}"/>'
    yield _text(limit + 4, _TOP - 6, f"{report.room.total_bytes / _GIB:.0f} GiB", "d")
    y = _TOP + 8
    for context in report.contexts:
        yield _text(10, y + 14, f"num_ctx {context.num_ctx}" + (", automatic" if context.automatic else ""), "b")
        y += _ROW
        for model in context.models:
            yield from _bar(model, report.room, y, scale)
            y += _ROW
        yield from _sets(context, report.room, y, scale)
        y += _set_lines(context) * _ROW


def _legend() -> Iterator[str]:
    x = float(_LEFT)
    for name, kind in _PARTS:
        yield f'<rect class="{kind}" x="{x:.0f}" y="12" width="12" height="12"/>'
        yield _text(x + 17, 23, name)
        x += 30 + 8 * len(name)
    yield f'<line class="p" x1="{x + 5:.0f}" y1="9" x2="{x + 5:.0f}" y2="27"/>'
    yield _text(x + 12, 23, "what Ollama predicts")


def _bar(model: ModelReport, room: Room, y: int, scale: float) -> Iterator[str]:
    whole = model.fit.whole
    amounts = (
        whole.weights_gpu_bytes + whole.projector_bytes,
        whole.cache.context_bytes,
        whole.compute_gpu_bytes,
        room.overhead_bytes * model.fit.processes,
    )
    yield _text(24, y + 14, model.name)
    x = float(_LEFT)
    for amount, (name, kind) in zip(amounts, _PARTS, strict=True):
        title = f"<title>{name} {amount / _GIB:.2f} GiB</title>"
        yield f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{amount * scale:.1f}" height="18">{title}</rect>'
        x += amount * scale
    predicted = _LEFT + min(model.fit.prediction.total_bytes * scale, _PLOT + 60)
    yield f'<line class="p" x1="{predicted:.1f}" y1="{y - 3}" x2="{predicted:.1f}" y2="{y + 21}"/>'
    yield _text(max(x, predicted) + 8, y + 14, _verdict(model, room))


def _verdict(model: ModelReport, room: Room) -> str:
    size = f"{_needed(model, room) / _GIB:.1f} GiB"
    if model.fit.verdict is Verdict.SPILLS:
        return f"{size}, spills {model.fit.spilled_layers} layers"
    return f"{size}, {model.fit.verdict.value}"


def _set_lines(context: ContextReport) -> int:
    return max(len(set_rows(context.sets)), 1) if len(context.models) > 1 else 0


def _widths(context: ContextReport, room: Room) -> Iterator[int]:
    """What each bar stands for, in bytes."""
    needed = {model.name: _needed(model, room) for model in context.models}
    yield from needed.values()
    yield from (sum(needed[name] for name in row.names) for row in set_rows(context.sets))


def _sets(context: ContextReport, room: Room, y: int, scale: float) -> Iterator[str]:
    """Models side by side in one bar for each set, the mark at what Ollama counts for them together."""
    if len(context.models) == 1:
        return
    rows = set_rows(context.sets)
    if not rows:
        yield _text(_LEFT, y + 12, "no two of them stay together", "d")
    models = {model.name: model for model in context.models}
    for row in rows:
        yield _text(24, y + 14, row.verdict, "d")
        x = float(_LEFT)
        for number, name in enumerate(row.names):
            width = _needed(models[name], room) * scale
            title = f"<title>{escape(name)} {_needed(models[name], room) / _GIB:.2f} GiB</title>"
            kind = "s" if row.verdict == STAY else "n"
            place = f'x="{x:.1f}" y="{y}" width="{width:.1f}" height="18"'
            yield f'<rect class="{kind}{number % 2}" {place}>{title}</rect>'
            yield _text(x + 5, y + 14, _cut(name, int((width - 8) / _SIGN)), "i")
            x += width
        predicted = _LEFT + min(sum(models[name].fit.prediction.total_bytes for name in row.names) * scale, _PLOT + 60)
        yield f'<line class="p" x1="{predicted:.1f}" y1="{y - 3}" x2="{predicted:.1f}" y2="{y + 21}"/>'
        yield _text(max(x, predicted) + 8, y + 14, f"{(x - _LEFT) / scale / _GIB:.1f} GiB")
        y += _ROW


def _cut(words: str, signs: int) -> str:
    return words if len(words) <= signs else f"{words[: signs - 1]}…" if signs > 1 else ""


def _needed(model: ModelReport, room: Room) -> int:
    return model.real_bytes + room.overhead_bytes * model.fit.processes


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    mark = f' class="{kind}"' if kind else ""
    clean = "".join(sign if sign.isprintable() else "?" for sign in words)
    return f'<text{mark} x="{x:.1f}" y="{y:.1f}">{escape(clean)}</text>'
