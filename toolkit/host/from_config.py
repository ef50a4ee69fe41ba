"""From the `twin` section of a config to the description of a simulated host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.host import timing
from toolkit.host.footprints import RunnerMemory
from toolkit.host.headers import takes_of
from toolkit.host.machine import GpuHardware, HostHardware
from toolkit.host.scheduler import GpuSpec, ModelSpec
from toolkit.host.timing import HostSpeeds, ModelCost
from toolkit.host.twin_spec import TwinModel, TwinSpec
from toolkit.host.virtual import Cores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.config.twin import TwinSection
    from toolkit.config.twin_parts import CpuSection, GpuSection, TwinModelSection
    from toolkit.fit.takes import Takes

GIB = 1 << 30
GB = 10**9
PAGE_CACHE_SHARE = 0.1
"""How fast one thread fills memory from the page cache, as a share of the RAM's bandwidth (6 of 60 GB/s): an estimate.

It is meant for copies into buffers that are used again, as on the way to a GPU. Filling fresh memory costs a page fault
for every 4 KiB besides; a virtual machine with two cores was measured at 1.2 GB/s there (docs/validation.md).
"""

_USUAL_CONTEXT, _USUAL_BATCH, _CELLS = 32768, 512, 256


def twin_from_config(section: TwinSection, environment: Mapping[str, str] | None = None) -> TwinSpec:
    """The host that the section describes; the bus and the memory speed are those of its first GPU.

    `environment` are further variables of its server; the section's own come before them. The type of the KV cache
    changes what models really take, and nothing of what the server predicts.
    """
    first = section.gpus[0] if section.gpus else None
    variables = {**(environment or {}), **section.env}
    hardware = HostHardware(
        tuple(_gpu(number, gpu) for number, gpu in enumerate(section.gpus)),
        section.ram_bytes,
        section.ram_free_bytes,
        timing.PROCESS_START_NS + timing.DEVICE_START_NS,
    )
    memory = RunnerMemory.of(variables, hardware.specs, section.process.vram_bytes)
    return TwinSpec(
        hardware=hardware,
        models=tuple(_model(section, model, memory) for model in section.models),
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
        process_overhead_bytes=section.process.vram_bytes,
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


def _model(section: TwinSection, model: TwinModelSection, memory: RunnerMemory) -> TwinModel:
    takes = takes_of(model)
    cost = ModelCost(
        file_bytes=model.size_bytes,
        weights_bytes=takes.estimate(memory.setting(1, 1, 1)).weights_gpu_bytes,
        kv_bytes_per_token=_per_token(takes, memory, model.context_length),
        compute_bytes=takes.estimate(memory.setting(_USUAL_CONTEXT, 1, _USUAL_BATCH)).compute_gpu_bytes,
        layers=takes.layers,
        prefill_tok_per_s=section.prefill_tok_per_s(model),
        decode_tok_per_s=section.decode_tok_per_s(model),
        cpu_prefill_tok_per_s=section.cpu_prefill_tok_per_s(model),
        cpu_decode_tok_per_s=section.cpu_decode_tok_per_s(model),
        prompt_start_ns=model.prompt_start_ns,
        prefill_ns_per_context=model.prefill_ns_per_context or 0.0,
        decode_ns_per_context=model.decode_ns_per_context,
    )
    return TwinModel(_spec(model), cost, takes)


def _per_token(takes: Takes, memory: RunnerMemory, trained: int) -> int:
    """What each token adds to the cache: by the longest context of the model, and half of it."""
    long = max(trained // _CELLS * _CELLS, 2 * _CELLS)
    caches = [takes.estimate(memory.setting(num_ctx, 1, 1)).cache.cache_bytes for num_ctx in (long // 2, long)]
    return (caches[1] - caches[0]) // (long - long // 2)


def _describe(section: TwinSection) -> str:
    """One line for people: `RTX 4090 24 GiB, 64 GiB RAM`."""
    cards = [f"{gpu.name} {gpu.memory_bytes / GIB:g} GiB" for gpu in section.gpus] or ["no GPU"]
    return ", ".join([*cards, f"{section.ram_bytes / GIB:g} GiB RAM"])
