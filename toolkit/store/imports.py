"""Files as runs of the store: `run.jsonl`, directories that hold some, and exports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.errors import InputError
from toolkit.replay.records import ClientHealth, Provenance, RequestRecord, ResidencySpan, Run
from toolkit.replay.runfile import RUN_FILE, last_known_ns, read_runs
from toolkit.store.codec import frozen
from toolkit.store.exports import read_parquet
from toolkit.store.identity import run_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from toolkit.store.row import RunRow
    from toolkit.store.runs import RunStore


class Imported(NamedTuple):
    """A run of a file: its row in the store, and whether the store did not have it (as whole) before."""

    path: Path
    row: RunRow
    new: bool


def import_path(store: RunStore, path: Path) -> Iterator[Imported]:
    """Store every run of a file, or of all `run.jsonl` files below a directory, one after the other.

    Runs of one path are one batch if the file does not say better. A tag of the file is set if no run has it yet.

    Raises:
        InputError: a file that holds no run; what came before it is stored.
    """
    batch: str | None = None
    for file in _files(path):
        for run, head in _read(file):
            held = {row.id: row for row in store.runs()}.get(run_id(run))
            row = store.add(run, batch=head.get("batch") or batch)
            batch = batch or row.batch
            taken = {tag for other in store.runs() for tag in other.tags}
            for tag in head.get("tags", ()):
                if tag not in taken:
                    row = store.tag(row.id, tag)
            new = held is None or (held.state, held.record_count) != (row.state, row.record_count)
            yield Imported(file, row, new)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.rglob(RUN_FILE))
    if not found:
        raise InputError(f"{path}: there is no {RUN_FILE} in this directory or below it")
    return found


def _read(file: Path) -> Iterator[tuple[Run, dict[str, Any]]]:
    if file.suffix == ".parquet":
        return ((_run(head, rows), head) for head, rows in read_parquet(file))
    if file.suffix == ".csv":
        raise InputError(f"{file}: a CSV has no provenance, so it cannot become a run; import JSON Lines or Parquet")
    return read_runs(file)


def _run(head: dict[str, Any], rows: list[dict[str, Any]]) -> Run:
    records = tuple(RequestRecord(**{name: frozen(value) for name, value in row.items()}) for row in rows)
    return Run(
        head["strategy"],
        head["repetition"],
        records,
        tuple(ResidencySpan(**span) for span in head["residency"]),
        last_known_ns(records) if head["end_ns"] is None else head["end_ns"],
        complete=head["complete"],
        provenance=Provenance(**{name: frozen(value) for name, value in head["provenance"].items()}),
        client=_health(head["client"]),
    )


def _health(found: dict[str, Any] | None) -> ClientHealth | None:
    return None if found is None else ClientHealth(**{name: frozen(value) for name, value in found.items()})
