"""The most that can be saved in a room of which nothing is known but what it answers, such as the simulated host's.

A few models are searched set by set. For more the room is asked for all its sets: sizes that no set exceeds give
prices, and the search over stays has every load admitted by the room itself. Where that takes too long, both ends are
told. Sets too many to be known are bounded as if any models had room together that are no more than the room ever
holds.

All but the search set by set take for granted that who has room beside some models has room beside a part of them: a
model that nobody wants any more never helps another one in.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from toolkit.cache.offline_family import WORK, Admission, Admitted, family_of, sizes
from toolkit.cache.offline_search import Saved, best_saving
from toolkit.cache.offline_sets import exact_saving
from toolkit.cache.offline_stays import Limits, stays_of
from toolkit.cache.room import CountingRoom

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.cache.strategy import Room


SET_BY_SET_UP_TO: Final = 12
COMPARISONS: Final = 3_000_000
"""Of sets, before the search set by set is given up: a second or two."""
_NARROW: Final = (4,)
"""So few states where each may ask the room what it has not been asked before."""


def saving_in(requests: Sequence[str], room: Room, worth: Mapping[str, int], *, effort: int, work: int = WORK) -> Saved:
    """What can be saved, as in `best_saving`; `worth` is what a hit on each model saves.

    `effort` bounds the states of the search, `work` what the room is asked about its sets.
    """
    models = tuple(dict.fromkeys(requests))
    if not models:
        return Saved(0, 0)
    if len(models) <= SET_BY_SET_UP_TO:
        exact = exact_saving(requests, room, worth, comparisons=COMPARISONS)
        if exact is not None:
            return Saved(exact, exact)
    most = room.most_together(models) if isinstance(room, CountingRoom) else len(models)
    admission = Admission(models, room)
    family = family_of(len(models), admission, most, work)
    keeping = Admitted(admission, family)
    if family is not None:
        stays = stays_of(requests, sizes(family, models, Counter(requests)), worth)
        return best_saving(stays, effort=effort, keeping=keeping)
    stays = stays_of(requests, Limits(dict.fromkeys(models, 1), most), worth)
    above = best_saving(stays, effort=effort).most
    return Saved(best_saving(stays, widths=_NARROW, keeping=keeping).reached, above)
