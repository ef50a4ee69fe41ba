"""Variables as a systemd drop-in and as a compose override. Pure.

Source of the systemd rules: systemd.syntax(7), systemd.exec(5) `Environment=` and systemd.unit(5) on specifiers. The
line is split into words with C escapes, quotes are taken off, then `%` specifiers are expanded; `$` means nothing. Of
compose's: its file reference on interpolation, where `$$` is a dollar sign.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import yaml

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD = "# Written by `hotswap provision settings apply`; the next call overwrites it.\n"
_UNWRITABLE = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})
_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
MOST_CHARACTERS = 100_000
"""Of a value; systemd refuses lines above 1 MiB, and every character may become two of up to 4 bytes."""


def drop_in(settings: Mapping[str, str]) -> str:
    """The text of a drop-in. Raises UsageError for a value that no line of a unit file can hold."""
    lines = [environment_line(name, value) for name, value in sorted(settings.items())]
    return "\n".join([f"{HEAD}[Service]", *lines, ""])


def environment_line(name: str, value: str) -> str:
    r"""One `Environment=` line; backslash and quote are escaped, a percent sign is doubled.

    Raises:
        UsageError: a control character (a line end above all), half a character, or too long.
    """
    _refuse_unwritable(name, value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'Environment="{name}={escaped}"'


def compose_override(service: str, settings: Mapping[str, str]) -> str:
    """The text of an override file for one service. Raises UsageError as `environment_line`."""
    for name, value in settings.items():
        _refuse_unwritable(name, value)
    environment = {name: value.replace("$", "$$") for name, value in sorted(settings.items())}
    document = {"services": {service: {"environment": environment}}}
    return HEAD + yaml.safe_dump(document, allow_unicode=True, width=MOST_CHARACTERS * 2, sort_keys=False)


def _refuse_unwritable(name: str, value: str) -> None:
    wrong = next((sign for sign in value if not _may_stand(sign)), None)
    if wrong is not None:
        raise UsageError(f"host.settings.{name}: the value holds U+{ord(wrong):04X}, which no line of a file can hold")
    if len(value) > MOST_CHARACTERS:
        raise UsageError(f"host.settings.{name}: the value is longer than {MOST_CHARACTERS:,} characters")


def _may_stand(sign: str) -> bool:
    """No control characters, line ends, halves of characters, nor what is no character: systemd refuses the line."""
    return sign != _BYTE_ORDER_MARK and unicodedata.category(sign) not in _UNWRITABLE
