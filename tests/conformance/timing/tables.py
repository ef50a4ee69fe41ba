"""The figures as Markdown tables, and the places for them in docs/validation.md."""

from __future__ import annotations

import re
import statistics
from typing import TYPE_CHECKING

from tests.conformance.timing.figures import JITTERED_RUNS
from tests.conformance.timing.host import DISK_BYTES_PER_S, PAGE_CACHE_BYTES_PER_S, RECORDED_NAMES
from toolkit.measure.matrix import COLD, RESIDENT
from toolkit.stats.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.conformance.timing.figures import MatrixFigures, TraceFigures
    from toolkit.measure.agreement import Agreement, Errors
    from toolkit.measure.matrix import Row

NS_PER_S = 1e9
NS_PER_MS = 1e6
GB = 1e9
CLOSE_NS = 60_000_000
"""A quarter of the time between two looks: closer than this, the number of looks was right."""
KINDS = {
    RESIDENT: "in memory already",
    "load_warm": "from the page cache",
    "quantum": "from the page cache, 25 times each for the two smallest",
    "swap": "from the page cache, another model first has to stop",
    COLD: "from disk, read before",
}
FIRST = "from disk, for the very first time"


def renewed(document: str, tables: Mapping[str, str]) -> str:
    """The document with each table between its two marks; raises KeyError for a mark without a table."""
    return re.sub(
        r"<!-- (\w+) -->.*?<!-- /\1 -->",
        lambda found: f"<!-- {found[1]} -->\n{tables[found[1]]}\n<!-- /{found[1]} -->",
        document,
        flags=re.DOTALL,
    )


def blocks(trace: TraceFigures, matrix: MatrixFigures) -> dict[str, str]:
    """The tables by the name of their place in the document."""
    return {
        "trace": _trace_table(trace),
        "undone": _undone_table(trace),
        "disagreements": _disagreement_table(trace.modelled),
        "matrix": _matrix_table(matrix),
        "models": _model_table(matrix),
        "stops": _stop_table(matrix),
        "speeds": _speed_table(matrix),
        "rule": _rule_table(matrix),
    }


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _share(count: int, of: int) -> str:
    return f"{count} of {of} ({100 * count / of:.1f} %)"


def _spread(errors: Errors) -> str:
    return f"{_ms(errors.median_s)}, {_ms(errors.p95_s)}, {_ms(errors.max_s)}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _trace_table(figures: TraceFigures) -> str:
    both = (figures.modelled, figures.recorded_durations)
    rows: list[tuple[str, list[str]]] = [
        (
            "requests that found their model the same way (in memory, being loaded, not there, with other options)",
            [_share(one.same_found, one.requests) for one in both],
        ),
        (
            f"the same in the worst of {JITTERED_RUNS} runs whose durations vary by 8 %",
            [_share(figures.least_same_found, figures.modelled.requests), "-"],
        ),
        ("loads, recorded: told", [f"{one.loads_recorded}: {one.loads_told}" for one in both]),
        (
            "loads for the same request with the same victims",
            [_share(one.same_victims, one.loads_recorded) for one in both],
        ),
        ("seconds at which `/api/ps` lists the same models", [_share(one.same_looks, one.looks) for one in both]),
        ("error of the wait for the model: median, 95th percentile, largest", [_spread(one.waits) for one in both]),
        ("the same, loads only", [_spread(one.load_waits) for one in both]),
        (
            f"the same, the {figures.modelled.quiet_load_waits.count} loads on a quiet machine (load average below 1)",
            [_spread(one.quiet_load_waits) for one in both],
        ),
        ("error of the time when the answer was complete", [_spread(one.ends) for one in both]),
        (
            "requests that waited more than 3 s, recorded: told: both",
            [
                f"{len(one.long_waits_recorded)}: {len(one.long_waits_told)}: "
                f"{len(set(one.long_waits_recorded) & set(one.long_waits_told))}"
                for one in both
            ],
        ),
    ]
    return _table(["", "loads and stops as modelled", "as recorded"], [[name, *cells] for name, cells in rows])


