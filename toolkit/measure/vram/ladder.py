"""Which contexts to try: up the ladder until layers spill, then halving the gap to find where they begin to. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIRST: Final = 4096
HIGHEST: Final = 131_072
STEP: Final = 1024
"""The cliff is found to so many tokens; contexts in between are multiples of it."""


def rungs(trained_context: int | None) -> tuple[int, ...]:
    """4096 and its doubles, up to the context that the model was trained for; the server takes no more than that."""
    top = min(trained_context or HIGHEST, HIGHEST)
    found = [FIRST]
    while found[-1] * 2 <= top:
        found.append(found[-1] * 2)
    return (*found, top) if found[-1] < top else tuple(rung for rung in found if rung <= top) or (top,)


def next_context(ladder: Sequence[int], seen: Mapping[int, bool]) -> int | None:
    """The context to try next, None if nothing is left to learn.

    `ladder` is in rising order; `seen` says of each context tried whether it was whole on the GPUs. A context larger
    than one that spilled is not tried: it would spill as well, and take long.
    """
    spilled = min((context for context, whole in seen.items() if not whole), default=None)
    for rung in ladder:
        if rung not in seen and (spilled is None or rung < spilled):
            return rung
    largest = max((context for context, whole in seen.items() if whole), default=None)
    if spilled is None or largest is None or largest > spilled or spilled - largest <= STEP:
        return None
    middle = (largest + spilled) // 2 // STEP * STEP
    if middle <= largest:
        middle += STEP
    return None if middle >= spilled or middle in seen else middle
