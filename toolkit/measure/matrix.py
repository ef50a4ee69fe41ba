"""The swap matrix of a real server: each row as recorded, and as the twin tells it."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from toolkit.errors import InputError
from toolkit.host import timing
from toolkit.host.twin import Work, build
from toolkit.host.virtual import CHAT, PRELOAD, Ask, RequestRecord
from toolkit.measure.server_log import read_lives

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from toolkit.host.twin_spec import TwinSpec

NS_PER_S = 1_000_000_000
STEP_NS = 60 * NS_PER_S
"""Between the requests of a row, so that each finds the host idle."""
NUM_CTX = 4096
JITTER_SIGMA = 0.08
"""About what spreads the recorded loads of one model; most rows are likeliest near it."""
LEAST_PROBABILITY = 1 / 300
LOOK_PERIOD_NS = timing.HEALTH_PAUSE_NS + sum(timing.HEALTH_LOOK_NS) // 2
RESIDENT = "resident"
SWAP_LOG = "swap_server.log"
COLD = "load_cold"
STOPS = {"swap"}
"""Kinds in which another model's process had to end first."""
MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """One request of the matrix: the idle model that had to go (None: none had), and the server's wait.

    `first_round`: the first time that the file was read from disk; later rounds may meet the cache of a machine below.
    `cached`: the file was in the page cache. `prompt` and `written` are tokens and ns of the counters.
    """

    kind: str
    before: str | None
    model: str
    wait_ns: int
    first_round: bool
    file_bytes: int
    cached: bool = True
    prompt: tuple[int, int] = (0, 0)
    written: tuple[int, int] = (0, 0)


def read_matrix(directory: Path) -> tuple[Row, ...]:
    """All rows of the matrix. Raises InputError for one that is not what it should be."""
    path = directory / "swap_matrix.csv"
    rows = []
    with path.open(encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            if not row.get("load_duration_s") or not row.get("file_bytes"):
                continue  # it says nothing of a load
            try:
                rows.append(_row(row))
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{path}:{number}: not a row of a swap matrix ({error!r})") from error
    return tuple(rows)


def _row(row: Mapping[str, str]) -> Row:
    kind, share = row["kind"], row.get("page_cached_before") or ""
    return Row(
        kind,
        row["from"] or None if kind in STOPS else None,
        row["to"],
        _ns(row["load_duration_s"]),
        row["rep"] == "0",
        int(row["file_bytes"]),
        float(share) >= MOSTLY if share else kind != COLD,
        (int(row.get("prompt_eval_count") or 0), _ns(row.get("prompt_eval_s") or "0")),
        (int(row.get("eval_count") or 0), _ns(row.get("eval_s") or "0")),
    )


def _ns(seconds: str) -> int:
    return round(float(seconds) * NS_PER_S)


def read_stops(directory: Path) -> dict[str, list[int]]:
    """How long the processes of each model took to end, by the log."""
    with (directory / SWAP_LOG).open() as log:
        lives = read_lives(log, 0)
    stops: dict[str, list[int]] = {}
    for life in lives:
        if life.stop_ns is not None and life.gone_ns is not None:
            stops.setdefault(life.model, []).append(life.gone_ns - life.stop_ns)
    return stops


class Oracle:
    """Asks the twin how long a row's request waits; equal rows are asked once."""

    def __init__(self, spec: TwinSpec) -> None:
        self._spec = spec
        self._known: dict[tuple[str, str | None, str], int] = {}

    def wait_ns(self, row: Row) -> int:
        """What the twin makes of the row, as `load_duration`."""
        key = (row.kind, row.before, row.model)
        if key not in self._known:
            self._known[key] = self._ask(row)
        return self._known[key]

    def _ask(self, row: Row) -> int:
        """A fresh host, whose files are on disk only; loading a model once puts its file into the page cache."""
        host, _ = build(self._spec, "matrix")
        waits: list[int] = []

        def note(record: RequestRecord) -> None:
            waits.append((record.done_ns if record.served_ns is None else record.served_ns) - record.arrived_ns)

        before = [] if row.before is None else [row.before]
        warm = [] if row.kind in {COLD, RESIDENT} else [*before, row.model]
        resident = [row.model] if row.kind == RESIDENT else before
        asks = [Ask(f"warm-{name}", name, PRELOAD, keep_alive=1) for name in warm]
        asks += [Ask(f"load-{name}", name, PRELOAD) for name in resident]
        asks.append(Ask("row", row.model, CHAT, work=Work(1, 0, 1, None, service_ns=NS_PER_S)))
        for place, ask in enumerate(asks):
            host.at(place * STEP_NS, partial(host.submit, ask, on_done=note))
        host.run()
        return waits[-1]


# Fitting ------------------------------------------------------------------------------------------------------


def looks_taken(row: Row, costs: Mapping[str, timing.ModelCost], speeds: timing.HostSpeeds) -> int:
    """How many looks at its runner the server needed, by the row's duration less what the old model's stop takes."""
    stop_ns = 0 if row.before is None else timing.unload_ns(costs[row.before].need_bytes(NUM_CTX), 0, speeds)
    return max(1, round((row.wait_ns - stop_ns - timing.LOAD_ANSWER_NS) / LOOK_PERIOD_NS))


@dataclass(frozen=True, slots=True)
class Rule:
    """What of a model a load is taken to fill, and where the file comes from."""

    cached: bool
    buffers: bool = True
    """KV cache and scratch buffers count, not only the file's bytes."""

    def raw_ns(self, cost: timing.ModelCost, speeds: timing.HostSpeeds) -> int:
        """How long a load takes before the server notices."""
        return timing.load_ns(
            cost,
            speeds,
            cached_bytes=cost.file_bytes if self.cached else 0,
            host_buffer_bytes=cost.need_bytes(NUM_CTX) - cost.weights_bytes if self.buffers else 0,
            device_share=0.0,
        )


def likelihood(
    rule: Rule, rows: Sequence[Row], costs: Mapping[str, timing.ModelCost], speeds: timing.HostSpeeds
) -> float:
    """The probability that a rule gives to the number of looks that each row took, as the rows' geometric mean.

    Loads spread by a log-normal factor, as the twin's jitter does. A row that is beyond the rule (the machine was held
    up) counts as one in three hundred.
    """
    logs = []
    for row in rows:
        raw_ns, looks = rule.raw_ns(costs[row.model], speeds), looks_taken(row, costs, speeds)
        below = _share_below((looks - 1) * LOOK_PERIOD_NS / raw_ns)
        logs.append(math.log(max(_share_below(looks * LOOK_PERIOD_NS / raw_ns) - below, LEAST_PROBABILITY)))
    return math.exp(sum(logs) / len(logs))


def _share_below(factor: float) -> float:
    """The share of jitter factors that are below this one."""
    return 0.5 * math.erfc(-math.log(factor) / JITTER_SIGMA / math.sqrt(2)) if factor > 0 else 0.0
