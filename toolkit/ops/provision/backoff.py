"""Which failures of a transfer are worth another try, and when. Pure.

The words are those of the server's download code and of the system below it, as they come in `{"error": …}` lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from toolkit.ollama.errors import (
    AnsweredError,
    BadRequestError,
    ErrorLineError,
    ForbiddenError,
    ModelMissingError,
    ProtocolError,
    RedirectError,
)

if TYPE_CHECKING:
    import random

    from toolkit.errors import HostError


class Fate(Enum):
    """What to make of a failure."""

    AGAIN = "it may pass by itself"
    DAMAGED = "what arrived was broken; the server has thrown it away"
    NO_ROOM = "the disk is full; nothing else will fit either"
    NEVER = "it will fail every time"


_NEVER_KINDS = (BadRequestError, ForbiddenError, ModelMissingError, ProtocolError, RedirectError)
_NO_ROOM = ("no space left on device", "not enough space", "disk quota exceeded")
_DAMAGED = ("digest mismatch",)
_NEVER = (
    "file does not exist",
    "invalid model name",
    "unauthorized",
    "access denied",
    "permission denied",
    "read-only file system",
    "requires a newer version",
    "newer version of ollama",
    "template error",
    "insecure protocol",
    "manifest: 400",
    "manifest: 401",
    "manifest: 403",
    "manifest: 404",
)


def fate_of(error: HostError) -> Fate:
    """What to make of it. What is not known counts as passing: a few tries cost little."""
    said = _server_words(error).lower()
    for fate, words in ((Fate.NO_ROOM, _NO_ROOM), (Fate.DAMAGED, _DAMAGED), (Fate.NEVER, _NEVER)):
        if any(word in said for word in words):
            return fate
    return Fate.NEVER if isinstance(error, _NEVER_KINDS) else Fate.AGAIN


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often to try, and how long to wait: `first_s` doubled each time up to `most_s`, half of it by chance.

    `tries` counts all tries of one transfer, `damaged_tries` those that may end with broken bytes.
    """

    tries: int = 6
    damaged_tries: int = 3
    first_s: float = 1.0
    most_s: float = 60.0

    def allows(self, fate: Fate, failures: int) -> bool:
        """Whether to try again after so many failures."""
        limits = {Fate.AGAIN: self.tries, Fate.DAMAGED: min(self.damaged_tries, self.tries)}
        return failures < limits.get(fate, 0)

    def delay_s(self, failures: int, rng: random.Random) -> float:
        """How long to wait after the `failures`-th failure (from 1): between half of the full delay and all of it."""
        # A float power of two overflows at 1024; beyond 2**60 seconds the limit holds anyway.
        full_s = min(self.first_s * 2.0 ** min(failures - 1, 60), self.most_s)
        return full_s * rng.uniform(0.5, 1.0)


def _server_words(error: HostError) -> str:
    if isinstance(error, AnsweredError | ErrorLineError):
        return error.server_message or ""
    return ""
