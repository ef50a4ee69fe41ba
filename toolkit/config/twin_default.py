"""The embedded host: a 24 GiB GPU, and three models that do not all fit.

`config/twin.yaml` says the same with the reasons for each number; a test keeps the two equal.
"""

from __future__ import annotations

from toolkit.config.twin_parts import DetailsSection, GpuSection, TwinModelSection

_GIB, _GB, _MB = 1 << 30, 10**9, 10**6

DEFAULT_GPUS: tuple[GpuSection, ...] = (
    GpuSection(
        name="RTX 4090",
        memory=24 * _GIB,
        library="CUDA",
        compute=8.9,
        bandwidth=1008 * _GB,
        bus=12 * _GB,
    ),
)

DEFAULT_MODELS: tuple[TwinModelSection, ...] = (
    TwinModelSection(
        name="qwen2.5:32b",
        size=20 * _GB,
        architecture="qwen2",
        blocks=64,
        embedding_length=5120,
        head_count=40,
        head_count_kv=8,
        context_length=32768,
        prefill_tok_per_s=1900.0,
        decode_tok_per_s=39.0,
        cpu_prefill_tok_per_s=16.0,
        cpu_decode_tok_per_s=2.4,
        details=DetailsSection(parameters="32.8B", quantization="Q4_K_M"),
    ),
    TwinModelSection(
        name="deepseek-coder-v2:16b",
        size=8900 * _MB,
        architecture="deepseek2",
        blocks=27,
        embedding_length=2048,
        head_count=16,
        head_count_kv=16,
        context_length=163840,
        prefill_tok_per_s=5000.0,
        decode_tok_per_s=180.0,
        cpu_prefill_tok_per_s=90.0,
        cpu_decode_tok_per_s=17.0,
        details=DetailsSection(parameters="15.7B", quantization="Q4_0"),
    ),
    TwinModelSection(
        name="qwen2.5:7b",
        size=4700 * _MB,
        architecture="qwen2",
        blocks=28,
        embedding_length=3584,
        head_count=28,
        head_count_kv=4,
        context_length=32768,
        prefill_tok_per_s=7500.0,
        decode_tok_per_s=140.0,
        cpu_prefill_tok_per_s=70.0,
        cpu_decode_tok_per_s=10.0,
        details=DetailsSection(parameters="7.6B", quantization="Q4_K_M"),
    ),
)
