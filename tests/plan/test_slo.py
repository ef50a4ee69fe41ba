"""Promises as they are typed."""

from __future__ import annotations

import pytest

from toolkit.errors import UsageError
from toolkit.plan.slo import parse_slos
from toolkit.workload.plan import Slo


def test_a_promise_is_a_metric_a_limit_and_a_share() -> None:
    assert parse_slos(["ttft=5s@95%", " e2e = 1m30s @ 99.5 % "]) == (
        Slo("ttft", 5_000_000_000, 0.95),
        Slo("e2e", 90_000_000_000, 0.995),
    )


@pytest.mark.parametrize("text", ["ttft<5s", "tpot=5s@95%", "ttft=5@95%", "ttft=0s@95%", "ttft=5s@0%", "ttft=5s@101%"])
def test_what_is_no_promise_is_refused_with_an_example_or_the_reason(text: str) -> None:
    with pytest.raises(UsageError, match="--slo"):
        parse_slos([text])
