"""Heads of HTTP/1 messages: what they say about the body, and a request's made out to another host. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

CHUNKED, UNTIL_CLOSE, OPAQUE = "chunked", "until close", "opaque"
BodyKind: TypeAlias = int | str
"""How a body ends: after so many bytes (0: there is none), by its chunks, with the connection, or nobody knows."""

_LINE_END = re.compile(rb"\r?\n")
_BODYLESS = frozenset({204, 304})


class NotHttpError(ValueError):
    """The bytes are not the head of an HTTP/1 message."""


@dataclass(frozen=True, slots=True)
class Head:
    """A head as it came: `raw` with its blank line, the first line's three parts, header names in lower case."""

    raw: bytes
    first: tuple[bytes, bytes, bytes]
    headers: tuple[tuple[bytes, bytes], ...]

    def header(self, name: bytes) -> bytes | None:
        """The first header of this name (given in lower case)."""
        return next((value for key, value in self.headers if key == name), None)

    @property
    def method(self) -> bytes:
        """Of a request."""
        return self.first[0]

    @property
    def path(self) -> bytes:
        """Of a request: its target without the query."""
        return self.first[1].partition(b"?")[0]

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.first[1])


def parse_head(raw: bytes) -> Head:
    """Read a head that ends with its blank line. Raises NotHttpError."""
    lines = _LINE_END.split(raw.lstrip(b"\r\n"))
    parts = lines[0].split(b" ", 2)
    is_answer = parts[0].startswith(b"HTTP/1.")
    if is_answer and (len(parts) < 2 or not parts[1].isdigit()):  # noqa: PLR2004 - the reason may be missing
        raise NotHttpError("the first line of an answer has no status")
    if not is_answer and (len(parts) != 3 or not parts[2].startswith(b"HTTP/1.")):  # noqa: PLR2004 - method target version
        raise NotHttpError("the first line is not that of an HTTP/1 request")
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            headers.append((name.strip().lower(), value.strip()))
    return Head(raw, (parts[0], parts[1], parts[2] if len(parts) > 2 else b""), tuple(headers))  # noqa: PLR2004 - as above


def request_body(head: Head) -> BodyKind:
    """How a request's body ends (RFC 9112, 6.3)."""
    return _framed(head, otherwise=0)


def answer_body(head: Head, method: bytes) -> BodyKind:
    """How the body of an answer to `method` ends (RFC 9112, 6.3)."""
    status = head.status
    if status == 101 or (method == b"CONNECT" and status < 300):  # noqa: PLR2004 - another protocol begins
        return OPAQUE
    if method == b"HEAD" or status < 200 or status in _BODYLESS:  # noqa: PLR2004 - interim answers
        return 0
    return _framed(head, otherwise=UNTIL_CLOSE)


def _framed(head: Head, otherwise: BodyKind) -> BodyKind:
    coding = head.header(b"transfer-encoding")
    if coding is not None:
        return CHUNKED if coding.lower().endswith(b"chunked") else otherwise
    length = head.header(b"content-length")
    if length is None:
        return otherwise
    if not length.isdigit():
        raise NotHttpError("the Content-Length is not a number")
    return int(length)


def addressed(head: Head, authority: bytes, prefix: bytes, authorization: bytes | None) -> bytes:
    """A request's head for another host: its Host, a path before the target, credentials if it brings none.

    Ollama refuses names that it does not know, so the client's own Host must not get there. Everything else stays as it
    is: order, case, Origin, whatever belongs to one connection (that connection has exactly one on the other side).
    """
    raw = head.raw
    if prefix and head.first[1].startswith(b"/"):
        raw = raw.replace(b" /", b" " + prefix + b"/", 1)
    lines = raw.split(b"\n")
    for number, line in enumerate(lines):
        name, colon, _ = line.partition(b":")
        if number and colon and name.strip().lower() == b"host":
            lines[number] = name + b": " + authority + (b"\r" if line.endswith(b"\r") else b"")
    if authorization is not None and head.header(b"authorization") is None:
        lines.insert(next(number for number, line in enumerate(lines) if line.strip()) + 1,
                     b"Authorization: " + authorization + b"\r")  # fmt: skip
    return b"\n".join(lines)
