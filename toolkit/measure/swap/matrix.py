"""The matrix: samples of equal pairs and equal states of the page cache together, with median, interval and verdict."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from toolkit.measure.swap import outliers
from toolkit.measure.swap.bound import Facts, bound_of
from toolkit.measure.swap.cache_state import State, labels_of
from toolkit.measure.swap.split import NAMES, split_of
from toolkit.stats.interval import median_interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.measure.swap.cache_state import Label
    from toolkit.measure.swap.sample import Sample
    from toolkit.measure.swap.split import Split
    from toolkit.stats.interval import Interval

NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One sample with what was made of it."""

    sample: Sample
    label: Label
    split: Split


@dataclass(frozen=True, slots=True)
class Middle:
    """A median in nanoseconds, and its 95 % interval where the samples suffice for one (6 do)."""

    median_ns: float
    interval: Interval | None
    count: int


@dataclass(frozen=True, slots=True)
class Cell:
    """All undisturbed samples of one pair with the file in one place.

    `swap` is the server's `load_duration`, `first_token` the client's wait until the first token. `parts` are medians
    over the samples that have evidence of the part, None where none has. `bytes_per_s` is the file's size over the load
    alone. `evictions` counts the samples in which the old model had gone.
    """

    before: str | None
    model: str
    state: State
    state_known: bool
    how: str
    swap: Middle | None
    first_token: Middle | None
    parts: tuple[tuple[str, float | None], ...]
    bytes_per_s: float | None
    bounded_by: str | None
    evictions: int
    count: int
    warning: str | None

    @property
    def is_beside(self) -> bool:
        """Whether the old model stayed each time: the host holds both, so this is no swap."""
        return self.before not in {None, self.model} and self.evictions == 0


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows in the order of measuring; cells sorted by pair; `models` in the order in which they were asked for."""

    models: tuple[str, ...]
    rows: tuple[Row, ...]
    cells: tuple[Cell, ...]

    def cell(self, before: str | None, model: str) -> Cell | None:
        """The cell of a pair that says most about a swap in daily use: from the page cache, else what there is."""
        found = [cell for cell in self.cells if (cell.before, cell.model) == (before, model)]
        order = (State.RESIDENT, State.PAGES, State.DISK, State.UNKNOWN)
        return min(found, key=lambda cell: order.index(cell.state), default=None)


def matrix_of(samples: Sequence[Sample], models: Sequence[str], ram_bytes: int | None) -> Matrix:
    """The matrix of what was measured, be it complete or not."""
    labels = labels_of(samples, ram_bytes)
    alone = {
        (model, state): median(found)
        for model in models
        for state in State
        if (found := _loads_alone(samples, labels, model, state))
    }
    agree = all(sample.clocks_agree for sample in samples)
    rows = tuple(
        Row(sample, label, split_of(sample, alone.get((sample.move.model, label.state)), clocks_agree=agree))
        for sample, label in zip(samples, labels, strict=True)
    )
    groups: dict[tuple[str | None, str, State], list[Row]] = {}
    for row in rows:
        if not row.sample.strangers:
            groups.setdefault((row.sample.move.before, row.sample.move.model, row.label.state), []).append(row)
    places: dict[str | None, int] = {None: -1, **{model: place for place, model in enumerate(models)}}
    keys = sorted(groups, key=lambda key: (places[key[0]], places[key[1]], key[2].value))
    cells = tuple(_cell(key[2], groups[key], alone, clocks_agree=agree) for key in keys)
    return Matrix(tuple(models), rows, cells)


def _loads_alone(samples: Sequence[Sample], labels: Sequence[Label], model: str, state: State) -> list[int]:
    return [
        sample.counters.load_ns
        for sample, label in zip(samples, labels, strict=True)
        if sample.move.kind == "load" and sample.move.model == model and label.state is state
        if sample.counters.load_ns is not None and not sample.strangers
    ]


def _cell(state: State, rows: Sequence[Row], alone: dict[tuple[str, State], float], *, clocks_agree: bool) -> Cell:
    move = rows[0].sample.move
    parts = {name: _median(getattr(row.split, f"{name}_ns") for row in rows) for name in NAMES}
    waits = [row.sample.counters.load_ns for row in rows if row.sample.counters.load_ns is not None]
    known = all(row.label.known for row in rows)
    away = [value for name in ("evict", "recovery") if (value := parts[name]) is not None]
    vram = _median(row.sample.vram_bytes for row in rows)
    facts = Facts(
        state,
        known,
        parts["load"],
        sum(away) if away else None,
        alone.get((move.model, State.PAGES)),
        None if vram is None else vram > 0,
    )
    load_ns = parts["load"]
    return Cell(
        before=move.before,
        model=move.model,
        state=state,
        state_known=known,
        how=rows[-1].label.how,
        swap=_middle(waits),
        first_token=_middle(
            row.sample.first_token_ns for row in rows if clocks_agree and row.sample.first_token_ns is not None
        ),
        parts=tuple(parts.items()),
        bytes_per_s=rows[0].sample.file_bytes * NS_PER_S / load_ns if load_ns and state is not State.RESIDENT else None,
        bounded_by=bound_of(facts),
        evictions=sum(row.sample.evicted for row in rows),
        count=len(rows),
        warning=outliers.warning(waits, cold_known=known),
    )


def _middle(values_ns: Iterable[int]) -> Middle | None:
    found = list(values_ns)
    return Middle(median(found), median_interval(found), len(found)) if found else None


def _median(values: Iterable[int | None]) -> float | None:
    found = [value for value in values if value is not None]
    return median(found) if found else None
