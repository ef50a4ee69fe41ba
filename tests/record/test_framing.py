"""What goes in comes out, whatever it is and however it is cut; and messages end where they end."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.record.framing import MOST_HEAD_BYTES, Body, End, Framer, Opaque
from toolkit.record.heads import Head, addressed, answer_body, parse_head, request_body

if TYPE_CHECKING:
    from toolkit.record.framing import Piece

BODIES = st.binary(max_size=40)


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A request as it is on the wire, and its content."""
    head = b"POST /api/chat HTTP/1.1\r\nHost: a\r\n"
    if draw(st.booleans()):
        body = draw(BODIES)
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body, body
    chunks = [chunk for chunk in draw(st.lists(BODIES, max_size=4)) if chunk]
    extension, trailer = draw(st.sampled_from([b"", b";x=1"])), draw(st.sampled_from([b"", b"T: 1\r\n"]))
    wire = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + wire + b"0\r\n" + trailer + b"\r\n", b"".join(chunks)


def fed(framer: Framer, data: bytes, cuts: list[int]) -> list[Piece]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [piece for start, end in pairwise(places) for piece in framer.feed(data[start:end])]


@given(several=st.lists(messages(), min_size=1, max_size=3), cuts=st.lists(st.integers(0, 10_000), max_size=12))
def test_messages_are_told_apart_however_they_are_cut(several: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    wire = b"".join(message for message, _ in several)
    pieces = fed(Framer(request_body), wire, cuts)
    assert b"".join(piece.raw for piece in pieces) == wire
    contents, now = [], b""
    for piece in pieces:
        now += piece.content if isinstance(piece, Body) else b""
        if isinstance(piece, End):
            contents.append(now)
            now = b""
    assert contents == [content for _, content in several]


@given(
    junk=st.lists(st.sampled_from([b"GET / HTTP/1.1\r\n", b"\r\n", b"\n", b"-5\r\n", b"Transfer-Encoding: chunked\r\n",
                                   b"Content-Length: x\r\n", b"\x00\xff", b"a: b", b"5;", b"zz"]), max_size=12),
    cuts=st.lists(st.integers(0, 200), max_size=6),
)  # fmt: skip
def test_whatever_it_is_it_is_passed_on_in_order(junk: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(junk)
    out = b"".join(piece.raw for piece in fed(Framer(request_body), wire, cuts))
    assert wire.startswith(out)
    assert b"\r\n\r\n" not in wire[len(out) :]  # only what may still become a head is held back


def test_a_head_without_end_is_passed_on_as_it_is() -> None:
    framer = Framer(request_body)
    assert framer.feed(b"GET / HTTP/1.1\r\n") == []
    (piece,) = framer.feed(b"a" * MOST_HEAD_BYTES)
    assert isinstance(piece, Opaque)
    assert piece.raw.startswith(b"GET / HTTP/1.1\r\naaa")


@pytest.mark.parametrize(
    ("head", "method", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"GET", 5),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"HEAD", 0),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"POST", 0),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"POST", 0),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"GET", 0),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"GET", "chunked"),
        (b"HTTP/1.0 200 OK\r\n\r\n", b"GET", "until close"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"GET", "opaque"),
        (b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n", b"GET", 1),
    ],
)
def test_how_an_answer_ends(head: bytes, method: bytes, kind: object) -> None:
    assert answer_body(parse_head(head), method) == kind


def head_of(raw: bytes) -> Head:
    return parse_head(raw)


def test_a_request_is_addressed_to_the_host_and_stays_the_same_otherwise() -> None:
    raw = b"POST /api/chat?x=/y HTTP/1.1\r\nOrigin: http://a\r\nhOsT:  proxy:1\r\nX: Host: no\r\n\r\n"
    expected = b"POST /api/chat?x=/y HTTP/1.1\r\nOrigin: http://a\r\nhOsT: real:2\r\nX: Host: no\r\n\r\n"
    assert addressed(head_of(raw), b"real:2", b"", None) == expected


def test_a_prefix_and_credentials_are_added_where_they_are_missing() -> None:
    raw = b"GET /api/tags HTTP/1.1\r\nHost: p\r\n\r\n"
    assert addressed(head_of(raw), b"r", b"/ollama", b"Basic eA==") == (
        b"GET /ollama/api/tags HTTP/1.1\r\nAuthorization: Basic eA==\r\nHost: r\r\n\r\n"
    )
    own = b"GET / HTTP/1.1\r\nHost: p\r\nauthorization: mine\r\n\r\n"
    assert b"Basic" not in addressed(head_of(own), b"r", b"", b"Basic eA==")
