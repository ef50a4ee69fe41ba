"""Work that kills its process, as the system does when memory is short."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.plan.tallies import tally

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.plan.case import Point
    from toolkit.plan.tally import Tally


@dataclass(frozen=True)
class DiesOnce:
    """Work whose process is killed at its first point, as by the system when memory is short."""

    mark: Path

    def __call__(self, point: Point) -> Tally:
        if point.repetition == 1 and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return tally(point.repetition)


@dataclass(frozen=True)
class AlwaysDies:
    """Work that no process survives."""

    def __call__(self, _point: Point) -> Tally:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError
