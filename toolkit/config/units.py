"""Sizes and rates as people write them: `24GiB`, `8.9GB`, `936GB/s`; exact integers of bytes inside.

Decimal units (kB, MB, GB, TB) are what disks, model listings and data sheets use, binary ones (KiB, MiB, GiB, TiB) what
memory is sold in. A bare `G` or `Gb` is refused: over a GPU's memory the two readings differ by 1.8 GB.
"""

from __future__ import annotations

import re
from fractions import Fraction

MAX_BYTES = (1 << 63) - 1

_UNIT_BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}
_SIZE = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?) ?([A-Za-z]*)")
_SHAPE = "a size is written like 24GiB, 8.9GB or 512MiB"
_RATE_SHAPE = "a speed is written like 25GB/s or 900MiB/s"
_WRITTEN_WITH = ("TiB", "TB", "GiB", "GB", "MiB", "MB", "KiB", "kB")


class UnitError(ValueError):
    """The text is not a size or a rate; the message says why and what would be."""


def parse_size_bytes(text: str) -> int:
    """Read a size; bytes, at least 0, rounded to a whole byte.

    Raises:
        UnitError: no number, no unit or an ambiguous one, or beyond 63 bits.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UnitError(_SHAPE)
    number, unit = match[1], match[2]
    if unit not in _UNIT_BYTES:
        raise UnitError(_wrong_unit(unit))
    size_bytes = round(Fraction(number) * _UNIT_BYTES[unit])
    if size_bytes > MAX_BYTES:
        raise UnitError("more than 8 EiB")
    return size_bytes


def parse_rate_bytes_per_s(text: str) -> int:
    """Read a speed; bytes per second, more than 0.

    Raises:
        UnitError: not a size per second, or none at all.
    """
    size, slash, second = text.strip().partition("/")
    if not slash or second.strip() != "s":
        raise UnitError(_RATE_SHAPE)
    try:
        rate = parse_size_bytes(size)
    except UnitError as error:
        raise UnitError(_RATE_SHAPE if str(error) == _SHAPE else str(error)) from None
    if rate == 0:
        raise UnitError("a speed is more than 0")
    return rate


def format_size(size_bytes: int) -> str:
    """The size in the unit that writes it exactly and shortest; `parse_size_bytes` reads it back unchanged."""
    exact = [
        text
        for unit in _WRITTEN_WITH
        if size_bytes >= _UNIT_BYTES[unit] and (text := _exact(Fraction(size_bytes, _UNIT_BYTES[unit]), unit))
    ]
    return min([*exact, f"{size_bytes}B"], key=len)


def format_rate(bytes_per_s: int) -> str:
    """The speed with its unit; `parse_rate_bytes_per_s` reads it back unchanged."""
    return f"{format_size(bytes_per_s)}/s"


def _exact(value: Fraction, unit: str) -> str | None:
    """The value with up to three decimals, None if that is not exact."""
    thousandths = value * 1000
    if thousandths.denominator != 1:
        return None
    whole, rest = divmod(int(thousandths), 1000)
    return f"{whole}.{rest:03d}".rstrip("0").rstrip(".") + unit


def _wrong_unit(unit: str) -> str:
    if not unit:
        return f"the unit is missing; {_SHAPE}"
    letter = unit[0].upper()
    if letter in "KMGT":
        decimal = "kB" if letter == "K" else f"{letter}B"
        return f"'{unit}' is not a unit; write {decimal} (powers of 1000) or {letter}iB (powers of 1024)"
    return f"'{unit}' is not a unit; {_SHAPE}"
