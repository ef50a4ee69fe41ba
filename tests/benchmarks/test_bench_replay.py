"""A day in virtual time: the whole line from a plan to records, beside the bare scheduler under the same requests.

The ratio of the two says what the client's side (routing, strategy, records) costs beside the simulation itself.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from toolkit.cache.registry import StrategyContext, build_strategy
from toolkit.host.twin import Work, build
from toolkit.host.virtual import Ask
from toolkit.replay.dispatch import Dispatcher
from toolkit.replay.records import Provenance
from toolkit.replay.virtual import play
from toolkit.routing.router import Router
from toolkit.workload.plan import Plan, PlannedRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_benchmark.fixture import BenchmarkFixture

    from toolkit.host.twin_spec import TwinSpec

REQUESTS = 5000
NAMES = ("big", "code", "fast")
OPTIONS = {name: {"num_ctx": 4096} for name in NAMES}
PROVENANCE = Provenance("1", "twin", "0.32.15", "v0.32", (), (), (), "24 GiB", "p", "0", 1, 1, None, ())


@pytest.fixture
def requests() -> list[PlannedRequest]:
    """Poisson arrivals, one in 45 s, of three models."""
    rng = random.Random(7)
    at_ns, made = 0, []
    for number in range(REQUESTS):
        at_ns += round(rng.expovariate(1 / 45) * 1e9)
        model = rng.choices(NAMES, (1, 3, 3))[0]
        made.append(PlannedRequest(str(number), at_ns, None, 0, "", None, 300, 0, 200, model, None, None))
    return made


def test_whole_line(benchmark: BenchmarkFixture, small_twin: TwinSpec, requests: Sequence[PlannedRequest]) -> None:
    plan = Plan("p", "", tuple(requests), requests[-1].at_ns or 0, 1, (), "p", "0", ())
    router = Router([], {"primary": "big"})

    def once() -> int:
        dispatcher = Dispatcher(router, build_strategy("server-default", StrategyContext()), OPTIONS)
        run = play(plan, dispatcher, small_twin, strategy="server-default", repetition=0, provenance=PROVENANCE)
        return len(run.records)

    assert benchmark(once) == REQUESTS


def test_bare_host(benchmark: BenchmarkFixture, small_twin: TwinSpec, requests: Sequence[PlannedRequest]) -> None:
    def once() -> int:
        host, _ = build(small_twin, "1:0")
        done: list[object] = []
        for request in requests:
            work = Work(request.prompt_tokens, 0, request.output_tokens, None)
            ask = Ask(request.id, str(request.model), options=(("num_ctx", 4096),), work=work)
            host.at(request.at_ns or 0, lambda ask=ask: host.submit(ask, on_done=done.append) and None)  # type: ignore[misc] # bound now
        host.run()
        return len(done)

    assert benchmark(once) == REQUESTS
