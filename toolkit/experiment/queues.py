"""A queue before the host, as it is written down: the part after the plus of `lrfu(decay=0.1)+shadow(bound=10m)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cache.disciplines.registry import build_discipline
from toolkit.cache.spec import Parameters, Spec, parse_spec
from toolkit.replay.turns import Turns

if TYPE_CHECKING:
    from toolkit.cache.disciplines.places import Places

_OURS = ("send", "parallel")


def build_turns(text: str, places: Places) -> Turns:
    """The queue as written down: a discipline with its own parameters, and `send=one|resident`, `parallel=1`.

    `send=resident` (the default) lets requests for models in memory go beside others, `send=one` sends one at a time.

    Raises:
        UsageError: no such discipline, or a parameter that it does not have or take.
    """
    spec = parse_spec(text)
    ours = Parameters(Spec(spec.name, tuple(pair for pair in spec.parameters if pair[0] in _OURS)))
    alone = ours.choice("send", "resident", ("one", "resident")) == "one"
    parallel = ours.whole("parallel", 1)
    discipline = build_discipline(
        Spec(spec.name, tuple(pair for pair in spec.parameters if pair[0] not in _OURS)), places
    )
    return Turns(discipline, alone=alone, parallel=parallel)
