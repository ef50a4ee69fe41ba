"""What tells whether two runs were alike: digests of what was played and where, and the options in force."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.experiment.client import ClientSetup


def digest_of(value: object) -> str:
    """sha256 of frozen records: two plans or hosts with the same digest are the same, however they were described."""
    return hashlib.sha256(repr(value).encode()).hexdigest()


def option_pairs(setup: ClientSetup) -> tuple[tuple[str, str], ...]:
    """The runner options in force, as (`model option`, value)."""
    return tuple(
        (f"{model} {option}", str(value))
        for model, options in sorted(setup.options.items())
        for option, value in sorted(options.items())
    )
