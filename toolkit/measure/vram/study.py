"""Observations beside what the arithmetic says of the same setting, and the spill cliff of each model. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from toolkit.fit.advise import largest_context
from toolkit.fit.estimate import estimate
from toolkit.fit.observations import HostObservation
from toolkit.fit.predicted import AMPLE_BYTES, parallel_of, predict
from toolkit.fit.room import Verdict, fit, with_automatic_batch
from toolkit.fit.setting import Setting
from toolkit.host.scheduler.specs import GpuSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.fit.estimate import Estimate
    from toolkit.fit.room import Room
    from toolkit.fit.setting import FlashAttention
    from toolkit.fit.spec import Spec
    from toolkit.measure.host_facts import HostFacts
    from toolkit.measure.vram.session import Rung, VramOutcome

Untold = Literal["nothing", "spill", "batch"]
_NEARLY_FULL: Final = ((GpuSpec("0", "CUDA", AMPLE_BYTES), 1),)
"""A GPU with so little free that the smallest batch is chosen on it."""


@dataclass(frozen=True, slots=True)
class ServerSetting:
    """What the server was started with, as far as its user knows; a client can neither see nor change it."""

    parallel: int = 1
    kv_type: str = "f16"
    flash_attn: FlashAttention = "auto"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the arithmetic says: `size_vram` as `/api/ps` will show it, and what the GPUs really hold.

    The two differ where the server's own count is wrong (sliding windows). `spills` is None where no GPU was named:
    then the server may have stepped its batch down for want of memory, and `least_bytes` is what would be shown with
    the smallest one. Elsewhere it equals `shown_bytes`.
    """

    least_bytes: int
    shown_bytes: int
    real_bytes: int
    spills: bool | None


@dataclass(frozen=True, slots=True)
class Compared:
    """A rung and what was expected of it."""

    rung: Rung
    expected: Expected

    @property
    def untold(self) -> Untold | None:
        """Why nothing can be said against the observation, None where something can.

        Without known GPUs nobody can say how much of a model that has spilled should stay on them (`spill`), nor which
        of its batches the server took, as long as the observation lies between what they make (`batch`).
        """
        seen, expected = self.rung.vram_bytes, self.expected
        if not expected.shown_bytes or not seen:
            return "nothing"
        if expected.spills is None and not self.rung.is_whole:
            return "spill"
        if expected.least_bytes < expected.shown_bytes and expected.least_bytes <= seen <= expected.shown_bytes:
            return "batch"
        return None

    @property
    def off_share(self) -> float | None:
        """How far the observation is from the nearest expectation, as a share of it; None where it is `untold`."""
        if self.untold is not None:
            return None
        seen, expected = self.rung.vram_bytes, self.expected
        nearest = min(max(seen, expected.least_bytes), expected.shown_bytes)
        return (seen - nearest) / nearest


@dataclass(frozen=True, slots=True)
class Cliff:
    """Where layers begin to spill: the largest context that was whole and the smallest that was not, and their speeds.

    `expected_whole` is the largest context that should be whole by the arithmetic; None if none should, or if the GPUs
    are not known (`gpus_known`).
    """

    model: str
    whole: Rung | None
    spilled: Rung | None
    expected_whole: int | None
    gpus_known: bool


@dataclass(frozen=True, slots=True)
class VramStudy:
    """Everything that was seen, and what was expected."""

    facts: HostFacts
    setting: ServerSetting
    outcome: VramOutcome
    compared: tuple[Compared, ...]
    cliffs: tuple[Cliff, ...]


def study_of(
    facts: HostFacts, outcome: VramOutcome, specs: Mapping[str, Spec], setting: ServerSetting, room: Room | None
) -> VramStudy:
    """Compare each rung; `room` is the host's GPUs, None if they are not known."""
    compared = tuple(
        Compared(rung, expected_of(specs[rung.model], rung.context_length or rung.num_ctx, setting, room))
        for rung in sorted(outcome.rungs, key=lambda rung: (rung.model, rung.num_ctx))
    )
    models = dict.fromkeys(rung.model for rung in outcome.rungs)
    cliffs = tuple(
        Cliff(
            model,
            *cliff_of([one.rung for one in compared if one.rung.model == model]),
            None if room is None else largest_context(specs[model], _asked(specs[model], 1, setting), room),
            gpus_known=room is not None,
        )
        for model in models
    )
    return VramStudy(facts, setting, outcome, compared, cliffs)


def expected_of(spec: Spec, num_ctx: int, setting: ServerSetting, room: Room | None) -> Expected:
    """What one load should take, with the batch that the server chooses."""
    asked = _asked(spec, num_ctx, setting)
    if room is None:
        whole, least = _whole(spec, asked, ()), _whole(spec, asked, _NEARLY_FULL)
        return Expected(least.shown_vram_bytes, whole.shown_vram_bytes, whole.gpu_total_bytes, None)
    found = fit(spec, with_automatic_batch(spec, asked, room), room)
    spills = found.verdict in {Verdict.SPILLS, Verdict.TOO_LARGE}
    shown = found.loaded.shown_vram_bytes
    return Expected(shown, shown, found.loaded.gpu_total_bytes, spills)


def _whole(spec: Spec, asked: Setting, gpus: tuple[tuple[GpuSpec, int], ...]) -> Estimate:
    """All of it on GPUs, with the batch that the server chooses on these."""
    batch = predict(spec, asked, gpus, flash=asked.flash_attn != "off").batch
    return estimate(spec, replace(asked, batch=batch))


def cliff_of(rungs: list[Rung]) -> tuple[Rung | None, Rung | None]:
    """The last rung of one model that was whole, and the first that was not, but not all in RAM either."""
    whole = [rung for rung in rungs if rung.is_whole]
    spilled = [rung for rung in rungs if rung.vram_bytes and not rung.is_whole]
    return (
        max(whole, key=lambda rung: rung.num_ctx, default=None),
        min(spilled, key=lambda rung: rung.num_ctx, default=None),
    )


def _asked(spec: Spec, num_ctx: int, setting: ServerSetting) -> Setting:
    return Setting(
        num_ctx=min(num_ctx, spec.trained_context or num_ctx),
        parallel=parallel_of(spec, setting.parallel),
        kv_type=setting.kv_type,
        flash_attn=setting.flash_attn,
    )


def observation_of(rung: Rung, facts: HostFacts, setting: ServerSetting) -> HostObservation:
    """The rung as `hotswap fit --observed` reads it."""
    digest = next(model.digest for model in facts.models if model.name == rung.model)
    return HostObservation(
        model=rung.model,
        digest=digest,
        num_ctx=rung.num_ctx,
        size_vram_bytes=rung.vram_bytes,
        size_bytes=rung.size_bytes,
        host=facts.url,
        server_version=facts.server_version,
        observed_at=rung.observed_at,
        context_length=rung.context_length,
        parallel=setting.parallel,
        kv_type=setting.kv_type,
        flash_attn=setting.flash_attn,
    )
