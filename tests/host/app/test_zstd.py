"""Compressed request bodies, as `/v1` takes them."""

from __future__ import annotations

import sys

import pytest

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from toolkit.host.app.zstd import MOST_BYTES, ZstdError, unpack


def test_a_body_comes_out_as_it_went_in() -> None:
    body = b'{"model": "x"}' * 100
    assert unpack(zstd.compress(body)) == body


@pytest.mark.parametrize("body", [b"", b"not zstd", zstd.compress(b"x" * 100)[:-3] + b"\xff\xff\xff"])
def test_what_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(ZstdError):
        unpack(body)


def test_a_bomb_is_refused_before_it_is_unpacked_whole() -> None:
    with pytest.raises(ZstdError, match="too large"):
        unpack(zstd.compress(bytes(MOST_BYTES + 1)))