def _undone_table(figures: TraceFigures) -> str:
    rows = []
    told = {one.number: one for one in figures.modelled.undone_told}
    for one in figures.modelled.undone_recorded:
        other = told.get(one.number)
        rows.append(
            [
                str(one.number),
                one.victim,
                f"{one.waited_ns / NS_PER_S:.2f} s",
                "-" if other is None else f"{other.waited_ns / NS_PER_S:.2f} s",
                f"{figures.undone_by_request.get(one.number, 0)} of {JITTERED_RUNS}",
            ]
        )
    return _table(["request", "victim", "recorded wait", "told", "with jitter, undone in"], rows)


def _disagreement_table(agreement: Agreement) -> str:
    return _table(
        ["request", "model", "recorded", "told"],
        [[str(one.number), one.model, one.recorded, one.told] for one in agreement.disagreements],
    )


def _kind(row: Row) -> str:
    return FIRST if row.kind == COLD and row.first_round else KINDS[row.kind]


def _matrix_table(figures: MatrixFigures) -> str:
    kinds = [*KINDS.values(), FIRST]
    rows = []
    for kind in kinds:
        errors = sorted(abs(row.wait_ns - told) for row, told in figures.pairs if _kind(row) == kind)
        rows.append(
            [
                kind,
                str(len(errors)),
                f"{quantile(errors, 0.5) / NS_PER_MS:.0f} ms",
                f"{errors[-1] / NS_PER_MS:.0f} ms",
                _share(sum(error < CLOSE_NS for error in errors), len(errors)),
            ]
        )
    return _table(["load", "rows", "median error", "largest", "within 60 ms"], rows)


def _model_table(figures: MatrixFigures) -> str:
    rows = []
    for name in RECORDED_NAMES:
        of_model = [(row, told) for row, told in figures.pairs if row.model == name]
        if of_model:
            cells = [_medians(of_model, kind) for kind in ("load_warm", "swap", COLD)]
            rows.append([name, *cells])
    return _table(["model", "from the page cache", "after a stop", "from disk, read before"], rows)


def _medians(of_model: Sequence[tuple[Row, int]], kind: str) -> str:
    """Recorded median → told median, over all rows of a kind."""
    chosen = [(row.wait_ns, told) for row, told in of_model if _kind(row) == KINDS[kind]]
    if not chosen:
        return "-"
    recorded, told = (statistics.median(values) / NS_PER_S for values in zip(*chosen, strict=True))
    return f"{recorded:.2f} → {told:.2f} s"


def _stop_table(figures: MatrixFigures) -> str:
    return _table(
        ["model", "stops", "recorded median", "told"],
        [
            [name, str(len(taken)), f"{statistics.median(taken) / NS_PER_MS:.0f} ms", f"{told / NS_PER_MS:.0f} ms"]
            for name, taken, told in figures.stops
        ],
    )


def _speed_table(figures: MatrixFigures) -> str:
    fits = (
        ("from the page cache, and buffers", figures.page_cache_bytes_per_s, PAGE_CACHE_BYTES_PER_S),
        ("from disk, read before", figures.disk_bytes_per_s, DISK_BYTES_PER_S),
        ("from disk, for the very first time", figures.first_round_disk_bytes_per_s, None),
    )
    return _table(
        ["speed at which one thread fills memory", "fit", "used"],
        [[name, _speed(fit), "-" if used is None else _speed(used)] for name, fit, used in fits],
    )


def _speed(bytes_per_s: float) -> str:
    return f"{bytes_per_s / GB:.2f} GB/s"


def _rule_table(figures: MatrixFigures) -> str:
    return _table(
        ["what a load fills", f"probability given to the recorded number of looks, {figures.cached_rows} rows"],
        [
            ["the file's bytes alone", f"{figures.likelihood_of_file_alone:.3f}"],
            ["the file's bytes, KV cache and scratch buffers", f"{figures.likelihood:.3f}"],
        ],
    )
