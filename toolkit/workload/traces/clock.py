"""Moments as traces write them: `2023-11-16 18:15:46.6805900`, to the nanosecond."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from toolkit.config.durations import NS_PER_S

_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z?")
_NANOSECOND_DIGITS = 9
_EPOCH_DAY = datetime(1970, 1, 1, tzinfo=UTC).toordinal()


class MomentError(ValueError):
    """The text is not a moment."""


def parse_moment_ns(text: str) -> int:
    """Nanoseconds since 1970 of a date and time in UTC, with up to nine digits after the second.

    `datetime` ends at microseconds, and the Azure traces have seven digits.

    Raises:
        MomentError: another form, or no such day or time.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise MomentError("a moment is written like 2024-11-15 16:57:50 or 2023-11-16 18:15:46.6805900")
    try:
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00")
    except ValueError as error:
        raise MomentError(f"there is no such moment: {error}") from None
    seconds = (moment.toordinal() - _EPOCH_DAY) * 86_400 + moment.hour * 3600 + moment.minute * 60 + moment.second
    return seconds * NS_PER_S + int((found[3] or "").ljust(_NANOSECOND_DIGITS, "0"))
