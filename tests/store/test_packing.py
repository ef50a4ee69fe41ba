"""Times as bytes, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.store.packing import pack_ns, unpack_ns

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)


@given(st.lists(INT64).map(tuple) | st.lists(st.integers(0, 1 << 34)).map(lambda values: tuple(sorted(values))))
def test_any_list_of_times_comes_back(values: tuple[int, ...]) -> None:
    assert unpack_ns(pack_ns(values)) == values


def test_a_stream_takes_four_bytes_a_piece() -> None:
    assert len(pack_ns(tuple(range(10**9, 10**9 + 300 * 10**7, 10**7)))) == 9 + 299 * 4


@pytest.mark.parametrize("packed", [b"", b"\x00", b"\x01\x00", b"\x02\x00", b"\x01" + bytes(8) + b"x"])
def test_other_bytes_are_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="no packed list"):
        unpack_ns(packed)
