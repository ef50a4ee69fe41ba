"""How long a client is willing to wait for the whole of its answer: `X-Hotswap-Deadline`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolkit.config.durations import NS_PER_S, DurationError, format_duration, parse_duration_ns
from toolkit.gateway.refusal import Refusal, Why

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER: Final = "x-hotswap-deadline"
_SHAPE = "X-Hotswap-Deadline: how long the answer may take, as 30s, 1m30s, or a number of seconds"


def deadline_of(headers: Mapping[str, str], most_ns: int | None) -> int | None:
    """Nanoseconds from the arrival of the request to the end of its answer: the client's or `most_ns`, the shorter.

    Raises:
        Refusal: the header says no duration.
    """
    given = headers.get(HEADER)
    if given is None:
        return most_ns
    text = given.strip()
    try:
        asked_ns = parse_duration_ns(f"{text}s" if text.replace(".", "", 1).isdecimal() else text)
    except DurationError:
        asked_ns = 0
    if asked_ns <= 0:
        raise Refusal(Why.BAD_REQUEST, _SHAPE)
    return asked_ns if most_ns is None else min(asked_ns, most_ns)


def too_late(limit_ns: int) -> Refusal:
    """What is said when it is over."""
    text = f"no answer within {format_duration(limit_ns)}, the deadline of this request; nothing more is done for it"
    return Refusal(Why.DEADLINE, text, 1)


def seconds(limit_ns: int | None) -> float | None:
    """For a timer."""
    return None if limit_ns is None else limit_ns / NS_PER_S
