"""The limits of the process that compares, set by itself before it does anything else: `python -c "…bounded…"`.

It yields to everything else on the machine, may use so much memory and time of the processor, and ends with the
gateway, also when that is killed: its standard input is a pipe that the gateway holds open.
"""

from __future__ import annotations

import os
import resource
import threading

NICENESS = 15
MOST_MEMORY_BYTES = 4 << 30
MOST_CPU_S = 600
_ORPHANED = 1


def bound() -> None:
    """Set the limits, and watch for the end of the gateway."""
    os.nice(NICENESS)
    _limit(resource.RLIMIT_AS, MOST_MEMORY_BYTES)
    _limit(resource.RLIMIT_CPU, MOST_CPU_S)
    _limit(resource.RLIMIT_CORE, 0)
    threading.Thread(target=_end_with_the_gateway, daemon=True).start()


def _limit(what: int, most: int) -> None:
    """Lower a limit; one that is lower already stays."""
    hard = resource.getrlimit(what)[1]
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (allowed, hard))


def _end_with_the_gateway() -> None:
    while os.read(0, 1):
        pass
    os._exit(_ORPHANED)
