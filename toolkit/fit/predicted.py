"""What Ollama believes a model will take: the scheduler's own arithmetic, fed from a model's header.

The formulas are those of the twin's scheduler (`toolkit.host.scheduler`), so a model is predicted in one place only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.fit.architectures import embeds
from toolkit.host.scheduler.batch import automatic_batch, surcharge_bytes
from toolkit.host.scheduler.prediction import effective_context, predicted_bytes
from toolkit.host.scheduler.profile import profile
from toolkit.host.scheduler.specs import GpuSpec, ModelSpec

if TYPE_CHECKING:
    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import Spec

MOST_EMBEDDING_BATCH: Final = 2048
AMPLE_BYTES: Final = 1 << 50
"""Free memory that no rule of the scheduler ever finds too little."""
_PROFILE: Final = "v0.32"


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predicted bytes, the batch that would be chosen, and what that batch adds."""

    predicted_bytes: int
    batch: int
    surcharge_bytes: int

    @property
    def total_bytes(self) -> int:
        """What the fit check compares with 80 % of free memory."""
        return self.predicted_bytes + self.surcharge_bytes


def scheduler_model(spec: Spec, digest: str = "") -> ModelSpec:
    """The model as the scheduler knows it."""
    keys = spec.keys
    said = keys.raw("attention.head_count_kv")
    return ModelSpec(
        name=spec.name,
        digest=digest,
        file_bytes=spec.file_bytes if spec.file_bytes is not None else spec.tensor_bytes,
        architecture=spec.architecture,
        block_count=keys.whole("block_count"),
        embedding_length=spec.embedding,
        head_count=max(spec.heads, default=0),
        head_count_kv=min(spec.kv_heads, default=0) if said is not None else 1,
        context_length=spec.trained_context,
        embedding=embeds(spec),
    )


def parallel_of(spec: Spec, asked: int) -> int:
    """Slots that the server would give the model: one for embedding models and some architectures."""
    single = embeds(spec) or spec.architecture in profile(_PROFILE).single_slot_architectures
    return 1 if single else asked


def predict(
    spec: Spec, setting: Setting, gpus: tuple[tuple[GpuSpec, int], ...] = (), *, flash: bool = True
) -> Prediction:
    """Ollama's view of one start; `gpus` are the chosen ones with their free bytes (none: memory is ample).

    The prediction is for the slots of `setting`, the batch for those that the server grants (`parallel_of`). `flash` is
    False on a server that has flash attention switched off.
    """
    model = scheduler_model(spec)
    context = effective_context(setting.num_ctx, spec.trained_context)
    predicted = predicted_bytes(model, context * setting.parallel)
    if model.embedding:
        return Prediction(predicted, min(MOST_EMBEDDING_BATCH, setting.num_ctx), 0)
    available = sum(free for _, free in gpus) if gpus else AMPLE_BYTES
    chosen = gpus or ((GpuSpec("0", "CUDA", AMPLE_BYTES), AMPLE_BYTES),)
    granted = context * parallel_of(spec, setting.parallel)
    batch = automatic_batch(granted, predicted, available, chosen, flash=flash or setting.device == "cpu")
    return Prediction(predicted, batch, surcharge_bytes(batch))
