"""Everything that `hotswap fit` says about some models on a host, as values: render it as text or as JSON."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from toolkit.fit.advise import Change, cheapest_changes, largest_context
from toolkit.fit.architectures import is_known
from toolkit.fit.enlarge import Gain, gains
from toolkit.fit.predicted import parallel_of
from toolkit.fit.room import Fit, Room, Verdict, fit, with_automatic_batch
from toolkit.fit.setting import Setting
from toolkit.fit.together import Sets, Tenant, contexts_for_all, pairs_that_swap, sets_of
from toolkit.host.scheduler.profile import profile
from toolkit.host.scheduler.settings import Settings

if TYPE_CHECKING:
    from toolkit.fit.learned import Correction, Learned
    from toolkit.fit.setting import FlashAttention
    from toolkit.fit.spec import Spec

SHORT_CONTEXT: Final = 4096
_A_PAIR: Final = 2


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for. `num_ctx` None: the automatic context and 4096; `most_models` None: Ollama's default."""

    num_ctx: int | None = None
    parallel: int = 1
    kv_type: str = "f16"
    flash_attn: FlashAttention = "auto"
    most_models: int | None = None


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One model at one context; `correction` is what its host has taught."""

    name: str
    known: bool
    fit: Fit
    largest_context: int | None
    changes: tuple[Change, ...]
    correction: Correction | None

    @property
    def real_bytes(self) -> int:
        """What it takes on the GPUs, the overhead of CUDA not counted."""
        learned = self.correction.delta_bytes if self.correction else 0
        return self.fit.whole.gpu_total_bytes + self.fit.whole.projector_bytes + learned


@dataclass(frozen=True, slots=True)
class ContextReport:
    """All models at one context."""

    num_ctx: int
    automatic: bool
    models: tuple[ModelReport, ...]
    sets: Sets
    swaps: tuple[tuple[str, str], ...]
    gains: tuple[Gain, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The whole answer; `contexts_for_all` is None if not even a short context lets all models stay."""

    room: Room
    contexts: tuple[ContextReport, ...]
    contexts_for_all: dict[str, int] | None


@dataclass(frozen=True, slots=True)
class Question:
    """Some models on a host; `learned` is what that host has shown, if anything."""

    named: tuple[tuple[str, Spec], ...]
    room: Room
    wish: Wish
    learned: Learned | None = None

    def contexts(self) -> tuple[tuple[int, bool], ...]:
        """The contexts to look at, and whether each is the automatic one."""
        if self.wish.num_ctx:
            return ((self.wish.num_ctx, False),)
        automatic = profile("v0.32").automatic_num_ctx(self.room.specs(), Settings())
        shorter = () if automatic == SHORT_CONTEXT else ((SHORT_CONTEXT, False),)
        return ((automatic, True), *shorter)

    def tenants(self, num_ctx: int) -> tuple[Tenant, ...]:
        """The models as they would be started at this context."""
        return tuple(
            Tenant(
                name,
                spec,
                with_automatic_batch(spec, self._setting(spec, num_ctx), self.room),
                _learned_bytes(name, self.learned),
            )
            for name, spec in self.named
        )

    def _setting(self, spec: Spec, num_ctx: int) -> Setting:
        return Setting(
            num_ctx=min(num_ctx, spec.trained_context or num_ctx),
            parallel=parallel_of(spec, self.wish.parallel),
            kv_type=self.wish.kv_type,
            flash_attn=self.wish.flash_attn,
        )


def report_on(question: Question) -> Report:
    """Work everything out."""
    contexts = tuple(_at(question, num_ctx, automatic=automatic) for num_ctx, automatic in question.contexts())
    if len(question.named) < _A_PAIR:
        return Report(question.room, contexts, None)
    tenants = question.tenants(contexts[0].num_ctx)
    return Report(question.room, contexts, contexts_for_all(tenants, question.room, question.wish.most_models))


