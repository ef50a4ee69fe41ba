"""Only some conversations of a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.workload.shorten import only_sessions
from toolkit.workload.traces import KeepOrDeal, load_trace

PLAIN = Path(__file__).resolve().parents[1] / "fixtures" / "traces" / "plain.jsonl"


def test_other_sessions_are_left_out_and_said() -> None:
    plan = load_trace(PLAIN, "jsonl", models=KeepOrDeal((("m", 1.0),), {}), seed=1)
    part = only_sessions(plan, {"a-1"})
    assert [request.session for request in part.requests] == ["a-1", "a-1"]
    assert part.notes[-1] == "Only the 2 of 4 requests of 1 sessions are played."
    with pytest.raises(UsageError, match="no request is of the session nobody"):
        only_sessions(plan, {"nobody"})
