from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.workload.traces.clock import MomentError, parse_moment_ns


@given(moment=st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1)), nanoseconds=st.integers(0, 999))  # noqa: DTZ001 - hypothesis adds the zone
def test_a_moment_is_read_to_the_nanosecond(moment: datetime, nanoseconds: int) -> None:
    passed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    expected = ((passed.days * 86_400 + passed.seconds) * 10**6 + passed.microseconds) * 1000 + nanoseconds
    assert parse_moment_ns(f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond * 1000 + nanoseconds:09d}") == expected


def test_fractions_of_any_length_up_to_nanoseconds() -> None:
    start = parse_moment_ns("2023-11-16 18:15:46")
    assert parse_moment_ns("2023-11-16T18:15:46.6805900Z") - start == 680_590_000
    assert parse_moment_ns("2023-11-16 18:15:46.5") - start == 500_000_000


@pytest.mark.parametrize(
    "text", ["", "2023-11-16", "2023-11-16 24:00:00", "2023-13-16 18:15:46", "2023-11-16 18:15:46.", "x"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(MomentError):
        parse_moment_ns(text)
