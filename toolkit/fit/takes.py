"""What a model really takes, by its header or, where that is not known, by a few figures.

Both answer the same question, so that what is built on it need not know which of them it asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from toolkit.fit.cache import Remembered
from toolkit.fit.estimate import Estimate, Load, certain_bytes, estimate
from toolkit.fit.split import split_layers
from toolkit.ollama.gguf.types import STORAGE_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import Spec

_F16_BYTES = 2
_REMEMBERED = 4096


class Takes(Protocol):
    """What a model takes. `layers` counts the output head; `estimated` says what is a guess, empty if nothing is."""

    @property
    def layers(self) -> int:
        """Blocks and the head."""

    @property
    def estimated(self) -> str:
        """What of it is guessed, for people."""

    def estimate(self, setting: Setting, shares: Sequence[int] = ()) -> Estimate:
        """All buffers under a setting; see `toolkit.fit.estimate`."""

    def certain_bytes(self, setting: Setting, shares: Sequence[int] = ()) -> tuple[int, ...]:
        """Bytes on each GPU below which `estimate` never lies, for less work."""


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says outright, and what therefore counts: None leaves it to the arithmetic.

    `weights_bytes` and `compute_bytes` are those of one GPU that has every layer, `kv_bytes_per_token` is for 16 bits.
    """

    weights_bytes: int | None = None
    kv_bytes_per_token: int | None = None
    compute_bytes: int | None = None

    @property
    def nothing(self) -> bool:
        """True if everything is left to the arithmetic."""
        return self.weights_bytes is None and self.kv_bytes_per_token is None and self.compute_bytes is None


@dataclass(frozen=True, slots=True)
class ByHeader:
    """By the model's header, buffer by buffer, but for what is said outright."""

    spec: Spec
    said: Said = Said()
    estimated: str = ""

    @property
    def layers(self) -> int:
        """Blocks and the head."""
        return len(self.spec.blocks) + 1

    def estimate(self, setting: Setting, shares: Sequence[int] = ()) -> Estimate:
        """See `Takes`. What is said is shared out over devices as the arithmetic shares what it stands for."""
        found = _remembered(_Same(self.spec), setting, tuple(shares))
        if self.said.nothing:
            return found
        whole = _remembered(_Same(self.spec), replace(setting, device="cuda", n_gpu=1, n_gpu_layers=None), ())
        on_one = whole.gpus[0]
        weights = _ratio(self.said.weights_bytes, on_one.weights_bytes)
        cache = _ratio(_cache_bytes(self.said.kv_bytes_per_token, setting), on_one.cache.cache_bytes)
        loads = [_changed(load, weights, cache, self.said.compute_bytes) for load in (*found.gpus, found.host)]
        return replace(found, gpus=tuple(loads[:-1]), host=loads[-1])

    def certain_bytes(self, setting: Setting, shares: Sequence[int] = ()) -> tuple[int, ...]:
        """See `Takes`."""
        if not self.said.nothing:
            return (0,) * setting.n_gpu
        return certain_bytes(self.spec, setting, shares)


@dataclass(frozen=True, slots=True)
class ByFigures:
    """By figures: layers are alike, the cache grows with each token, the scratch buffer is one whatever the batch."""

    said: Said
    layers: int
    estimated: str = ""

    def estimate(self, setting: Setting, shares: Sequence[int] = ()) -> Estimate:
        """See `Takes`."""
        split = split_layers(self.layers - 1, setting, shares)
        homes = (*split.layers, split.head)
        loads = [self._load(setting, homes.count(device)) for device in range(split.gpus + 1)]
        return Estimate("unknown", known=False, split=split, gpus=tuple(loads[:-1]), host=loads[-1], projector_bytes=0)

    def certain_bytes(self, setting: Setting, shares: Sequence[int] = ()) -> tuple[int, ...]:
        """See `Takes`; the estimate itself is no work."""
        return tuple(load.total_bytes for load in self.estimate(setting, shares).gpus)

    def _load(self, setting: Setting, layers: int) -> Load:
        weights = (self.said.weights_bytes or 0) * layers // self.layers
        cache = (_cache_bytes(self.said.kv_bytes_per_token, setting) or 0) * layers // self.layers
        return Load(weights, Remembered(full_bytes=cache), (self.said.compute_bytes or 0) if layers else 0)


class _Same:
    """A spec that is the same only as itself: hashing all its tensors for each question costs more than answers."""

    __slots__ = ("spec",)

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def __hash__(self) -> int:
        return id(self.spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.spec is self.spec


@lru_cache(maxsize=_REMEMBERED)
def _remembered(same: _Same, setting: Setting, shares: tuple[int, ...]) -> Estimate:
    return estimate(same.spec, setting, shares)


def _ratio(said: int | None, reckoned: int) -> float | None:
    return None if said is None or not reckoned else said / reckoned


def _cache_bytes(per_token: int | None, setting: Setting) -> int | None:
    """The cache of all slots, by the type of its elements."""
    if per_token is None:
        return None
    storage = STORAGE_BY_NAME[setting.kv_type.upper()]
    return per_token * setting.context * storage.block_bytes // (storage.block_elements * _F16_BYTES)


def _changed(load: Load, weights: float | None, cache: float | None, compute: int | None) -> Load:
    kept = load.cache
    if cache is not None:
        kept = Remembered(round(kept.full_bytes * cache), round(kept.sliding_bytes * cache), kept.state_bytes)
    return replace(
        load,
        weights_bytes=load.weights_bytes if weights is None else round(load.weights_bytes * weights),
        cache=kept,
        compute_bytes=load.compute_bytes if compute is None or not load.weights_bytes else compute,
    )
