"""Samples made by hand: a move and what was seen of it, everything else as on a quiet host with a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.measure.swap.moves import Move
from toolkit.measure.swap.sample import Look, Sample
from toolkit.ollama.types import Counters

if TYPE_CHECKING:
    from toolkit.measure.swap.moves import Pages

MS = 1_000_000
GB = 10**9


def look(asked_ms: int, answered_ms: int, *names: str) -> Look:
    """One look at `/api/ps`."""
    return Look(asked_ms * MS, answered_ms * MS, names)


def load(model: str = "b", *, load_ms: int = 1000, read_since: int | None = 0, pages: Pages = "as_found") -> Sample:
    """A load from nothing."""
    return _sample(Move("load", None, model, pages, 0), load_ms, (), (model,), (), read_since)


def swap(
    before: str = "a",
    model: str = "b",
    *,
    load_ms: int = 2000,
    looks: tuple[Look, ...] | None = None,
    stays: bool = False,
    read_since: int | None = 0,
    pages: Pages = "as_found",
) -> Sample:
    """`model` asked for while `before` is there; by default it is gone after 100 ms."""
    seen = looks if looks is not None else (look(0, 2, before), look(20, 100, *((before,) if stays else ())))
    after = (model, before) if stays else (model,)
    return _sample(Move("swap", before, model, pages, 0), load_ms, (before,), after, seen, read_since)


def resident(model: str = "b", *, load_ms: int = 3) -> Sample:
    """The same model again."""
    return _sample(Move("resident", model, model, "as_found", 0), load_ms, (model,), (model,), (), 0)


def _sample(  # noqa: PLR0917 - three calls, above
    move: Move,
    load_ms: int,
    before: tuple[str, ...],
    after: tuple[str, ...],
    looks: tuple[Look, ...],
    read_since: int | None,
) -> Sample:
    total_ms = load_ms + 60
    return Sample(
        move=move,
        file_bytes=4 * GB,
        sent_at_unix_ns=1_800_000_000 * GB,
        headers_ns=(load_ms + 40) * MS,
        first_token_ns=(load_ms + 41) * MS,
        done_ns=(total_ms + 2) * MS,
        counters=Counters(total_ms * MS, load_ms * MS, 30, 25 * MS, 4, 30 * MS),
        listed_before=before,
        listed_after=after,
        looks=looks,
        victim_vram_bytes=5 * GB if move.kind == "swap" else None,
        vram_bytes=5 * GB,
        size_bytes=5 * GB,
        read_since_bytes=read_since,
    )
