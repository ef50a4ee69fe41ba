"""How the report writes names, numbers and durations, so that table, page and Markdown agree to the letter."""

from __future__ import annotations

import math
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

OVER_OPTIMUM = "Over 100 % of the optimum: that takes requests in their order, a host those for resident models first."
"""How a strategy can pass the ceiling; the table and the page say it where one does."""

JOINED = "Joined: no load of their own, but they waited for somebody else's; they are no hits."
"""What the column means; under the table of a terminal, where there is no other place to say it."""

ABSENT = "-"
"""What stands where there is no value; never 0."""

_NS_PER_S = 1_000_000_000
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400
_SHORTEST_S, _HOURS_FROM_S = 0.0005, 7200.0
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NONCHARACTERS = frozenset("\ufffe\uffff")


def plain(text: str) -> str:
    r"""Return `text` on one line, with nothing invisible in it that could act on a terminal or a parser.

    Line breaks and tabs become spaces; other control characters, lone surrogates, bidirectional controls and
    noncharacters are written as `\u202e`. Names of models come from servers and files that we do not control.
    """
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character in "\n\r\t":
        return " "
    hidden = unicodedata.category(character) in _HIDDEN_CATEGORIES or character in _BIDI or character in _NONCHARACTERS
    return f"\\u{ord(character):04x}" if hidden else character


def shortened(text: str, length: int) -> str:
    """Return `plain(text)` in at most `length` characters, its middle left out: both ends of a name tell something."""
    text = plain(text)
    if len(text) <= length:
        return text
    head = (length - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (length - 1 - head) :]}"


def duration(seconds: float | None) -> str:
    """Write a duration with a unit that suits it: `3 ms`, `8.2 s`, `664 s`, `43 min`, `2.5 h`; `-` for None."""
    if seconds is None:
        return ABSENT
    if seconds < _SHORTEST_S:
        return "0 s" if seconds == 0 else "<1 ms"
    units = ((0.9995, f"{seconds * 1000:.0f} ms"), (99.95, f"{seconds:.1f} s"), (999.5, f"{seconds:.0f} s"))
    longer = f"{seconds / _MINUTE_S:.0f} min" if seconds < _HOURS_FROM_S else _hours(seconds / _HOUR_S)
    return next((text for below, text in units if seconds < below), longer)


def _hours(hours: float) -> str:
    return f"{hours:.1f} h" if hours < 100 else f"{hours:,.0f} h"  # noqa: PLR2004 - three digits


def period(length_ns: int) -> str:
    """Write a length of time to two digits or whole units: `45 s`, `15 minutes`, `1.5 hours`, `21 days`."""
    seconds = length_ns / _NS_PER_S
    for unit_s, name, least in ((_DAY_S, "days", 2), (_HOUR_S, "hours", 2), (_MINUTE_S, "minutes", 2)):
        if seconds >= least * unit_s:
            return f"{_two_digits(seconds / unit_s)} {name}"
    return f"{_two_digits(seconds)} s"


def _two_digits(number: float) -> str:
    return f"{number:.0f}" if round(number, 1) >= 10 else f"{number:.2g}"  # noqa: PLR2004 - two digits


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share as `65.1 %`; `-` for None."""
    return ABSENT if share is None else f"{share * 100:.{digits}f} %"


def achieved(share: float | None) -> str:
    """Write a share of the optimum in whole percent, cut and not rounded: 100 % would claim that nothing is left."""
    return ABSENT if share is None else f"{math.floor(share * 100 + 1e-9)} %"


def count(number: int) -> str:
    """Write a number with its thousands apart: `16,093`."""
    return f"{number:,}"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Write a number with its noun: `1 swap`, `231 swaps`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def sentence(words: str) -> str:
    """Return words that stand alone: with a capital, and a full stop unless they end in one or in a question."""
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith(('.', '?', '!')) else '.'}"


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does: `a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
