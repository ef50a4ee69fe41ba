"""Like with like: what must agree before two sides may be compared, and who may say otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.gate.side import differences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.gate.side import Side

SOUND = {"complete": "yes", "client": "kept up"}
"""What each side must be by itself: two runs that were both cut short are alike, and still no measurement."""


def check_alike(base: Side, new: Side, allowed: Sequence[str]) -> tuple[str, ...]:
    """Return the allowed differences as sentences.

    Raises:
        UsageError: something differs that nobody allowed, or an allowed key does not exist.
    """
    known = [key for key, _ in base.facts]
    unknown = [key for key in allowed if key not in {_short(name) for name in known}]
    if unknown:
        keys = ", ".join(_short(name) for name in known) or "none"
        raise UsageError(f"--allow {unknown[0]}: no such key; these sides have {keys}")
    unlike = [(_short(key), left, right) for key, left, right in differences(base.facts, new.facts)]
    unsound = [
        (key, f"{side.label} is {value}")
        for side in (base, new)
        for key, value in side.facts
        if key in SOUND and value != SOUND[key] and key not in allowed
    ]
    refused = [f"  {key}: {left} against {right}" for key, left, right in unlike if key not in {*allowed, *SOUND}]
    refused += [f"  {key}: {what}" for key, what in unsound]
    if refused:
        raise UsageError(
            "these are not comparable; say --allow KEY for what you mean to compare:\n" + "\n".join(refused)
        )
    return tuple(f"{key} differs, as allowed: {left} against {right}" for key, left, right in unlike)


def check_history(sides: Sequence[Side], allowed: Sequence[str]) -> tuple[str, ...]:
    """The same for runs in a row: each must be like the first, or what changed is the setting and not the software.

    Returns the allowed differences as sentences, each once. Raises UsageError as `check_alike`, naming the run.
    """
    first, *others = sides
    notes = [note for other in others for note in _alike(first, other, allowed)]
    return tuple(dict.fromkeys(notes))


def _alike(first: Side, other: Side, allowed: Sequence[str]) -> tuple[str, ...]:
    try:
        return check_alike(first, other, allowed)
    except UsageError as error:
        raise UsageError(f"{first.label} and {other.label}: {error}") from None


def _short(key: str) -> str:
    return key.split(" ", maxsplit=1)[0]
