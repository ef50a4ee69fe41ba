"""What a request costs the gateway after its answer, and what its numbers hold of memory after an hour."""

from __future__ import annotations

import json
import tracemalloc
from random import Random
from typing import TYPE_CHECKING

from tests.gateway.conftest import gateway_to
from toolkit.gateway.ask import Ask
from toolkit.gateway.course import Course
from toolkit.gateway.ledger import Ledger
from toolkit.gateway.metrics import GatewayMetrics
from toolkit.gateway.reading import Reading
from toolkit.gateway.stats import GatewayStats
from toolkit.gateway.totals import NS_PER_S
from toolkit.gateway.tracing import TraceWriter
from toolkit.record.log import TraceLog
from toolkit.record.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

MODELS = ("qwen2.5:32b", "llama3.1:8b", "codellama:13b", "mistral:7b", "phi3:mini")
REASONS = ("asked for by name", "rule 1", "rule 2", "default")
A_MINUTE, MINUTES = 100, 60


def courses(count: int, random: Random, begin_ns: int = 0) -> list[Course]:
    """Requests of sessions that send nine messages, in the order in which they end; one in thirty is a load."""
    made, now_ns = [], begin_ns
    for number in range(count):
        now_ns += 60 * NS_PER_S // A_MINUTE
        said = [{"role": "user", "content": f"{number % 300} {each} please explain " * 8} for each in range(9)]
        ask = Ask(
            "chat", "/api/chat", {"messages": said}, random.choice(MODELS), random.choice(REASONS),
            session=f"s-{number % 300}",
        )  # fmt: skip
        course = Course(ask, now_ns - 5 * NS_PER_S, "host-0", waited_ns=int(random.lognormvariate(11, 1.5)))
        course.first_ns, course.done_ns = now_ns - 4 * NS_PER_S, now_ns
        course.found, course.outcome, course.status = ("cold" if number % 30 == 0 else "hit"), "ok", 200
        course.reading = Reading(
            load_ns=int(random.lognormvariate(22, 0.5)) if number % 30 == 0 else 3_000_000,
            prompt_tokens=random.randint(20, 4000),
            prompt_ns=10**8,
            answer_tokens=random.randint(5, 400),
            answer_ns=10**9,
        )
        made.append(course)
    return made


def ledger(file: Path, clock_ns: Callable[[], int]) -> Ledger:
    fleet = gateway_to("http://127.0.0.1:9").fleet
    fleet.backends[0].installed = dict.fromkeys(MODELS, 10)
    trace = TraceWriter(TraceLog(file), Sessions("b", 4096), lambda: 10**18, clock_ns, texts=False)
    return Ledger(fleet, GatewayStats(0), GatewayMetrics(), clock_ns, trace.write)


def test_a_request_is_written_down(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    made, now = courses(20 if benchmark.disabled else 2000, Random(1)), [0]
    written = ledger(tmp_path / "trace.jsonl", lambda: now[0])

    def all_of_them() -> None:
        for course in made:
            now[0] = course.done_ns or 0
            written.began()
            written.ended(course)

    benchmark.pedantic(all_of_them, rounds=1 if benchmark.disabled else 5)
    benchmark.extra_info["requests_a_round"] = len(made)
    assert written.stats()["requests"] % len(made) == 0


def test_what_an_hour_of_numbers_holds(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """After one hour nothing is added any more: three hours hold what one does."""
    hours, minutes = (1, 2) if benchmark.disabled else (3, MINUTES)
    held_kib: list[int] = []

    def hours_of_them() -> None:
        now, random = [0], Random(2)
        written = ledger(tmp_path / "trace.jsonl", lambda: now[0])
        written.stats()
        tracemalloc.start()
        try:
            for _ in range(hours):
                for _ in range(minutes):
                    for course in courses(A_MINUTE // 5 if benchmark.disabled else A_MINUTE, random, now[0]):
                        now[0] = course.done_ns or 0
                        written.began()
                        written.ended(course)
                del course
                held_kib.append(tracemalloc.get_traced_memory()[0] >> 10)
        finally:
            tracemalloc.stop()

    benchmark.pedantic(hours_of_them, rounds=1)
    benchmark.extra_info["held_kib"] = json.dumps(held_kib)
    assert len(held_kib) == hours
