"""What a host has shown corrects the arithmetic for that host, and says by how much.

Observations are `size_vram` values of `/api/ps`, one a setting. The difference to the expected value of the same
setting is learned for each model, the median over its settings; a model that was never seen gets the median of all
others, as driver and card are the same. A correction is an amount of bytes, not a factor: what the arithmetic misses
(another quantisation mix, a projector, another engine version) does not grow with the context.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median_low
from typing import TYPE_CHECKING, Final

from toolkit.fit.estimate import estimate
from toolkit.fit.room import with_automatic_batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolkit.fit.observations import HostObservation
    from toolkit.fit.room import Room
    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import Spec


_ANY_BATCH: Final = 512


@dataclass(frozen=True, slots=True)
class Observation:
    """One model as a host showed it under a setting."""

    model: str
    spec: Spec
    setting: Setting
    vram_bytes: int


@dataclass(frozen=True, slots=True)
class Correction:
    """Bytes to add to an estimate, and how many observations of this model they rest on (0: of others)."""

    delta_bytes: int
    observations: int

    def sentence(self, expected_bytes: int) -> str:
        """By how much the host's word changes the number."""
        share = f"{self.delta_bytes / expected_bytes:+.1%}" if expected_bytes else "n/a"
        times = "once" if self.observations == 1 else f"{self.observations} times"
        seen = f"seen {times} on this host" if self.observations else "learned from other models"
        return f"{self.delta_bytes / (1 << 20):+.0f} MiB ({share}), {seen}"


@dataclass(frozen=True, slots=True)
class Learned:
    """What is known of one host."""

    by_model: Mapping[str, Correction]
    general: Correction | None

    def correction(self, model: str) -> Correction | None:
        """The correction for a model: its own, else what others taught; None if nothing was seen."""
        return self.by_model.get(model, self.general)


def usable(seen: Iterable[HostObservation], specs: Mapping[str, Spec], room: Room) -> tuple[Observation, ...]:
    """What can be learned from: models whose spec is known and of which nothing spilled.

    Where an observation does not say the batch, it is the one that the server would choose on an empty `room`.
    """
    found = []
    for one in seen:
        spec = specs.get(one.model)
        if spec is None or not one.on_gpus_only:
            continue
        setting = one.setting(_ANY_BATCH)
        if one.batch is None:
            setting = with_automatic_batch(spec, setting, room)
        found.append(Observation(one.model, spec, setting, one.size_vram_bytes))
    return tuple(found)


def learn(observations: Iterable[Observation]) -> Learned:
    """Corrections out of observations."""
    deltas: dict[str, list[int]] = defaultdict(list)
    for seen in observations:
        expected = estimate(seen.spec, seen.setting).shown_vram_bytes
        deltas[seen.model].append(seen.vram_bytes - expected)
    by_model = {model: Correction(median_low(values), len(values)) for model, values in sorted(deltas.items())}
    general = Correction(median_low([one.delta_bytes for one in by_model.values()]), 0) if by_model else None
    return Learned(by_model, general)
