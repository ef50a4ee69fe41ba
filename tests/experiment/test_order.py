"""From what was ordered to plans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from toolkit.config.durations import NS_PER_S
from toolkit.config.models import Config
from toolkit.errors import UsageError
from toolkit.experiment.order import Order, plans_for

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
ORDER = Order(
    scenario=SCENARIOS / "swap-storm.yaml", trace=None, trace_format=None, seed=None, repeat=1, num_ctx=None,
    slots=None, mix=None, speed=1.0, service_scale=1.0, limit=None,
)  # fmt: skip
AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n" + "".join(
    f"2023-11-16 18:15:{second:02}.6805900,{100 + second},{second + 1}\n" for second in range(50)
)


def test_repetitions_are_drawn_anew_with_the_next_seed() -> None:
    plans = plans_for(replace(ORDER, scenario=SCENARIOS / "bursty-team.yaml", repeat=3, seed=5), Config())
    assert [plan.seed for plan in plans] == [5, 6, 7]
    assert len({plan.requests for plan in plans}) == 3


def test_speed_and_limit_shorten_a_scenario() -> None:
    (plan,) = plans_for(replace(ORDER, speed=2.0, limit=10), Config())
    (whole,) = plans_for(ORDER, Config())
    assert len(plan.requests) == 10
    assert plan.requests[9].at_ns == (whole.requests[9].at_ns or 0) // 2


def test_a_trace_without_models_is_dealt_out_and_says_so(tmp_path: Path) -> None:
    trace = tmp_path / "azure.csv"
    trace.write_text(AZURE, encoding="utf-8")
    (plan,) = plans_for(replace(ORDER, scenario=None, trace=trace), Config())
    assert {request.model for request in plan.requests} <= set(Config().llm.model_names)
    assert any("50%" in note for note in plan.notes)
    (mixed,) = plans_for(replace(ORDER, scenario=None, trace=trace, mix="code=1"), Config())
    assert {request.model for request in mixed.requests} == {"deepseek-coder-v2:16b"}


def test_one_workload_must_be_named() -> None:
    for scenario, trace in ((None, None), (ORDER.scenario, Path("x.csv"))):
        with pytest.raises(UsageError, match="one workload"):
            plans_for(replace(ORDER, scenario=scenario, trace=trace), Config())


def test_a_file_that_is_no_trace_names_the_formats(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(UsageError, match="azure, mooncake, alibaba-genai"):
        plans_for(replace(ORDER, scenario=None, trace=tmp_path / "x.csv"), Config())


TRACES = Path(__file__).resolve().parents[1] / "fixtures" / "traces"


def test_a_mix_of_clients_is_drawn_anew_for_each_repetition() -> None:
    order = replace(ORDER, scenario=None, trace=TRACES / "clients.yaml", repeat=2, seed=4)
    first, second = plans_for(order, Config())
    assert (first.seed, second.seed) == (4, 5)
    assert first.requests != second.requests


def test_a_recording_keeps_its_models_and_num_ctx_of_the_command_line_rules() -> None:
    order = replace(ORDER, scenario=None, trace=TRACES / "plain.jsonl")
    (plan,) = plans_for(order, Config())
    assert {request.model for request in plan.requests[:3]} == {"qwen2.5:7b"}
    assert plan.requests[0].options == (("num_ctx", 4096),)
    (plan,) = plans_for(replace(order, num_ctx=2048), Config())
    assert plan.requests[0].options == ()


def test_a_scenario_has_no_end_to_be_counted_back_from() -> None:
    with pytest.raises(UsageError, match="--since belongs to --trace"):
        plans_for(replace(ORDER, last_ns=NS_PER_S), Config())
