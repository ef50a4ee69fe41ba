"""From the `twin` section of a config to the description of a simulated host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.host import timing
from toolkit.host.machine import GpuHardware, HostHardware
from toolkit.host.scheduler import GpuSpec, ModelSpec
from toolkit.host.timing import HostSpeeds, ModelCost
from toolkit.host.twin import TwinModel, TwinSpec
from toolkit.host.virtual import Cores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.config.twin import TwinSection
    from toolkit.config.twin_parts import CpuSection, GpuSection, TwinModelSection

GIB = 1 << 30
GB = 10**9
PAGE_CACHE_SHARE = 0.1
"""How fast one thread fills memory from the page cache, as a share of the RAM's bandwidth (6 of 60 GB/s): an estimate.

It is meant for copies into buffers that are used again, as on the way to a GPU. Filling fresh memory costs a page fault
for every 4 KiB besides; a virtual machine with two cores was measured at 1.2 GB/s there (docs/validation.md).
"""


def twin_from_config(section: TwinSection, environment: Mapping[str, str] | None = None) -> TwinSpec:
    """The host that the section describes; the bus and the memory speed are those of its first GPU.

    `environment` are further variables of its server; the section's own come before them. The type of the KV cache
    changes what models really take, and nothing of what the server predicts.
    """
    first = section.gpus[0] if section.gpus else None
    variables = {**(environment or {}), **section.env}
    kv_share = kv_cache_share(variables)
    return TwinSpec(
        hardware=HostHardware(
            tuple(_gpu(number, gpu) for number, gpu in enumerate(section.gpus)),
            section.ram_bytes,
            section.ram_free_bytes,
            timing.PROCESS_START_NS + timing.DEVICE_START_NS,
        ),
        models=tuple(TwinModel(_spec(model), _cost(section, model, kv_share)) for model in section.models),
        environment=tuple(sorted(variables.items())),
        profile=section.profile,
        server_version=section.version,
        speeds=HostSpeeds(
            disk_bytes_per_s=section.disk.read_bytes_per_s,
            page_cache_bytes_per_s=section.disk.cached_bytes_per_s
            or section.ram_bandwidth_bytes_per_s * PAGE_CACHE_SHARE,
            ram_bytes_per_s=section.ram_bandwidth_bytes_per_s,
            bus_bytes_per_s=first.bus_bytes_per_s if first else section.ram_bandwidth_bytes_per_s,
            device_bytes_per_s=first.bandwidth_bytes_per_s if first else section.ram_bandwidth_bytes_per_s,
            process_start_ns=section.process.start_ns,
            process_stop_ns=section.process.stop_ns,
            stop_ns_per_host_byte=section.process.stop_per_gb_ns / GB,
            answer_ns=section.process.answer_ns,
        ),
        jitter_sigma=section.jitter,
        description=_describe(section),
        cores=None if section.cpu is None else _cores(section.cpu),
    )


def _cores(cpu: CpuSection) -> Cores:
    return Cores(cpu.cores, cpu.threads, drag=cpu.drag)


def _gpu(number: int, gpu: GpuSection) -> GpuHardware:
    free = gpu.memory_bytes if gpu.free_bytes is None else gpu.free_bytes
    spec = GpuSpec(f"GPU-{number}", gpu.library, gpu.memory_bytes, gpu.integrated, gpu.compute_major)
    return GpuHardware(spec, free, gpu.recovery_ns)


def _spec(model: TwinModelSection) -> ModelSpec:
    return ModelSpec(
        name=model.name,
        digest=model.digest,
        file_bytes=model.size_bytes,
        architecture=model.architecture,
        block_count=model.blocks,
        embedding_length=model.embedding_length,
        head_count=model.head_count,
        head_count_kv=model.head_count_kv,
        context_length=model.context_length,
        embedding=model.embedding,
        options=tuple(model.options.items()),
    )


def kv_cache_share(environment: Mapping[str, str]) -> float:
    """What an element of the cache takes by OLLAMA_KV_CACHE_TYPE, as a share of the two bytes of f16.

    q8_0 and q4_0 hold 32 elements in 34 and 18 bytes. Without flash attention the engine keeps f16.
    """
    if environment.get("OLLAMA_FLASH_ATTENTION", "1").strip().lower() in {"0", "f", "false"}:
        return 1.0
    kind = environment.get("OLLAMA_KV_CACHE_TYPE", "").strip().strip("\"'").lower()
    return {"q8_0": 34 / 64, "q4_0": 18 / 64}.get(kind, 1.0)


def _cost(section: TwinSection, model: TwinModelSection, kv_share: float) -> ModelCost:
    return ModelCost(
        file_bytes=model.size_bytes,
        weights_bytes=model.weights_bytes,
        kv_bytes_per_token=round(model.kv_bytes_per_token * kv_share),
        compute_bytes=model.compute_bytes,
        layers=model.blocks + 1,
        prefill_tok_per_s=section.prefill_tok_per_s(model),
        decode_tok_per_s=section.decode_tok_per_s(model),
        cpu_prefill_tok_per_s=section.cpu_prefill_tok_per_s(model),
        cpu_decode_tok_per_s=section.cpu_decode_tok_per_s(model),
        prompt_start_ns=model.prompt_start_ns,
        prefill_ns_per_context=model.prefill_ns_per_context or 0.0,
        decode_ns_per_context=model.decode_ns_per_context,
    )


def _describe(section: TwinSection) -> str:
    """One line for people: `RTX 4090 24 GiB, 64 GiB RAM`."""
    cards = [f"{gpu.name} {gpu.memory_bytes / GIB:g} GiB" for gpu in section.gpus] or ["no GPU"]
    return ", ".join([*cards, f"{section.ram_bytes / GIB:g} GiB RAM"])
