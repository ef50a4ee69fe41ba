"""Published hyperparameters of common models, for a name where there is neither a file nor a host to ask.

Sources: the models' own `config.json` and the files that ollama.com ships (storage recipe). Other tags of the same
weights are aliases. Text part only: a vision tower comes on top.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.errors import UsageError
from toolkit.fit.draft import drafted

if TYPE_CHECKING:
    from toolkit.ollama.gguf.records import Header, Scalar


@dataclass(frozen=True, slots=True)
class Published:
    """One model. `extra` are further header keys, without the architecture's prefix."""

    architecture: str
    layers: int
    embedding: int
    feed_forward: int
    heads: int
    kv_heads: int
    vocabulary: int
    context: int
    file_type: str = "Q4_K_M"
    tied: bool = False
    extra: tuple[tuple[str, Scalar], ...] = ()


_RMS: Final = (("attention.layer_norm_rms_epsilon", 1e-6),)


def _lengths(length: int, *more: tuple[str, Scalar]) -> tuple[tuple[str, Scalar], ...]:
    return (*_RMS, ("attention.key_length", length), ("attention.value_length", length), *more)


def _window(length: int, window: int) -> tuple[tuple[str, Scalar], ...]:
    return _lengths(length, ("attention.sliding_window", window))


def _gemma2(length: int) -> tuple[tuple[str, Scalar], ...]:
    caps: tuple[tuple[str, Scalar], ...] = (("attn_logit_softcapping", 50.0), ("final_logit_softcapping", 30.0))
    return (*_window(length, 4096), *caps)


def _experts(count: int, used: int, width: int, *more: tuple[str, Scalar]) -> tuple[tuple[str, Scalar], ...]:
    return (("expert_count", count), ("expert_used_count", used), ("expert_feed_forward_length", width), *more)


_DEEPSEEK_LITE: Final = (
    *_RMS,
    ("attention.key_length", 192),
    ("attention.value_length", 128),
    ("rope.dimension_count", 64),
    ("attention.kv_lora_rank", 512),
    ("leading_dense_block_count", 1),
    *_experts(64, 6, 1408, ("expert_shared_count", 2)),
)
_NOMIC: Final = (("attention.layer_norm_epsilon", 1e-12), ("attention.causal", False), ("pooling_type", 1))
_GPT_OSS: Final = _window(64, 128)

