"""What it costs to read a day's scenario or a trace of 16,000 rows: well under a second, with room for a slow machine.

The least time of a few rounds is compared with the promise: the machine's other work only adds. With benchmarks
switched off the same calls are made once and only their answers are checked.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from toolkit.workload.scenario import load_scenario
from toolkit.workload.traces import ByRank, SeededMix, load_trace

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

ROWS = 16_093
PROMISE_S = 1.0
START = datetime(2024, 5, 1, tzinfo=UTC)


def _moments() -> list[str]:
    return [f"{START + timedelta(seconds=37 * row):%Y-%m-%d %H:%M:%S}" for row in range(ROWS)]


def _azure() -> str:
    rows = [f"{moment}.1234567,{row % 4000},{row % 500}" for row, moment in enumerate(_moments())]
    return "\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *rows])


def _alibaba() -> str:
    header = "gmt_create,predict_status,exec_time_seconds,groupId,prompt_length,checkpoint_model_version_id"
    rows = [
        f"{moment},SUCCEED,{row % 60}.0,G{row % 900},{row % 200}.0,M{row % 78}" for row, moment in enumerate(_moments())
    ]
    return "\n".join([header, *rows])


def _mooncake() -> str:
    """Conversations of ten turns that grow by two blocks a turn."""
    lines = []
    for row in range(ROWS):
        first, turn = row % 1600 * 100, row // 1600
        blocks = ", ".join(str(block) for block in (0, *range(first + 1, first + 2 * turn + 3)))
        length = 512 * (2 * turn + 3)
        lines.append(
            f'{{"timestamp": {row * 200}, "input_length": {length}, "output_length": 99, "hash_ids": [{blocks}]}}'
        )
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("kind", "content"), [("azure", _azure()), ("mooncake", _mooncake()), ("alibaba-genai", _alibaba())]
)
def test_a_trace_of_sixteen_thousand_rows_is_read_in_well_under_a_second(
    benchmark: BenchmarkFixture, tmp_path: Path, kind: str, content: str
) -> None:
    path = tmp_path / "trace"
    path.write_text(content)
    hosts = ("primary", "code", "fast")
    models = ByRank(hosts) if kind == "alibaba-genai" else SeededMix(tuple((host, 1.0) for host in hosts))
    plan = benchmark.pedantic(load_trace, (path, kind), {"models": models, "seed": 1}, rounds=3)
    assert len(plan.requests) == ROWS
    if benchmark.stats is not None:
        assert benchmark.stats.stats.min < PROMISE_S


def test_a_day_is_planned_in_well_under_a_second(benchmark: BenchmarkFixture, project_dir: Path) -> None:
    plan = benchmark.pedantic(load_scenario, (project_dir / "scenarios" / "working-day.yaml",), rounds=3)
    assert len(plan.requests) > 400
    if benchmark.stats is not None:
        assert benchmark.stats.stats.min < PROMISE_S
