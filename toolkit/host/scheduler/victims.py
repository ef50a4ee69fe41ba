"""Which loaded runner goes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.host.scheduler.requests import Runner

UINT64 = 1 << 64


def victim_order(runner: Runner) -> tuple[int, str]:
    """Shortest keep-alive duration first, as an unsigned number (a negative one is very long), then the digest."""
    return runner.session_ns % UINT64, runner.key


def choose_victim(loaded: Iterable[Runner]) -> Runner | None:
    """The first idle runner in victim order; if none is idle the first of all, to be waited for; None of none.

    A runner that somebody holds is returned when its turn comes: whether it is idle cannot be seen before it is let go.
    """
    ordered = sorted(loaded, key=victim_order)
    for runner in ordered:
        if runner.held or runner.ref_count == 0:
            return runner
    return ordered[0] if ordered else None
