"""A strategy with a queue before the host, as it is written down: `lrfu(decay=0.1)+shadow(bound=10m)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cache.disciplines.registry import build_discipline
from toolkit.cache.spec import Parameters, Spec, parse_spec, split_outside
from toolkit.errors import UsageError
from toolkit.replay.turns import Turns

if TYPE_CHECKING:
    from toolkit.cache.disciplines.places import Places

_OURS = ("send", "parallel")


def split_queue(text: str) -> tuple[str, str | None]:
    """The strategy and, after a plus outside of brackets, the queue. Raises UsageError for two of them."""
    if "+" not in text:
        return text, None
    parts = [part.strip() for part in split_outside(text, "+")]
    if len(parts) != 2 or not all(parts):  # noqa: PLR2004 - a strategy and a queue
        raise UsageError(f"found {text!r}; write a strategy, a plus and one discipline, as in lru+shadow(bound=10m)")
    return parts[0], parts[1]


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
