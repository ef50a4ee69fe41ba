"""What the options do to a trace, whatever its format."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.config.durations import NS_PER_S
from toolkit.errors import InputError
from toolkit.workload.traces import KeepNames, SeededMix, load_trace

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "traces"
GENAI = FIXTURES / "alibaba_genai.csv"


def moments_s(**options: float) -> list[float]:
    plan = load_trace(GENAI, "alibaba-genai", models=KeepNames(), seed=1, **options)  # type: ignore[arg-type] # test rows
    return [(request.at_ns or 0) / NS_PER_S for request in plan.requests]


def test_speed_divides_the_gaps_and_leaves_the_service_times() -> None:
    assert moments_s(speed=2.0) == [0, 10, 10, 30, 75, 120]
    plan = load_trace(GENAI, "alibaba-genai", models=KeepNames(), seed=1, speed=2.0)
    assert plan.requests[0].service_ns == 30 * NS_PER_S
    assert plan.duration_ns == 120 * NS_PER_S
    assert "The trace is played 2 times as fast as it was recorded." in plan.notes


def test_service_times_can_be_scaled_on_their_own() -> None:
    plan = load_trace(GENAI, "alibaba-genai", models=KeepNames(), seed=1, service_scale=0.5)
    assert [request.service_ns for request in plan.requests][:4] == [15 * NS_PER_S, 6 * NS_PER_S, 1_750_000_000, None]
    assert plan.duration_ns == 240 * NS_PER_S


def test_limit_and_duration_take_the_beginning() -> None:
    assert moments_s(limit=3) == [0, 20, 20]
    assert moments_s(limit=99) == moments_s()
    assert moments_s(duration_ns=60 * NS_PER_S) == [0, 20, 20]
    assert moments_s(duration_ns=60 * NS_PER_S, speed=2.0) == [0, 10, 10]
    plan = load_trace(GENAI, "alibaba-genai", models=KeepNames(), seed=1, limit=2)
    assert "Only the first 2 of 6 requests are played." in plan.notes


@pytest.mark.parametrize(
    "options", [{"speed": 0.0}, {"speed": float("nan")}, {"service_scale": -1.0}, {"limit": 0}, {"duration_ns": 0}]
)
def test_options_that_make_no_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(InputError, match="give"):
        moments_s(**options)


def test_rows_out_of_order_are_sorted_and_the_reader_is_told(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    rows = ["2023-11-16 00:00:10,1,1", "2023-11-16 00:00:05,2,2", "2023-11-16 00:00:10,3,3"]
    path.write_text("\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *rows]))
    plan = load_trace(path, "azure", models=SeededMix((("m", 1.0),)), seed=1)
    assert [(request.at_ns, request.prompt_tokens) for request in plan.requests] == [
        *((0, 2), (5 * NS_PER_S, 1), (5 * NS_PER_S, 3))
    ]
    assert "2 rows stood out of order in the file and were sorted by time." in plan.notes


def test_a_plan_carries_the_identity_of_its_file() -> None:
    plan = load_trace(GENAI, "alibaba-genai", models=KeepNames(), seed=5)
    assert (plan.name, plan.source, plan.seed) == ("alibaba_genai", str(GENAI), 5)
    assert len(plan.source_sha256) == 64
    assert plan == load_trace(GENAI, "alibaba-genai", models=KeepNames(), seed=5)
