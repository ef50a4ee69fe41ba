"""How a request to a model goes, step by step: what statistics, traces and sessions are told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from toolkit.gateway.reading import Reading
from toolkit.replay.live_record import RESIDENT_BELOW_NS

if TYPE_CHECKING:
    from toolkit.gateway.ask import Ask
    from toolkit.gateway.loads import Load

Found = Literal["hit", "cold", "reload"]


@dataclass(slots=True)
class Course:
    """How a request went; times are the monotonic clock's, None for what has not happened. Filled as it goes.

    `replayed`: no host was asked; the answer was stored when the same request came before.
    """

    ask: Ask
    came_ns: int
    host: str | None = None
    waited_ns: int | None = None
    sent_ns: int | None = None
    first_ns: int | None = None
    done_ns: int | None = None
    status: int | None = None
    found: Found | None = None
    outcome: str = "left"
    replayed: bool = False
    load: Load | None = None
    reading: Reading = field(default_factory=Reading)

    @property
    def really(self) -> Found | None:
        """How the model was found by the answer's own counter, where it has one."""
        load_ns = self.reading.load_ns
        if load_ns is None or self.found is None:
            return self.found
        if load_ns < RESIDENT_BELOW_NS:
            return "hit"
        return "cold" if self.found == "hit" else self.found


class Notes(Protocol):
    """Who is told of each request when it comes, and when it is over."""

    def began(self) -> None:
        """A request has come."""
        ...

    def ended(self, course: Course) -> None:
        """It is over."""
        ...
