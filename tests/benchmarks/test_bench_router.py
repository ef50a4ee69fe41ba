"""What a routing decision costs with 20 custom rules: the promise is under 10 µs.

The least time of many rounds is compared with the promise: the machine's other work only adds. With benchmarks
switched off the same calls are made once and only their answers are checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.routing.router import Router, Rule

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

MODELS = {"primary": "qwen2.5:32b", "code": "deepseek-coder-v2:16b", "fast": "qwen2.5:7b"}
RULES = (
    *(Rule(rf"\b(topic{number}|subject {number}|(?i)thing{number}s?)\b", "special:3b") for number in range(18)),
    Rule("(code|function|implement|debug|class|def |fn )", MODELS["code"]),
    Rule("^.{0,100}$", MODELS["fast"]),
)
PROSE = "Tell me about the history of the lighthouse, its keepers, and the ships that it could not save from rocks. "
PROMPTS = {
    "first rule": (PROSE * 4 + "topic0", "special:3b"),
    "last rule": ("Where is the station?", "qwen2.5:7b"),
    "no rule, heuristic": (PROSE * 4 + "Python?", "deepseek-coder-v2:16b"),
    "no rule, default": (PROSE * 4, "qwen2.5:32b"),
    "not ASCII": (
        "Erzähl mir etwas über Leuchttürme und ihre Wärter, über Stürme und verlorene Schiffe. " * 4,
        "qwen2.5:32b",
    ),
}
PROMISE_S = 10e-6


@pytest.mark.parametrize("kind", PROMPTS)
def test_a_decision_with_twenty_rules_takes_under_ten_microseconds(benchmark: BenchmarkFixture, kind: str) -> None:
    assert len(RULES) == 20
    router = Router(RULES, MODELS)
    text, expected = PROMPTS[kind]
    decision = benchmark(router.route, text)
    assert decision.model == expected
    if benchmark.stats is not None:
        assert benchmark.stats.stats.min < PROMISE_S


def test_a_long_prompt_costs_its_length(benchmark: BenchmarkFixture) -> None:
    """A prompt of 100,000 characters: well under a millisecond."""
    router = Router(RULES, MODELS)
    decision = benchmark(router.route, PROSE * 1_000)
    assert decision.model == MODELS["primary"]
    if benchmark.stats is not None:
        assert benchmark.stats.stats.min < 1e-3


def test_rules_one_by_one_for_comparison(benchmark: BenchmarkFixture) -> None:
    """The fallback where a set has no memory: same answers, more time."""
    router = Router(RULES, MODELS, set_memory_bytes=1_000)
    assert benchmark(router.route, PROSE * 4).model == MODELS["primary"]
