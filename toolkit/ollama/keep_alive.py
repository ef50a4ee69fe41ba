"""The keep_alive of the API and of the server's environment, read as the server reads them and written for it.

A number is seconds, a string is a Go duration, null is "not given". Negative means for ever, and so does the longest
duration there is. Numbers from 9223372037 s on do not fit into 64 bits of nanoseconds: the server then holds the most
negative duration, which unloads as soon as the model is idle.
Source: `behaviour.md` section 3 and the recorded answers of a real server.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from toolkit.config.durations import (
    FOREVER_NS,
    MAX_NS,
    MIN_NS,
    NS_PER_S,
    DurationError,
    format_duration,
    parse_duration_ns,
)
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVER_FOREVER_NS = MAX_NS
"""What the server makes of every negative keep_alive."""
OVERFLOWED_NS = MIN_NS
"""What the server makes of a number of seconds that is too large: unload when idle."""
DEFAULT_NS = 300 * NS_PER_S
"""What the server uses where neither request nor environment says anything it understands."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")


class KeepAliveError(UsageError):
    """A keep_alive that the server answers with status 400; the message is the server's own sentence."""


def parse_keep_alive(value: Any) -> int | None:
    """The nanoseconds that a JSON keep_alive means to the server; None if it is null, that is, not given.

    `SERVER_FOREVER_NS` for everything negative, `OVERFLOWED_NS` for numbers beyond 64 bits of nanoseconds.

    Raises:
        KeepAliveError: neither a number nor a Go duration.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        raise KeepAliveError("Unsupported type: 'bool'")
    if isinstance(value, int | float):
        return _number_ns(value)
    if isinstance(value, str):
        try:
            duration_ns = parse_duration_ns(value)
        except DurationError as error:
            raise KeepAliveError(error.go_message) from None
        return SERVER_FOREVER_NS if duration_ns < 0 else duration_ns
    kind = "map[string]interface {}" if isinstance(value, dict) else "[]interface {}"
    raise KeepAliveError(f"Unsupported type: '{kind}'")


def parse_environment(environment: Mapping[str, str]) -> int:
    """The server's default keep_alive by its `OLLAMA_KEEP_ALIVE`: a Go duration or whole seconds, else five minutes."""
    text = environment.get("OLLAMA_KEEP_ALIVE", "").strip().strip("\"'")
    duration_ns = parse_environment_duration(text)
    if duration_ns is None:
        return DEFAULT_NS
    return SERVER_FOREVER_NS if duration_ns < 0 else duration_ns


def parse_environment_duration(text: str) -> int | None:
    """A duration of the server's environment: as Go writes it, or whole seconds; None if it is neither.

    Seconds beyond 64 bits of nanoseconds wrap around, as they do in the server.
    """
    try:
        return parse_duration_ns(text)
    except DurationError:
        pass
    if not _INTEGER.fullmatch(text) or not MIN_NS <= int(text) <= MAX_NS:
        return None
    return (int(text) * NS_PER_S - MIN_NS) % (1 << 64) + MIN_NS


def encode_keep_alive(keep_alive_ns: int) -> str | int:
    """What to send for a duration: a Go string, exact to the nanosecond; 0 unloads, -1 (any negative) is for ever.

    `parse_keep_alive(encode_keep_alive(ns)) == ns` from 0 to `MAX_NS`.
    """
    if keep_alive_ns < 0:
        return FOREVER_NS
    return format_duration(keep_alive_ns) if keep_alive_ns else 0


def _number_ns(seconds: float) -> int:
    if seconds < 0:
        return SERVER_FOREVER_NS
    try:
        nanoseconds = float(seconds) * NS_PER_S
    except OverflowError:  # an integer beyond the range of doubles
        return OVERFLOWED_NS
    return int(nanoseconds) if nanoseconds < float(1 << 63) else OVERFLOWED_NS