CATALOGUE: Final[dict[str, Published]] = {
    "llama3.1:8b": Published("llama", 32, 4096, 14336, 32, 8, 128256, 131072, extra=_RMS),
    "llama3.2:1b": Published("llama", 16, 2048, 8192, 32, 8, 128256, 131072, "Q8_0", tied=True, extra=_lengths(64)),
    "llama3.2:3b": Published("llama", 28, 3072, 8192, 24, 8, 128256, 131072, tied=True, extra=_lengths(128)),
    "llama3.3:70b": Published("llama", 80, 8192, 28672, 64, 8, 128256, 131072, extra=_lengths(128)),
    "mistral:7b": Published("llama", 32, 4096, 14336, 32, 8, 32768, 32768, extra=_RMS),
    "mixtral:8x7b": Published(
        "llama", 32, 4096, 14336, 32, 8, 32000, 32768, "Q4_0", extra=(*_RMS, *_experts(8, 2, 14336))
    ),
    "qwen2.5:0.5b": Published("qwen2", 24, 896, 4864, 14, 2, 151936, 32768, tied=True, extra=_RMS),
    "qwen2.5:1.5b": Published("qwen2", 28, 1536, 8960, 12, 2, 151936, 32768, tied=True, extra=_RMS),
    "qwen2.5:3b": Published("qwen2", 36, 2048, 11008, 16, 2, 151936, 32768, tied=True, extra=_RMS),
    "qwen2.5:7b": Published("qwen2", 28, 3584, 18944, 28, 4, 152064, 32768, extra=_RMS),
    "qwen2.5:14b": Published("qwen2", 48, 5120, 13824, 40, 8, 152064, 32768, extra=_RMS),
    "qwen2.5:32b": Published("qwen2", 64, 5120, 27648, 40, 8, 152064, 32768, extra=_RMS),
    "qwen2.5:72b": Published("qwen2", 80, 8192, 29568, 64, 8, 152064, 32768, extra=_RMS),
    "qwen3:0.6b": Published("qwen3", 28, 1024, 3072, 16, 8, 151936, 40960, tied=True, extra=_lengths(128)),
    "qwen3:1.7b": Published("qwen3", 28, 2048, 6144, 16, 8, 151936, 40960, tied=True, extra=_lengths(128)),
    "qwen3:4b": Published("qwen3", 36, 2560, 9728, 32, 8, 151936, 40960, tied=True, extra=_lengths(128)),
    "qwen3:8b": Published("qwen3", 36, 4096, 12288, 32, 8, 151936, 40960, extra=_lengths(128)),
    "qwen3:14b": Published("qwen3", 40, 5120, 17408, 40, 8, 151936, 40960, extra=_lengths(128)),
    "qwen3:32b": Published("qwen3", 64, 5120, 25600, 64, 8, 151936, 40960, extra=_lengths(128)),
    "qwen3:30b": Published(
        "qwen3moe", 48, 2048, 6144, 32, 4, 151936, 40960, extra=(*_lengths(128), *_experts(128, 8, 768))
    ),
    "gemma2:2b": Published("gemma2", 26, 2304, 9216, 8, 4, 256000, 8192, "Q4_0", tied=True, extra=_gemma2(256)),
    "gemma2:9b": Published("gemma2", 42, 3584, 14336, 16, 8, 256000, 8192, "Q4_0", tied=True, extra=_gemma2(256)),
    "gemma2:27b": Published("gemma2", 46, 4608, 36864, 32, 16, 256000, 8192, "Q4_0", tied=True, extra=_gemma2(128)),
    "gemma3:1b": Published("gemma3", 26, 1152, 6912, 4, 1, 262144, 32768, tied=True, extra=_window(256, 512)),
    "gemma3:4b": Published("gemma3", 34, 2560, 10240, 8, 4, 262144, 131072, tied=True, extra=_window(256, 1024)),
    "gemma3:12b": Published("gemma3", 48, 3840, 15360, 16, 8, 262144, 131072, tied=True, extra=_window(256, 1024)),
    "gemma3:27b": Published("gemma3", 62, 5376, 21504, 32, 16, 262144, 131072, tied=True, extra=_window(128, 1024)),
    "phi3:mini": Published("phi3", 32, 3072, 8192, 32, 32, 32064, 131072, "Q4_0", extra=_RMS),
    "phi4:14b": Published("phi3", 40, 5120, 17920, 40, 10, 100352, 16384, extra=_RMS),
    "command-r:35b": Published(
        "command-r", 40, 8192, 24576, 64, 8, 256000, 131072, "Q4_0", tied=True,
        extra=(("attention.layer_norm_epsilon", 1e-5), ("logit_scale", 0.0625)),
    ),
    "gpt-oss:20b": Published(
        "gpt-oss", 24, 2880, 2880, 64, 8, 201088, 131072, "MXFP4", extra=(*_GPT_OSS, *_experts(32, 4, 2880))
    ),
    "gpt-oss:120b": Published(
        "gpt-oss", 36, 2880, 2880, 64, 8, 201088, 131072, "MXFP4", extra=(*_GPT_OSS, *_experts(128, 4, 2880))
    ),
    "deepseek-coder-v2:16b": Published(
        "deepseek2", 27, 2048, 10944, 16, 16, 102400, 163840, "Q4_0", extra=_DEEPSEEK_LITE
    ),
    "nomic-embed-text:v1.5": Published(
        "nomic-bert", 12, 768, 3072, 12, 12, 30522, 2048, "F16", tied=True, extra=_NOMIC
    ),
}  # fmt: skip

ALIASES: Final[dict[str, str]] = {
    "llama3.1": "llama3.1:8b",
    "llama3.2": "llama3.2:3b",
    "llama3.3": "llama3.3:70b",
    "mistral": "mistral:7b",
    "mixtral": "mixtral:8x7b",
    "qwen2.5": "qwen2.5:7b",
    "qwen2.5-coder": "qwen2.5:7b",
    "qwen2.5-coder:7b": "qwen2.5:7b",
    "qwen2.5-coder:14b": "qwen2.5:14b",
    "qwen2.5-coder:32b": "qwen2.5:32b",
    "qwen3": "qwen3:8b",
    "qwen3:30b-a3b": "qwen3:30b",
    "gemma2": "gemma2:9b",
    "gemma3": "gemma3:4b",
    "phi3": "phi3:mini",
    "phi4": "phi4:14b",
    "gpt-oss": "gpt-oss:20b",
    "deepseek-coder-v2": "deepseek-coder-v2:16b",
    "nomic-embed-text": "nomic-embed-text:v1.5",
    "command-r": "command-r:35b",
}


def published(name: str) -> Header:
    """The header of a published model, drafted. Raises UsageError for a name that is not in the catalogue."""
    key = name.removesuffix(":latest").lower()
    row = CATALOGUE.get(ALIASES.get(key, key))
    if row is None:
        raise UsageError(
            f"{name}: not in the catalogue of published models; give the path of its file, or ask a server (--host)"
        )
    keys: dict[str, Scalar] = {
        "block_count": row.layers,
        "embedding_length": row.embedding,
        "feed_forward_length": row.feed_forward,
        "attention.head_count": row.heads,
        "attention.head_count_kv": row.kv_heads,
        "context_length": row.context,
        **dict(row.extra),
    }
    metadata: dict[str, Scalar] = {f"{row.architecture}.{key}": value for key, value in keys.items()}
    metadata["general.architecture"] = row.architecture
    return drafted(name, metadata, row.vocabulary, row.file_type, tied=row.tied)
