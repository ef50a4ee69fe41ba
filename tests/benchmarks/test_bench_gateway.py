"""What the gateway adds to the time of the first token, and to memory; docs/gateway.md has more, and longer ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvloop

from tests.benchmarks.gateway_bench import gateway
from tests.benchmarks.gateway_soak import soak, summary
from tests.benchmarks.gateway_table import added_ms, measured

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

STREAMS, SECONDS = 100, 6.0
SESSIONS = 200
"""When nothing is measured (`--benchmark-disable`), a few streams and seconds show that it works."""


def test_a_hundred_streams_at_a_time(benchmark: BenchmarkFixture) -> None:
    """The way between client and host, both directions, with the gateway on a core of its own and without it."""
    streams, seconds = (5, 0.2) if benchmark.disabled else (STREAMS, SECONDS)
    with gateway() as running:
        through = benchmark.pedantic(lambda: measured(running.url, streams, seconds, None), rounds=1)
        assert (through["failed"], len(through["added"]) > 0) == (0, not benchmark.disabled)
        if benchmark.disabled:
            return
        direct = measured(running.host_url, streams, seconds / 2, None)
    for share in (0.5, 0.9, 0.99):
        name = f"p{round(100 * share)}_ms"
        benchmark.extra_info[f"direct_{name}"] = round(added_ms(direct, share), 3)
        benchmark.extra_info[f"through_{name}"] = round(added_ms(through, share), 3)


def test_sessions_for_some_seconds(benchmark: BenchmarkFixture) -> None:
    """`make gateway-soak` does it for ten minutes with a thousand."""
    sessions, seconds = (20, 1.5) if benchmark.disabled else (SESSIONS, 30.0)
    with gateway(core=None, others=None) as running:
        work = soak(running, sessions, seconds, seconds / 10, rest_s=(seconds / 6, seconds / 2))
        samples, seen = benchmark.pedantic(uvloop.run, args=(work,), rounds=1)
    assert seen.failed == 0
    if not benchmark.disabled:
        benchmark.extra_info.update(summary(samples, seen, sessions))
