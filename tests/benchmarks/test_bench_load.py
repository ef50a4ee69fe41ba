"""The load engine's own error against a server of known times, beside plain aiohttp; docs/load.md has more rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.load_table import known_times, measured

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

RATE, SECONDS = 100, 2


@pytest.mark.parametrize("kind", ["engine", "plain"])
def test_a_hundred_streams_a_second(benchmark: BenchmarkFixture, kind: str) -> None:
    """Timed is the whole process, start included; the errors stand in the extra information."""
    with known_times(core=None) as url:
        result = benchmark.pedantic(lambda: measured(url, RATE, SECONDS, kind, core=None), rounds=2)
    assert result["answers"] == RATE * (SECONDS - 1)
    benchmark.extra_info.update({key: value for key, value in result.items() if key != "void"})
