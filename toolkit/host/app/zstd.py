"""zstd request bodies, which `/v1` takes. Python has the codec from 3.14 on; before, the package `backports.zstd`."""

from __future__ import annotations

import importlib
from typing import Any

_MODULES = ("compression.zstd", "backports.zstd")
MOST_BYTES = 20 << 20
"""The server refuses to unpack more."""


class ZstdError(Exception):
    """The body cannot be unpacked; the message is the server's."""


def unpack(body: bytes) -> bytes:
    """The content of a zstd body. Raises ZstdError."""
    codec = _codec()
    if codec is None:
        raise ZstdError("failed to decompress request body")
    if not body.startswith(b"\x28\xb5\x2f\xfd"):
        raise ZstdError("unexpected EOF" if not body else "invalid input: magic number mismatch")
    try:
        content: bytes = codec.ZstdDecompressor().decompress(body, MOST_BYTES + 1)
    except codec.ZstdError as error:
        raise ZstdError(f"invalid input: {error}") from error
    if len(content) > MOST_BYTES:
        raise ZstdError("http: request body too large")
    return content


def _codec() -> Any:
    for name in _MODULES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None
