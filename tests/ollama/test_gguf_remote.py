"""A header over HTTP ranges, from a server in memory."""

from __future__ import annotations

import struct

import httpx
import pytest

from toolkit.errors import HostError
from toolkit.ollama.gguf.remote import read_url

KEY = b"general.architecture"
HEADER = (
    b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", len(KEY)) + KEY + struct.pack("<IQ", 8, 5) + b"llama"
)
FILE = HEADER + bytes(100_000)


def ranged(request: httpx.Request) -> httpx.Response:
    first, last = (int(part) for part in request.headers["range"].removeprefix("bytes=").split("-"))
    if first >= len(FILE):
        return httpx.Response(416)
    part = FILE[first : last + 1]
    return httpx.Response(206, content=part, headers={"content-range": f"bytes {first}-{last}/{len(FILE)}"})


def test_the_header_and_the_size_of_the_file_are_read() -> None:
    with httpx.Client(transport=httpx.MockTransport(ranged)) as client:
        header = read_url(client, "http://127.0.0.1/model.gguf")
    assert (header.architecture, header.file_bytes) == ("llama", len(FILE))


def test_a_server_without_ranges_is_refused_before_it_sends_everything() -> None:
    with (
        httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=FILE))) as client,
        pytest.raises(HostError, match="must serve ranges"),
    ):
        read_url(client, "http://127.0.0.1/model.gguf")


def test_a_file_that_ends_early_is_named() -> None:
    def cut(request: httpx.Request) -> httpx.Response:
        answer = ranged(request)
        return (
            httpx.Response(206, content=answer.content[:20])
            if "bytes=0" in request.headers["range"]
            else httpx.Response(416)
        )

    with (
        httpx.Client(transport=httpx.MockTransport(cut)) as client,
        pytest.raises(Exception, match="too early"),
    ):
        read_url(client, "http://127.0.0.1/model.gguf")
