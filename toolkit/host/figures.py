"""What installed models cost a host: numbers for the scheduler, memory by the engine's arithmetic, speeds.

A config gives the figures of its models. Of all others (recorded ones, uploads) the header is known; from it memory is
what `toolkit.fit` says the engine allocates, and speeds follow from the size of the file and the speed of the RAM.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.fit.estimate import estimate
from toolkit.fit.setting import Setting
from toolkit.fit.spec import spec_of
from toolkit.fit.takes import ByHeader
from toolkit.host.footprints import TwinFootprints
from toolkit.host.scheduler import ModelSpec, RunnerReport
from toolkit.host.timing import ModelCost
from toolkit.host.twin_spec import figures_of
from toolkit.ollama.gguf import ArrayValue, GgufError, Header, TensorInfo
from toolkit.ollama.gguf.types import STORAGE_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.fit.spec import Spec
    from toolkit.fit.takes import Takes
    from toolkit.host.footprints import RunnerMemory
    from toolkit.host.library.gguf_facts import GgufFacts
    from toolkit.host.library.models import InstalledModel
    from toolkit.host.scheduler import Launch
    from toolkit.host.timing import HostSpeeds
    from toolkit.host.twin_spec import TwinModel

_DECODE_SHARE_OF_BANDWIDTH = 0.75
_PREFILL_PER_DECODE = 6.0
_MOST_DECODE_TOK_PER_S = 1500.0
"""Small models are bound by the server's own work for each token."""
_DEFAULT_COMPUTE_BYTES = 64 << 20
_F16_BYTES = 2
_NO_CONTEXT_SHIFT = frozenset({"deepseek2"})
_GUESSED = 4096


@dataclass(slots=True)
class Figures:
    """Figures by digest of the model file; learned when a model is first asked for."""

    speeds: HostSpeeds
    known: Mapping[str, TwinModel] = field(default_factory=dict)
    costs: dict[str, ModelCost] = field(default_factory=dict)
    takes: dict[str, Takes] = field(default_factory=dict)
    _specs: dict[tuple[str, str], ModelSpec] = field(default_factory=dict)

    def spec(self, model: InstalledModel) -> ModelSpec:
        """The model as the scheduler knows it."""
        key = (model.name.short, model.digest)
        found = self._specs.get(key)
        if found is None:
            found = self._specs[key] = self._read(model)
        return found

    def _read(self, model: InstalledModel) -> ModelSpec:
        facts, digest = model.facts, bare(model.model_digest)
        blocks, heads, kv_heads = (_number(facts, key) for key in ("block_count", *_HEAD_KEYS))
        spec = ModelSpec(
            name=model.name.short,
            digest=digest,
            file_bytes=model.file_bytes,
            architecture=facts.architecture if facts is not None else "unknown",
            block_count=blocks,
            embedding_length=_number(facts, "embedding_length"),
            head_count=heads,
            head_count_kv=kv_heads,
            context_length=_number(facts, "context_length"),
            embedding=model.embeds,
            vision="vision" in model.capabilities,
            context_shift=facts is None or facts.architecture not in _NO_CONTEXT_SHIFT,
            options=tuple(model.options.items()),
        )
        if digest not in self.costs:
            known = self.known.get(digest)
            header = _header(model) if known is None else None
            self.costs[digest] = known.cost if known else self._cost(spec)
            self.takes[digest] = (
                known.takes if known else ByHeader(header) if header else figures_of(self.costs[digest])
            )
        return spec

    def _cost(self, spec: ModelSpec) -> ModelCost:
        decode = _DECODE_SHARE_OF_BANDWIDTH * self.speeds.ram_bytes_per_s / max(spec.file_bytes, 1)
        decode = min(decode, _MOST_DECODE_TOK_PER_S)
        head_length = spec.embedding_length // max(spec.head_count, 1)
        return ModelCost(
            file_bytes=spec.file_bytes,
            weights_bytes=spec.file_bytes,
            kv_bytes_per_token=2 * spec.block_count * spec.head_count_kv * head_length * _F16_BYTES,
            compute_bytes=_DEFAULT_COMPUTE_BYTES,
            layers=spec.block_count + 1,
            prefill_tok_per_s=decode * _PREFILL_PER_DECODE,
            decode_tok_per_s=decode,
            cpu_prefill_tok_per_s=decode * _PREFILL_PER_DECODE,
            cpu_decode_tok_per_s=decode,
        )


_HEAD_KEYS = ("attention.head_count", "attention.head_count_kv")


class FiguredFootprints(TwinFootprints):
    """As the twin's; but what v0.32 reads in the log of system memory, v0.24 reckons itself."""

    def __init__(self, figures: Figures, memory: RunnerMemory, *, engine_logs: bool) -> None:
        """`engine_logs`: the server reads sizes from the engine's log (v0.32) instead of reckoning them itself."""
        super().__init__(figures.takes, memory)
        self._figures = figures
        self._engine_logs = engine_logs

    def allocate(self, launch: Launch, free_bytes: Sequence[int]) -> RunnerReport:
        """See `TwinFootprints`."""
        takes = self._figures.takes[launch.model.digest]
        if self._engine_logs or launch.offloads() or not isinstance(takes, ByHeader):
            return super().allocate(launch, free_bytes)
        return RunnerReport(
            (), 0, reckoned_host_bytes(takes.spec, launch.num_ctx, launch.num_parallel, launch.num_batch)
        )


def reckoned_host_bytes(spec: Spec, num_ctx: int, num_parallel: int, num_batch: int) -> int:
    """`size` as v0.24 reckons it: cache and tensors, but for the table of embeddings, which its loader maps."""
    setting = Setting(num_ctx, num_parallel, num_batch, device="cpu", n_gpu_layers=0)
    cache = estimate(spec, setting).cache
    mapped = sum(tensor.nbytes for name, tensor in spec.roots.items() if name.startswith("token_embd."))
    return spec.tensor_bytes - mapped + cache.context_bytes


def bare(digest: str) -> str:
    """A digest without its algorithm."""
    return digest.partition(":")[2] or digest


def _number(facts: GgufFacts | None, key: str) -> int:
    """A number of the header, of one for each layer the largest (the least of cache heads); 0 if it is not there."""
    value = facts.get(key, 0) if facts is not None else 0
    if isinstance(value, (tuple, list)):
        numbers = [int(item) for item in value if isinstance(item, (int, float))] or [0]
        return min(numbers) if key.endswith("_kv") else max(numbers)
    return int(value) if isinstance(value, (int, float)) else 0


def _header(model: InstalledModel) -> Spec | None:
    """The header for the engine's arithmetic; None where it says too little."""
    if model.facts is None:
        return None
    metadata = {
        key: _array(value) if isinstance(value, (tuple, list)) else value for key, value in model.facts.metadata
    }
    try:
        tensors = tuple(
            TensorInfo(item.name, item.shape, STORAGE_BY_NAME[item.type.upper()]) for item in model.facts.tensors
        )
        return spec_of(Header(model.name.short, 3, "little", metadata, tensors, None, model.file_bytes))
    except (GgufError, KeyError):
        return None


def _array(value: tuple[object, ...] | list[object]) -> ArrayValue:
    """Short arrays of numbers whole, others by their length alone."""
    numbers = [item for item in value if isinstance(item, (int, float))]
    whole = len(numbers) == len(value) and len(value) < _GUESSED
    return ArrayValue("any", len(value), tuple(numbers) if whole else None)
