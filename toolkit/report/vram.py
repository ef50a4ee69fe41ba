"""The VRAM study for a terminal, and as JSON values. Absent is `-` or null, never 0."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from toolkit.report.wording import plain, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.measure.vram.session import Rung
    from toolkit.measure.vram.study import Cliff, Compared, VramStudy

SCHEMA: Final = 1
_GIB: Final = 1 << 30
_LOST_SHARE: Final = 0.02
"""From so much on, what `/api/ps` leaves out is worth a sentence."""
_WIDE_ENOUGH: Final = 200
_HEADINGS: Final = ("model", "num_ctx", "size_vram", "fit says", "off", "in RAM", "driver", "tokens/s")


def terminal_text(study: VramStudy, width: int = 80) -> str:
    """Table, cliffs and notes; the table is as wide as it must be."""
    buffer, rest = io.StringIO(), io.StringIO()
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for number, heading in enumerate(_HEADINGS):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    for one in study.compared:
        table.add_row(*(Text(cell) for cell in _cells(one)))
    console = Console(file=buffer, width=_WIDE_ENOUGH, force_terminal=False, legacy_windows=False)
    console.print(table, markup=False, highlight=False, emoji=False)
    wrapped = Console(file=rest, width=width, force_terminal=False, legacy_windows=False)
    for words in (*(cliff_sentence(cliff) for cliff in study.cliffs), *notes(study)):
        wrapped.print(Text(plain(words)), markup=False, highlight=False, emoji=False)
    text = f"{buffer.getvalue()}\n{rest.getvalue()}"
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip()


def cliff_sentence(cliff: Cliff) -> str:
    """Where a model begins to spill, seen and expected."""
    if cliff.spilled is None:
        seen = f"{cliff.model}: no spill seen" + (f" up to {cliff.whole.num_ctx:,} tokens" if cliff.whole else "")
    elif cliff.whole is None:
        seen = f"{cliff.model}: spills at {cliff.spilled.num_ctx:,} tokens already"
    else:
        seen = f"{cliff.model}: spills between {cliff.whole.num_ctx:,} and {cliff.spilled.num_ctx:,} tokens"
        if cliff.whole.tok_per_s and cliff.spilled.tok_per_s:
            seen += f"; {cliff.whole.tok_per_s:.1f} tokens/s before, {cliff.spilled.tok_per_s:.1f} after"
    if not cliff.gpus_known:
        return f"{seen}."
    if cliff.expected_whole is None:
        return f"{seen}; fit expects it to spill at any context."
    return f"{seen}; fit expects it to be whole up to {cliff.expected_whole:,}."


def notes(study: VramStudy) -> tuple[str, ...]:
    """What limits the numbers."""
    return tuple(_notes(study))


def _notes(study: VramStudy) -> Iterator[str]:
    outcome, setting = study.outcome, study.setting
    if outcome.ended is not None:
        yield sentence(outcome.ended)
    if study.facts.simulated:
        yield "This host is the toolkit's own simulation: its sizes are those of its config, not of any GPU."
    for refusal in outcome.refusals:
        yield f"{refusal.model} did not load at {refusal.num_ctx:,} tokens: {refusal.why}"
    if study.compared and not any(one.rung.vram_bytes for one in study.compared):
        yield "Nothing is on a GPU on this host, so there is no VRAM to compare and no cliff to find."
    yield (
        f"Compared with OLLAMA_NUM_PARALLEL={setting.parallel}, a {setting.kv_type} cache and flash attention "
        f"{setting.flash_attn}: a client cannot see these, so say with options or in the config what the server has."
    )
    if any(one.expected.spills is None for one in study.compared):
        yield f"Not known without the host's GPUs: {', '.join(_not_known(study))}. Name them with --gpu."
    for model, lost in _left_out(study).items():
        yield (
            f"/api/ps leaves {lost / _GIB:.1f} GiB of {model} out (it has sliding windows): the GPU holds more "
            "than size_vram says; --ssh asks the driver."
        )


def _not_known(study: VramStudy) -> Iterator[str]:
    """What needs the GPUs, as far as it occurred."""
    untold = {one.untold for one in study.compared}
    yield "where layers should begin to spill"
    if "spill" in untold:
        yield "how much of a model that has spilled should stay in VRAM"
    if "batch" in untold:
        yield "whether the server took a smaller batch for want of memory, so that fit says what both would take"


def _left_out(study: VramStudy) -> dict[str, int]:
    lost: dict[str, int] = {}
    for one in study.compared:
        missing = one.expected.real_bytes - one.expected.shown_bytes
        if missing > one.expected.real_bytes * _LOST_SHARE:
            lost[one.rung.model] = max(missing, lost.get(one.rung.model, 0))
    return lost


def _cells(one: Compared) -> tuple[str, ...]:
    rung, off = one.rung, one.off_share
    return (
        plain(rung.model),
        f"{rung.num_ctx:,}",
        _gib(rung.vram_bytes),
        _expected(one),
        ("within" if one.untold == "batch" else "-") if off is None else f"{off:+.1%}",
        "-" if rung.is_whole else _gib(rung.size_bytes - rung.vram_bytes),
        "-" if rung.driver_bytes is None else _gib(rung.driver_bytes),
        "-" if rung.tok_per_s is None else f"{rung.tok_per_s:.1f}",
    )


def _expected(one: Compared) -> str:
    expected = one.expected
    if one.untold == "spill":
        return "-"
    if expected.least_bytes < expected.shown_bytes:
        return f"{expected.least_bytes / _GIB:.2f} to {_gib(expected.shown_bytes)}"
    return _gib(expected.shown_bytes)


def _gib(nbytes: int) -> str:
    return f"{nbytes / _GIB:.2f} GiB"


def to_jsonable(study: VramStudy) -> dict[str, Any]:
    """Everything as JSON values; sizes are bytes."""
    facts, setting = study.facts, study.setting
    return {
        "schema": SCHEMA,
        "complete": study.outcome.ended is None,
        "simulated": facts.simulated,
        "observations": [_compared(one) for one in study.compared],
        "cliffs": [_cliff(cliff) for cliff in study.cliffs],
        "refusals": [{"model": r.model, "num_ctx": r.num_ctx, "why": r.why} for r in study.outcome.refusals],
        "setting": {"parallel": setting.parallel, "kv_type": setting.kv_type, "flash_attn": setting.flash_attn},
        "provenance": {
            "host": facts.url,
            "server_version": facts.server_version,
            "toolkit_version": facts.toolkit_version,
            "started_at": facts.started_at,
            "models": [{"name": model.name, "digest": model.digest} for model in facts.models],
        },
        "notes": list(notes(study)),
    }


def _compared(one: Compared) -> dict[str, Any]:
    rung, expected = one.rung, one.expected
    return {
        "model": rung.model,
        "num_ctx": rung.num_ctx,
        "context_length": rung.context_length,
        "size_bytes": rung.size_bytes,
        "size_vram_bytes": rung.vram_bytes,
        "driver_bytes": rung.driver_bytes,
        "tok_per_s": rung.tok_per_s,
        "whole": rung.is_whole,
        "expected_size_vram_bytes": expected.shown_bytes,
        "expected_least_size_vram_bytes": expected.least_bytes,
        "expected_real_bytes": expected.real_bytes,
        "expected_spill": expected.spills,
        "off_share": one.off_share,
        "not_compared_for": one.untold,
        "observed_at": rung.observed_at,
    }


def _cliff(cliff: Cliff) -> dict[str, Any]:
    def told(rung: Rung | None) -> dict[str, Any] | None:
        return None if rung is None else {"num_ctx": rung.num_ctx, "tok_per_s": rung.tok_per_s}

    return {
        "model": cliff.model,
        "whole": told(cliff.whole),
        "spilled": told(cliff.spilled),
        "expected_whole_num_ctx": cliff.expected_whole,
    }
