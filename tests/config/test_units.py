from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.config.units import (
    MAX_BYTES,
    UnitError,
    format_rate,
    format_size,
    parse_rate_bytes_per_s,
    parse_size_bytes,
)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("24GiB", 24 << 30),
        ("20GB", 20 * 10**9),
        ("8.9GB", 8_900_000_000),
        ("4.7 GB", 4_700_000_000),
        ("512MiB", 512 << 20),
        ("270KiB", 276_480),
        ("1kB", 1000),
        ("1KB", 1000),
        ("0B", 0),
        ("7B", 7),
        ("0.1GiB", 107_374_182),
        ("2TB", 2 * 10**12),
        ("1TiB", 1 << 40),
    ],
)
def test_sizes(text: str, size_bytes: int) -> None:
    assert parse_size_bytes(text) == size_bytes


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("24", "unit is missing"),
        ("24G", "GB .* or GiB"),
        ("24Gb", "GB .* or GiB"),
        ("24gib", "GB .* or GiB"),
        ("24m", "MB .* or MiB"),
        ("24 bananas", "'bananas' is not a unit"),
        ("-1GB", "written like"),
        ("GB", "written like"),
        ("", "written like"),
        ("1e3GB", "written like"),
        ("1,5GB", "written like"),
        ("99999999TB", "more than"),
        ("9" * 1000 + "GB", "written like"),
    ],
)
def test_what_is_no_size_says_why(text: str, why: str) -> None:
    with pytest.raises(UnitError, match=why):
        parse_size_bytes(text)


@pytest.mark.parametrize(("text", "rate"), [("2GB/s", 2 * 10**9), ("936 GB/s", 936 * 10**9), ("1.5GiB/s", 3 << 29)])
def test_rates(text: str, rate: int) -> None:
    assert parse_rate_bytes_per_s(text) == rate


@pytest.mark.parametrize(
    ("text", "why"),
    [("2GB", "25GB/s"), ("2GB/h", "25GB/s"), ("x/s", "25GB/s"), ("2G/s", "GB .* or GiB"), ("0GB/s", "more than 0")],
)
def test_what_is_no_rate_says_why(text: str, why: str) -> None:
    with pytest.raises(UnitError, match=why):
        parse_rate_bytes_per_s(text)


@given(st.integers(0, MAX_BYTES))
def test_sizes_are_read_back_unchanged(size_bytes: int) -> None:
    assert parse_size_bytes(format_size(size_bytes)) == size_bytes


@given(st.integers(1, 10**6), st.sampled_from(["kB", "MB", "GB", "KiB", "MiB", "GiB"]))
def test_round_sizes_are_written_as_people_write_them(count: int, unit: str) -> None:
    """Never longer than the way it was written, and read back to the same."""
    size_bytes = parse_size_bytes(f"{count}{unit}")
    assert len(format_size(size_bytes)) <= len(f"{count}{unit}")
    assert parse_rate_bytes_per_s(format_rate(size_bytes)) == size_bytes
