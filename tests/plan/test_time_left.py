"""The time left is what is known to come, at the pace so far."""

from __future__ import annotations

from toolkit.plan.time_left import TimeLeft


def test_nothing_is_claimed_before_anything_is_done() -> None:
    left = TimeLeft()
    left.expects(4)
    assert left.left_s(10.0) is None


def test_the_pace_so_far_holds_for_what_is_known_to_come() -> None:
    left = TimeLeft()
    left.expects(4)
    left.finished(1)
    assert left.left_s(10.0) == 30.0
    left.expects(1)
    left.finished(4)
    assert left.left_s(10.0) == 0.0
