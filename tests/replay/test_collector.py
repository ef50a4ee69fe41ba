"""The garbage collector is put back as it was, and meanwhile does not walk over what was there before."""

from __future__ import annotations

import gc

from toolkit.replay.collector import calm_collector


def test_thresholds_come_back_and_older_objects_are_left_alone() -> None:
    before = gc.get_threshold()
    with calm_collector():
        assert gc.get_threshold() != before
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
