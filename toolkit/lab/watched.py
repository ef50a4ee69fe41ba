"""Requests that tell how far somebody has gone through them: once a block, so that it costs next to nothing."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from toolkit.lab.drawn import Zipf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from toolkit.lab.cache import Uses

BLOCK: Final = 1 << 14
"""A block lasts some hundredths of a second: often enough for a bar."""


def watched(uses: Uses, on_block: Callable[[int], None]) -> Iterator[tuple[str, int]]:
    """The same requests; `on_block` hears the number of each block when it has been gone through."""
    return chain.from_iterable(_told(uses, on_block))


def _told(uses: Uses, on_block: Callable[[int], None]) -> Iterator[Iterable[tuple[str, int]]]:
    left = len(uses)
    for block in _blocks(uses):
        yield block
        on_block(min(BLOCK, left))
        left -= min(BLOCK, left)


def _blocks(uses: Uses) -> Iterator[Iterable[tuple[str, int]]]:
    if isinstance(uses, Zipf):
        return uses.blocks(BLOCK)
    requests = iter(uses)
    return iter(lambda: tuple(islice(requests, BLOCK)), ())
