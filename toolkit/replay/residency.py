"""Which models were in memory when, as far as looks at `/api/ps` can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.replay.records import ResidencySpan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.ollama.types import RunningModel


@dataclass(slots=True)
class _Open:
    since_ns: int
    vram_bytes: int
    size_bytes: int


class ResidencyWatch:
    """Turns looks into spans. A model is listed when its load is done, so a span's load and ready time are one.

    Why a model left cannot be seen from outside: `cause` is None for spans that ended, too.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, int | None], _Open] = {}
        self._closed: list[ResidencySpan] = []

    def look(self, now_ns: int, rows: Sequence[RunningModel]) -> None:
        """What `/api/ps` said at `now_ns`; a model that comes back with another context is a new span."""
        seen = {(row.name, row.context_length): row for row in rows}
        for key in [key for key in self._open if key not in seen]:
            self._close(key, now_ns)
        for key, row in seen.items():
            if key not in self._open:
                self._open[key] = _Open(now_ns, row.vram_bytes, row.size_bytes)

    def spans(self) -> tuple[ResidencySpan, ...]:
        """All spans in order of their beginning; those of models that are still there have no end."""
        still = [self._span(key, one, None) for key, one in self._open.items()]
        return tuple(sorted([*self._closed, *still], key=lambda span: (span.load_start_ns, span.model)))

    def _close(self, key: tuple[str, int | None], now_ns: int) -> None:
        self._closed.append(self._span(key, self._open.pop(key), now_ns))

    @staticmethod
    def _span(key: tuple[str, int | None], one: _Open, gone_ns: int | None) -> ResidencySpan:
        return ResidencySpan(key[0], one.since_ns, one.since_ns, gone_ns, gone_ns, one.vram_bytes, one.size_bytes, None)
