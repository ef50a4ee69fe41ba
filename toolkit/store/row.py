"""One run as a list shows it: everything about it but its records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from toolkit.replay.records import ClientHealth, Provenance

State = Literal["recording", "complete", "incomplete"]


@dataclass(frozen=True, slots=True)
class RunRow:
    """A stored run without its records.

    `state` is `recording` while it is being played, `incomplete` if it was interrupted or its process was killed.
    `batch` is the id of the first run of the same call of a command, `stored_ns` when it was stored (nanoseconds since
    1970), `tags` are in alphabetical order. `end_ns` is None where nobody saw the end.
    """

    id: str
    batch: str
    strategy: str
    repetition: int
    state: State
    stored_ns: int
    end_ns: int | None
    record_count: int
    provenance: Provenance
    client: ClientHealth | None
    tags: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether the whole plan was played."""
        return self.state == "complete"
