"""What the gateway adds to the time of the first token, and to memory; docs/gateway.md has more, and longer ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import uvloop

from tests.benchmarks.gateway_bench import gateway
from tests.benchmarks.gateway_soak import soak, summary
from tests.benchmarks.gateway_table import added_ms, measured

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

STREAMS, SECONDS = 100, 6.0
SESSIONS = 200


@pytest.mark.parametrize("sessions", [None, STREAMS])
def test_a_hundred_streams_at_a_time(benchmark: BenchmarkFixture, sessions: int | None) -> None:
    """The way between client and host, both directions, with the gateway on a core of its own and without it."""
    with gateway() as running:
        direct = measured(running.host_url, STREAMS, SECONDS / 2, None)
        through = benchmark.pedantic(lambda: measured(running.url, STREAMS, SECONDS, sessions), rounds=1)
    assert (direct["failed"], through["failed"]) == (0, 0)
    assert through["held"] > STREAMS / 2
    for share in (0.5, 0.9, 0.99):
        name = f"p{round(100 * share)}_ms"
        benchmark.extra_info[f"direct_{name}"] = round(added_ms(direct, share), 3)
        benchmark.extra_info[f"through_{name}"] = round(added_ms(through, share), 3)


def test_sessions_for_some_seconds(benchmark: BenchmarkFixture) -> None:
    """`make gateway-soak` does it for ten minutes with a thousand."""
    with gateway(core=None, others=None) as running:
        samples, seen = benchmark.pedantic(lambda: uvloop.run(soak(running, SESSIONS, 10.0, 0.5)), rounds=1)
    assert seen.failed == 0
    benchmark.extra_info.update(summary(samples, seen, SESSIONS))
