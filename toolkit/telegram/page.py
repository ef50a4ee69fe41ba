"""An answer that grows, as Telegram can show it: messages of limited length, changed only so often. Pure.

Limits, by Telegram's Bot API and its FAQ on bots: 4096 UTF-16 units a message; about one message a second to one
person, and 20 a minute to a group. An edit counts as a message.
"""

from __future__ import annotations

from typing import Final

MOST_UNITS: Final = 4096
NS_PER_S: Final = 1_000_000_000
PERSON_NS: Final = 3 * NS_PER_S // 2
GROUP_NS: Final = 7 * NS_PER_S // 2
_LEAST_SHARE: Final = 0.5


def pages(text: str, most_units: int = MOST_UNITS) -> list[str]:
    """Cut a text into messages, at a line's or a word's end where one is near. Nothing but white space is lost."""
    found = []
    rest = text.strip()
    while rest:
        length = _fitting(rest, most_units)
        if length < len(rest):
            length = _good_end(rest, length)
        found.append(rest[:length].rstrip())
        rest = rest[length:].lstrip()
    return found


class Pace:
    """When a chat's message may be changed next. Telegram's own word (`told_to_wait`) makes it slower for good."""

    def __init__(self, interval_ns: int) -> None:
        self._interval_ns = interval_ns
        self._next_ns: int | None = None

    def may(self, now_ns: int) -> bool:
        """Whether it may be changed now."""
        return self._next_ns is None or now_ns >= self._next_ns

    def sent(self, now_ns: int) -> None:
        """It was changed."""
        self._next_ns = now_ns + self._interval_ns

    def told_to_wait(self, now_ns: int, wait_ns: int) -> None:
        """Telegram wants nothing for so long."""
        self._interval_ns *= 2
        self._next_ns = now_ns + max(wait_ns, self._interval_ns)

    def left_ns(self, now_ns: int) -> int:
        """How long until it may be changed."""
        return 0 if self._next_ns is None else max(0, self._next_ns - now_ns)


def _fitting(text: str, most_units: int) -> int:
    """How many characters fit: those beyond the basic plane are two units."""
    units = 0
    for number, character in enumerate(text):
        units += 2 if ord(character) > 0xFFFF else 1  # noqa: PLR2004 - the end of the basic plane
        if units > most_units:
            return number
    return len(text)


def _good_end(text: str, length: int) -> int:
    for end in ("\n", " "):
        place = text.rfind(end, int(length * _LEAST_SHARE), length)
        if place > 0:
            return place
    return length
