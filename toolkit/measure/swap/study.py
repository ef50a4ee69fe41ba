"""A whole measurement of swaps: the order for it, and the study that comes of it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.errors import UsageError
from toolkit.measure.host_facts import AskableHost, HostFacts, ask_host
from toolkit.measure.swap.matrix import Matrix, matrix_of
from toolkit.measure.swap.moves import planned_moves
from toolkit.measure.swap.session import Outcome, PageCacheDropper, SwapHost, SwapSession

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolkit.measure.swap.moves import Pages
    from toolkit.measure.swap.sample import Sample
    from toolkit.replay.make_room import Patience


@dataclass(frozen=True, slots=True)
class SwapOrder:
    """What to measure. `ram_bytes` is what the host can use as page cache, None if not known."""

    models: tuple[str, ...]
    rounds: int
    seed: int
    options: Mapping[str, Any]
    ram_bytes: int | None


@dataclass(frozen=True, slots=True)
class SwapStudy:
    """What was measured, on what, and what it means. `planned` is how many moves there were to make."""

    facts: HostFacts
    order: SwapOrder
    dropped_caches: bool
    planned: int
    outcome: Outcome
    matrix: Matrix

    @property
    def clocks_agree(self) -> bool:
        """Whether the server's times are the client's; they are not on a twin that was told to be quick."""
        return all(sample.clocks_agree for sample in self.outcome.samples)

    @property
    def strangers(self) -> tuple[str, ...]:
        """Models of somebody else that were seen meanwhile."""
        return tuple(sorted({name for sample in self.outcome.samples for name in sample.strangers}))


class StudiedHost(SwapHost, AskableHost, Protocol):
    """All calls that a study makes; `OllamaClient` has them."""


async def study_swaps(
    order: SwapOrder,
    client: StudiedHost,
    *,
    dropper: PageCacheDropper | None = None,
    patience: Patience | None = None,
    on_start: Callable[[HostFacts, int], None] = lambda _facts, _moves: None,
    on_sample: Callable[[Sample], None] = lambda _sample: None,
) -> SwapStudy:
    """Measure the matrix. With a `dropper`, each pair is measured from disk and from the page cache.

    `on_start` is told the host's facts and the number of moves, before anything is touched.

    Raises:
        UsageError: fewer than two models, one that the host lacks, or two of one file; nothing was changed.
        OllamaError: the host does not answer at all.
    """
    facts = await ask_host(client, order.models, to_generate=True)
    names = tuple(model.name for model in facts.models)
    if len(names) <= 1:
        raise UsageError("a swap needs two models; name at least two, or a config that has them")
    _refuse_twins(facts)
    pages: tuple[Pages, ...] = ("as_found",) if dropper is None else ("dropped", "warmed")
    moves = planned_moves(names, order.rounds, random.Random(order.seed), pages=pages)
    on_start(facts, len(moves))
    sizes = {model.name: model.file_bytes for model in facts.models}
    session = SwapSession(client, sizes, options=order.options, dropper=dropper, patience=patience, on_sample=on_sample)
    outcome = await session.run(moves)
    matrix = matrix_of(outcome.samples, names, order.ram_bytes)
    return SwapStudy(facts, order, dropper is not None, len(moves), outcome, matrix)


def _refuse_twins(facts: HostFacts) -> None:
    """Two names of one file are one process, which `/api/ps` lists under the name that was loaded first."""
    names: dict[str, str] = {}
    for model in facts.models:
        if model.blob is not None and names.setdefault(model.blob, model.name) != model.name:
            raise UsageError(
                f"{names[model.blob]} and {model.name} are one model file under two names, so there is nothing to swap "
                "between them; name one of the two"
            )
