"""Which sets of models fit together, as rows of a picture: one bar a set, a part for each model, by both numbers.

A set is shown if memory or Ollama's own rule would hold it: those that stay, those that memory would hold but Ollama
breaks up, and those that Ollama keeps although layers spill.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.fit.together import Sets

_A_PAIR: Final = 2
MOST_ROWS: Final = 8
STAY: Final = "stay together"
EVICTED: Final = "fit, but Ollama evicts"
SPILLED: Final = "kept, but layers spill"


@dataclass(frozen=True, slots=True)
class SetRow:
    """One set: its models in order of name, and what becomes of it."""

    names: tuple[str, ...]
    verdict: str


def set_rows(sets: Sets) -> tuple[SetRow, ...]:
    """The sets of two models and more, those that stay first; at most eight."""
    return tuple(_rows(sets))[:MOST_ROWS]


def _rows(sets: Sets) -> Iterator[SetRow]:
    both = {names for names in sets.both if len(names) >= _A_PAIR}
    yield from (SetRow(names, STAY) for names in sets.both if names in both)
    for found, verdict in ((sets.really, EVICTED), (sets.by_ollama, SPILLED)):
        yield from (SetRow(names, verdict) for names in found if len(names) >= _A_PAIR and names not in both)
