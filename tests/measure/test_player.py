"""What a replay begins with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from toolkit.measure.player import there_before

if TYPE_CHECKING:
    from toolkit.measure.recording import Recording


def test_a_whole_recording_begins_with_nothing_loaded(recording: Recording) -> None:
    assert there_before(recording) == []


def test_one_that_begins_in_the_middle_has_what_was_loaded_then_and_not_what_its_own_requests_loaded(
    recording: Recording,
) -> None:
    later = replace(recording, requests=recording.requests[200:])
    begin_ns = later.requests[0].sent_ns
    there = there_before(later)
    assert 1 <= len(there) <= 2
    assert all(life.start_ns < begin_ns < (life.gone_ns or begin_ns + 1) for life in there)
