"""Records and spans as rows of the store, and back. Pure.

A field that the schema has no column for (a record of a newer toolkit) goes into the column `more`, so that nothing is
lost before the migration that gives it a column.
"""

from __future__ import annotations

import json
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from toolkit.replay.records import ClientHealth, Provenance, RequestRecord, ResidencySpan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

R = TypeVar("R", RequestRecord, ResidencySpan)

RECORD_COLUMNS = (
    "id",
    "session",
    "intended_ns",
    "sent_ns",
    "ready_ns",
    "first_token_ns",
    "done_ns",
    "model_asked",
    "model",
    "label",
    "reason",
    "rule",
    "keep_alive_ns",
    "unloaded_before",
    "preloaded_after",
    "temperature",
    "queue_ns",
    "evict_ns",
    "load_ns",
    "slot_ns",
    "prefill_ns",
    "decode_ns",
    "server_load_ns",
    "prompt_tokens",
    "output_tokens",
    "evicted",
    "outcome",
    "error",
    "phase",
    "prompt_cached",
    "deadline_ns",
)
SPAN_COLUMNS = (
    "model",
    "load_start_ns",
    "ready_ns",
    "unload_start_ns",
    "gone_ns",
    "vram_bytes",
    "size_bytes",
    "cause",
)
PACKED = "token_ns"
"""The field of a record that has a table of its own."""


class Codec(Generic[R]):
    """Rows of `columns` and `more`, in this order. `lists` are tuples of text, kept as JSON or NULL for none.

    `flags` are booleans or None; `apart` are fields that are kept elsewhere.
    """

    def __init__(
        self,
        kind: type[R],
        columns: Sequence[str],
        *,
        lists: frozenset[str] = frozenset(),
        flags: frozenset[str] = frozenset(),
        apart: frozenset[str] = frozenset(),
    ) -> None:
        self.columns = (*columns, "more")
        self._kind: type[R] = kind
        self._names = tuple(columns)
        self._get = attrgetter(*columns)
        self._lists = tuple(place for place, name in enumerate(columns) if name in lists)
        self._flags = tuple(place for place, name in enumerate(columns) if name in flags)
        self._extra = tuple(
            field.name for field in fields(kind) if field.name not in columns and field.name not in apart
        )
        order = {field.name: place for place, field in enumerate(fields(kind))}
        self._in_order = [order[name] for name in columns] == list(range(len(columns)))

    def encode(self, value: R) -> tuple[Any, ...]:
        """The row of a value."""
        row: list[Any] = list(self._get(value))
        for place in self._lists:
            row[place] = json.dumps(row[place], ensure_ascii=False) if row[place] else None
        more = {name: getattr(value, name) for name in self._extra}
        return (*row, json.dumps(more, ensure_ascii=False) if more else None)

    def decode(self, row: Sequence[Any], **more: Any) -> R:
        """The value of a row; `more` are the fields that are kept elsewhere."""
        cells = list(row[:-1])
        for place in self._lists:
            cells[place] = () if cells[place] is None else tuple(json.loads(cells[place]))
        for place in self._flags:
            if cells[place] is not None:
                cells[place] = bool(cells[place])
        if row[-1] is not None:
            known = {name: frozen(value) for name, value in json.loads(row[-1]).items() if name in self._extra}
            more = {**known, **more}
        make: Callable[..., R] = self._kind
        if self._in_order:  # positional arguments cost half of what named ones do
            return make(*cells, **more)
        return make(**dict(zip(self._names, cells, strict=True)), **more)


RECORDS: Codec[RequestRecord] = Codec(
    RequestRecord,
    RECORD_COLUMNS,
    lists=frozenset({"unloaded_before", "preloaded_after", "evicted"}),
    flags=frozenset({"prompt_cached"}),
    apart=frozenset({PACKED}),
)
SPANS: Codec[ResidencySpan] = Codec(ResidencySpan, SPAN_COLUMNS)


def to_text(value: Provenance | ClientHealth) -> str:
    """Provenance or health as canonical JSON: sorted keys, no blanks; equal values are equal texts."""
    plain = {field.name: getattr(value, field.name) for field in fields(value)}
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def provenance_from(text: str) -> Provenance:
    """Provenance from its JSON; fields of a newer toolkit are left out."""
    return _from(Provenance, text)


def health_from(text: str | None) -> ClientHealth | None:
    """The client's health from its JSON."""
    return None if text is None else _from(ClientHealth, text)


def frozen(value: Any) -> Any:
    """Lists as tuples, all the way down."""
    return tuple(frozen(item) for item in value) if isinstance(value, list) else value


_P = TypeVar("_P", Provenance, ClientHealth)


def _from(kind: type[_P], text: str) -> _P:
    names = {field.name for field in fields(kind)}
    return kind(**{name: frozen(value) for name, value in json.loads(text).items() if name in names})