def _at(question: Question, num_ctx: int, *, automatic: bool) -> ContextReport:
    room, most, tenants = question.room, question.wish.most_models, question.tenants(num_ctx)
    models = tuple(_model(tenant, room, question.learned) for tenant in tenants)
    sets = sets_of(tenants, room, most)
    more = gains(tenants, room, most) if len(tenants) >= _A_PAIR else ()
    return ContextReport(num_ctx, automatic, models, sets, pairs_that_swap(tenants, sets), more)


def _learned_bytes(name: str, learned: Learned | None) -> int:
    correction = learned.correction(name) if learned else None
    return correction.delta_bytes if correction else 0


def _model(tenant: Tenant, host: Room, learned: Learned | None) -> ModelReport:
    """One model; what its host has taught counts like a process's own overhead."""
    room = replace(host, overhead_bytes=max(host.overhead_bytes + tenant.learned_bytes, 0))
    return ModelReport(
        tenant.name,
        is_known(tenant.spec),
        fit(tenant.spec, tenant.setting, room),
        largest_context(tenant.spec, tenant.setting, room),
        cheapest_changes(tenant.spec, tenant.setting, room),
        learned.correction(tenant.name) if learned else None,
    )


def as_json(report: Report) -> dict[str, Any]:
    """The report as JSON values; sizes are bytes."""
    return {
        "gpus": [{"name": gpu.name, "total_bytes": gpu.total_bytes} for gpu in report.room.gpus],
        "overhead_bytes": report.room.overhead_bytes,
        "margin_bytes": report.room.margin_bytes,
        "contexts": [_context_json(context) for context in report.contexts],
        "contexts_for_all": report.contexts_for_all,
    }


def _context_json(context: ContextReport) -> dict[str, Any]:
    return {
        "num_ctx": context.num_ctx,
        "automatic": context.automatic,
        "models": [_model_json(model) for model in context.models],
        "sets_really": context.sets.really,
        "sets_by_ollama": context.sets.by_ollama,
        "sets_both": context.sets.both,
        "pairs_that_swap": context.swaps,
        "gains": [{"change": g.text, "largest_set": g.largest, "all_stay": g.all_stay} for g in context.gains],
    }


def _model_json(model: ModelReport) -> dict[str, Any]:
    fit_, whole = model.fit, model.fit.whole
    return {
        "name": model.name,
        "architecture": fit_.spec.architecture,
        "family": whole.family,
        "known_architecture": model.known,
        "verdict": fit_.verdict.value,
        "num_ctx": fit_.setting.num_ctx,
        "parallel": fit_.setting.parallel,
        "batch": fit_.setting.batch,
        "weights_gpu_bytes": whole.weights_gpu_bytes,
        "weights_host_bytes": whole.host.weights_bytes,
        "kv_bytes": whole.cache.cache_bytes,
        "rs_bytes": whole.cache.state_bytes,
        "context_bytes": whole.cache.context_bytes,
        "compute_gpu_bytes": whole.compute_gpu_bytes,
        "compute_host_bytes": whole.host.compute_bytes,
        "output_bytes": whole.host.output_bytes,
        "projector_bytes": whole.projector_bytes,
        "gpu_total_bytes": whole.gpu_total_bytes,
        "total_bytes": whole.total_bytes,
        "ollama_ps_vram_bytes": whole.shown_vram_bytes,
        "ollama_predicted_bytes": fit_.prediction.predicted_bytes,
        "ollama_batch": fit_.prediction.batch,
        "ollama_surcharge_bytes": fit_.prediction.surcharge_bytes,
        "spilled_layers": fit_.spilled_layers,
        "speed_left": fit_.speed_left,
        "largest_context": model.largest_context,
        "changes": [{"kind": c.kind, "change": c.text, "estimated": c.estimated} for c in model.changes],
        "correction_bytes": model.correction.delta_bytes if model.correction else None,
        "gpus": [
            {
                "position": position,
                "weights_bytes": load.weights_bytes,
                "context_bytes": load.cache.context_bytes,
                "compute_bytes": load.compute_bytes,
                "total_bytes": load.total_bytes,
            }
            for position, load in zip(fit_.used_gpus, fit_.loaded.gpus, strict=True)
        ],
        "fits_really": fit_.verdict in {Verdict.FITS, Verdict.EVICTS},
    }
