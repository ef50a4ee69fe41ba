"""Does a model fit a host? Really, and in Ollama's eyes; and if not, how much of it spills.

Really: every GPU must hold its load, the overhead of a process, and the margin that the engine leaves free when it
decides how many layers go there. Ollama: the first model of an empty host is always
tried; beside others a model is let in only if prediction and surcharge stay within 80 % of what it believes is free.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

from toolkit.fit.gpus import HOST_BYTES_PER_S, MARGIN_BYTES, OVERHEAD_BYTES, Gpu
from toolkit.fit.predicted import predict
from toolkit.fit.start import Offload, Reserve, holds
from toolkit.fit.takes import ByHeader
from toolkit.host.scheduler.batch import FIT_PERCENT, flash_attention
from toolkit.host.scheduler.profile import V032, Profile
from toolkit.host.scheduler.settings import Settings
from toolkit.host.scheduler.specs import GpuSpec

if TYPE_CHECKING:
    from toolkit.fit.estimate import Estimate
    from toolkit.fit.predicted import Prediction
    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import Spec


SERVER_DEFAULTS: Final = Settings()
"""A server whose environment says nothing."""


class Verdict(Enum):
    """How a model fits, best first."""

    FITS = "fits"
    EVICTS = "fits, but Ollama will evict"
    SPILLS = "spills"
    TOO_LARGE = "no"


@dataclass(frozen=True, slots=True)
class Room:
    """A host's GPUs and what a process costs on each, beside what the engine allocates; and its server.

    `system_free_bytes` matters to integrated GPUs only; 0 if it is not known.
    """

    gpus: tuple[Gpu, ...]
    overhead_bytes: int = OVERHEAD_BYTES
    margin_bytes: int = MARGIN_BYTES
    host_bytes_per_s: int = HOST_BYTES_PER_S
    settings: Settings = SERVER_DEFAULTS
    rules: Profile = V032
    system_free_bytes: int = 0

    @property
    def reserve(self) -> Reserve:
        """What each GPU must have beside the buffers."""
        return Reserve(self.overhead_bytes, self.margin_bytes)

    @property
    def free_bytes(self) -> tuple[int, ...]:
        """What other programs leave of each GPU."""
        return tuple(gpu.free_bytes for gpu in self.gpus)

    @property
    def total_bytes(self) -> int:
        """Memory of all GPUs."""
        return sum(gpu.total_bytes for gpu in self.gpus)

    @property
    def flash(self) -> bool:
        """True if the server leaves flash attention to the engine."""
        return flash_attention(self.settings, self.specs())

    def specs(self) -> tuple[GpuSpec, ...]:
        """The GPUs as the scheduler knows them."""
        return tuple(
            GpuSpec(str(number), gpu.library, gpu.total_bytes, gpu.integrated, gpu.compute_major)
            for number, gpu in enumerate(self.gpus)
        )


@dataclass(frozen=True, slots=True)
class Fit:
    """One model on an empty host."""

    spec: Spec
    setting: Setting
    verdict: Verdict
    whole: Estimate
    """Everything on GPUs, whether they hold it or not."""
    loaded: Estimate
    """What the GPUs do hold; the same unless layers spill."""
    prediction: Prediction
    used_gpus: tuple[int, ...]
    """Positions of the GPUs that the loads are of."""
    spilled_layers: int
    speed_left: float | None
    """Tokens a second compared with everything on the GPUs; None without known bandwidths."""

    @property
    def processes(self) -> int:
        """GPUs on which the process has a context of its own."""
        return len(self.whole.gpus)


def fit(spec: Spec, setting: Setting, room: Room) -> Fit:
    """The verdict for one model alone. The batch of `setting` is taken as it is (see `with_automatic_batch`)."""
    prediction = predict(spec, setting, _all_free(room), flash=_flash(setting, room))
    used, whole = _placed(spec, setting, room)
    if used is not None:
        believed = prediction.total_bytes * 100 <= sum(room.free_bytes) * FIT_PERCENT
        verdict = Verdict.FITS if believed else Verdict.EVICTS
        return Fit(spec, setting, verdict, whole, whole, prediction, used, 0, 1.0)
    spilled, part = spill(spec, setting, room)
    verdict = Verdict.SPILLS if part.split.offloaded else Verdict.TOO_LARGE
    everything = tuple(range(len(room.gpus)))
    return Fit(spec, setting, verdict, whole, part, prediction, everything, spilled, speed_left(whole, part, room))


def fits_whole(spec: Spec, setting: Setting, room: Room) -> bool:
    """True if nothing spills; less work than the whole verdict."""
    return _placed(spec, setting, room)[0] is not None


def with_automatic_batch(spec: Spec, setting: Setting, room: Room) -> Setting:
    """The setting with the batch that Ollama would choose on this host while it is empty."""
    chosen = predict(spec, setting, _all_free(room), flash=_flash(setting, room))
    return replace(setting, batch=chosen.batch, flash_attn=setting.flash_attn if room.flash else "off")


def _flash(setting: Setting, room: Room) -> bool:
    """Whether the server leaves flash attention to the engine: not if it is switched off there, or no GPU has it."""
    return room.flash and setting.flash_attn != "off"


def _all_free(room: Room) -> tuple[tuple[GpuSpec, int], ...]:
    return tuple(zip(room.specs(), room.free_bytes, strict=True))


def _placed(spec: Spec, setting: Setting, room: Room) -> tuple[tuple[int, ...] | None, Estimate]:
    """The largest single GPU if it holds everything, else all of them; None if they do not."""
    takes = ByHeader(spec)
    alone = takes.estimate(replace(setting, n_gpu=1, n_gpu_layers=None))
    largest = max(range(len(room.gpus)), key=lambda number: room.free_bytes[number])
    if holds(alone, (room.free_bytes[largest],), room.reserve.bytes):
        return (largest,), alone
    if len(room.gpus) == 1:
        return None, alone
    shares = room.free_bytes
    together = takes.estimate(replace(setting, n_gpu=len(room.gpus), n_gpu_layers=None), shares)
    if holds(together, room.free_bytes, room.reserve.bytes):
        return tuple(range(len(room.gpus))), together
    return None, together


def spill(spec: Spec, setting: Setting, room: Room) -> tuple[int, Estimate]:
    """Layers that do not fit on the GPUs (the head counts as one), and the load of the rest; found by bisection."""
    takes = ByHeader(spec)
    layers, best = Offload(takes, replace(setting, n_gpu_layers=None), room.free_bytes, room.reserve.bytes).most()
    return takes.layers - layers, best


def speed_left(whole: Estimate, part: Estimate, room: Room) -> float | None:
    """Generation speed with spilled layers, as a share of the speed with none.

    Each token reads all weights and its cache once, from where they lie, so times add up by bandwidth; experts that are
    not used make both sides slower alike. The real cliff is steeper if the host is busy.
    """
    speeds = [gpu.bytes_per_s for gpu in room.gpus if gpu.bytes_per_s is not None]
    if len(speeds) < len(room.gpus) or not speeds:
        return None
    all_bytes, on_gpus = _read_bytes(whole), _read_bytes(part)
    slowest = min(speeds)
    now = on_gpus / slowest + (all_bytes - on_gpus) / room.host_bytes_per_s
    return all_bytes / slowest / now


def _read_bytes(found: Estimate) -> int:
    return sum(load.weights_bytes + load.cache.context_bytes for load in found.gpus)
