"""What is around a policy: the cache that it ranks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What some policies must know of the cache: its room in bytes (or places), the models' digests, and their names.

    Without `names` nobody knows which models there are.
    """

    capacity_bytes: int
    digests: Mapping[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
