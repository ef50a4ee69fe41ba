"""However the network cuts a stream, the lines are the same; and no line may grow without limit."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from toolkit.ollama.ndjson import LineSplitter, LineTooLongError

NASTY = st.sampled_from([b"\n", b"\r\n", b"\r", b"\x0b\x0c\x1c\x1d\x1e\x85", "\u2028\u2029\u0085".encode(), b"{}", b""])
STREAMS = st.lists(st.one_of(NASTY, st.binary(max_size=20)), max_size=30).map(b"".join)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:stop] for start, stop in itertools.pairwise(bounds)]


@given(STREAMS, st.lists(st.integers(0, 10_000), max_size=40))
@example(b"a\n\nb", [1, 2])
@example(b"\n", [])
def test_any_cut_gives_the_same_lines(data: bytes, places: list[int]) -> None:
    *lines, rest = data.split(b"\n")
    splitter = LineSplitter()
    found = [line for piece in cut(data, places) for line in splitter.feed(piece)]
    assert found == lines
    assert splitter.rest() == rest
    assert splitter.rest() == b""


@given(STREAMS, st.lists(st.integers(0, 10_000), max_size=40), st.integers(1, 25))
def test_the_limit_holds_for_exactly_the_lines_that_pass_it(data: bytes, places: list[int], limit: int) -> None:
    longest = max(map(len, data.split(b"\n")))
    splitter = LineSplitter(max_line_bytes=limit)

    def feed_all() -> None:
        for piece in cut(data, places):
            splitter.feed(piece)

    if longest > limit:
        with pytest.raises(LineTooLongError):
            feed_all()
    else:
        feed_all()


def test_unicode_line_ends_are_ordinary_characters() -> None:
    text = '{"content":"a\u2028b\u0085c\x1d"}'.encode()
    assert LineSplitter().feed(text + b"\n") == [text]


def test_a_line_in_a_million_pieces_takes_linear_time() -> None:
    """A quadratic splitter copies 500 GB here; ours needs a second at most."""
    splitter = LineSplitter()
    for _ in range(1_000_000):
        assert splitter.feed(b"x") == []
    assert splitter.feed(b"\n") == [b"x" * 1_000_000]
