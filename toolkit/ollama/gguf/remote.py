"""A header over HTTP: a few ranges of a file that may be many gigabytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from toolkit.errors import HostError
from toolkit.ollama.gguf.reader import read_header
from toolkit.ollama.gguf.source import RangeSource

if TYPE_CHECKING:
    import httpx

    from toolkit.ollama.gguf.reader import Limits
    from toolkit.ollama.gguf.records import Header

_PARTIAL: Final = 206
_BEYOND_THE_END: Final = 416


def read_url(client: httpx.Client, url: str, limits: Limits | None = None) -> Header:
    """Read the header at `url`. Raises HostError if the server does not serve ranges, GgufError for what it serves."""
    size: int | None = None

    def fetch(first: int, length: int) -> bytes:
        nonlocal size
        with client.stream("GET", url, headers={"Range": f"bytes={first}-{first + length - 1}"}) as answer:
            if answer.status_code == _BEYOND_THE_END:
                return b""
            if answer.status_code != _PARTIAL:
                raise HostError(
                    f"{url}: status {answer.status_code} instead of a part of the file; it must serve ranges"
                )
            total = answer.headers.get("content-range", "").rpartition("/")[2]
            size = int(total) if total.isdigit() else None
            return _at_most(answer, length)

    header = read_header(RangeSource(fetch), url, limits)
    return header if size is None else replace(header, file_bytes=size)


def _at_most(answer: httpx.Response, length: int) -> bytes:
    """The body, but never more than was asked for."""
    chunks: list[bytes] = []
    have = 0
    for chunk in answer.iter_bytes():
        chunks.append(chunk)
        have += len(chunk)
        if have >= length:
            break
    return b"".join(chunks)[:length]
