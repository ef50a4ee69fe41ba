"""How long things take on a host: loading, unloading, reading a prompt, writing an answer.

Sources. The shape of the load (process start, filling memory, looks every 250 ms) and the constants of start and stop
come from timings of a real v0.32 server on a CPU host, see docs/validation.md; those of a GPU are estimates. Decode is
bound by memory traffic: each token reads the active weights once and the KV cache of its context once. What is not
known of a host (speeds of its disk, bus and models) is a parameter, not a constant.

All times are integer nanoseconds, sizes bytes, speeds per second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

NS_PER_S = 1_000_000_000
HEALTH_PAUSE_NS = 250_000_000
"""The server pauses this long before each look whether its runner is up."""
HEALTH_LOOK_NS = (3_000_000, 8_000_000)
"""What a look itself takes, as measured: a load lasts a whole number of pauses and looks, 250 to 260 ms each."""
LOAD_ANSWER_NS = 3_500_000
"""What a load takes besides (median): up to the start of the process, and from the last look to the runner."""
PROCESS_START_NS = 125_000_000
"""From the start of the runner's process until it begins to read the model (fit to loads of 0.75 MB to 1.5 GB)."""
DEVICE_START_NS = 600_000_000
"""Creating a CUDA context and warming up before the first answer. An estimate: no GPU was there to measure it."""
PROCESS_STOP_NS = 4_000_000
STOP_NS_PER_HOST_BYTE = 0.117
"""Giving back 1 GB of host memory takes 0.117 s, as measured: 0.115 to 0.126 for runners of 0.1 to 2 GB.

It is the runner's whole memory that counts, cache and buffers included, not the file. Freeing device memory is one call
and costs no more than the stop itself.
"""
DEVICE_STOP_NS = 100_000_000
"""Tearing down a CUDA context. An estimate, as above."""
PRELOAD_ANSWER_NS = 1_000_000
"""Writing the answer to an empty prompt."""
BATCH_TOKENS = 512
"""Tokens that are read in one pass; the server's automatic batch where the context is small."""
LEAST_OFFLOADED_BATCH = 32
"""From so many tokens on it pays to copy a layer's weights to the GPU (llama.cpp's limit for offloaded operations)."""


@dataclass(frozen=True, slots=True)
class HostSpeeds:
    """Speeds of the host: its disk, its page cache, the copies from host to device, the memory of the device.

    `disk_bytes_per_s` and `page_cache_bytes_per_s` are those at which one thread fills fresh memory from a file on
    disk, or in the page cache: page faults included, so several times slower than the RAM (`ram_bytes_per_s`, with
    which layers on the CPU are read). `device_bytes_per_s` is the memory bandwidth of the GPU; on a CPU host nothing
    is copied to a device, and it is unused.

    The rest has a default: what starting and ending a process takes, and what each answer costs besides its tokens
    (`answer_ns`: parsing, templating, the way to the runner and back), which a calibration measures for one host.
    """

    disk_bytes_per_s: float
    page_cache_bytes_per_s: float
    ram_bytes_per_s: float
    bus_bytes_per_s: float
    device_bytes_per_s: float
    process_start_ns: int = PROCESS_START_NS
    process_stop_ns: int = PROCESS_STOP_NS
    stop_ns_per_host_byte: float = STOP_NS_PER_HOST_BYTE
    answer_ns: int = 0


@dataclass(frozen=True, slots=True)
class ModelCost:
    """What a model costs: sizes, and its speeds with everything on the GPU and with everything on the CPU.

    `weights_bytes` is what the device holds of the file, `kv_bytes_per_token` the cache of one token over all layers,
    `compute_bytes` the scratch buffer. Decode speeds are those of an empty context and one busy slot.
    `layers` counts the blocks and the output layer, as the engine does.

    `prompt_start_ns` is paid once a prompt. Attention makes a token dearer the more tokens stand before it: reading a
    prompt of n tokens takes n · n/2 · `prefill_ns_per_context` more than n times the speed of the first, and writing
    one after c tokens c · `decode_ns_per_context` (None: the cache's bytes over the memory's speed).
    """

    file_bytes: int
    weights_bytes: int
    kv_bytes_per_token: int
    compute_bytes: int
    layers: int
    prefill_tok_per_s: float
    decode_tok_per_s: float
    cpu_prefill_tok_per_s: float
    cpu_decode_tok_per_s: float
    prompt_start_ns: int = 0
    prefill_ns_per_context: float = 0.0
    decode_ns_per_context: float | None = None

    def need_bytes(self, total_context_tokens: int) -> int:
        """Memory of a runner with everything on one device; `total_context_tokens` is context × parallel slots."""
        return self.weights_bytes + self.compute_bytes + self.kv_bytes_per_token * total_context_tokens


def load_ns(
    cost: ModelCost, speeds: HostSpeeds, *, cached_bytes: int, host_buffer_bytes: int, device_share: float
) -> int:
    """Time from the start of the runner's process until it could answer, before the server's next look.

    The file is read (page cache first, the rest from disk) while what was read is copied to the device: the slower of
    the two counts. Then the KV cache and the scratch buffers that stay in host memory (`host_buffer_bytes`) are filled;
    a first touch costs the page fault, whatever is written, so as much as reading from the page cache (one price for
    both explains the loads of a real server better than the file's bytes alone, see docs/validation.md).
    `device_share` is the share of the model that goes to the device, 0 to 1.
    """
    cached = min(cached_bytes, cost.file_bytes)
    read_s = (cost.file_bytes - cached) / speeds.disk_bytes_per_s + cached / speeds.page_cache_bytes_per_s
    copy_s = cost.weights_bytes * device_share / speeds.bus_bytes_per_s if device_share > 0 else 0.0
    buffers_s = host_buffer_bytes / speeds.page_cache_bytes_per_s
    start_ns = speeds.process_start_ns + (DEVICE_START_NS if device_share > 0 else 0)
    return start_ns + round((max(read_s, copy_s) + buffers_s) * NS_PER_S)


def look_period_ns(rng: random.Random) -> int:
    """How far two looks of the server at a loading runner lie apart: a pause and the look itself."""
    return HEALTH_PAUSE_NS + rng.randint(*HEALTH_LOOK_NS)


def polled_ns(raw_ns: int, period_ns: int) -> int:
    """What the server makes of a load that took `raw_ns`: it ends with the next look at its runner."""
    return max(1, -(-raw_ns // period_ns)) * period_ns + LOAD_ANSWER_NS


def unload_ns(host_bytes: int, device_bytes: int, speeds: HostSpeeds) -> int:
    """Time from the stop of a runner until its process has ended."""
    device = DEVICE_STOP_NS if device_bytes else 0
    return speeds.process_stop_ns + device + round(host_bytes * speeds.stop_ns_per_host_byte)


def prefill_ns(cost: ModelCost, speeds: HostSpeeds, tokens: int, device_share: float) -> int:
    """Time to read `tokens` that are not in the prefix cache, without the server's own share of an answer.

    Layers on device and host follow each other, so times add. Beside a GPU, llama.cpp computes the host's layers there,
    too, for batches of 32 tokens or more: it copies their weights over the bus once a batch. Whichever is quicker.
    """
    host_share = 1 - device_share
    host_s = tokens * host_share / cost.cpu_prefill_tok_per_s
    if device_share > 0 and tokens >= LEAST_OFFLOADED_BATCH:
        batches = math.ceil(tokens / BATCH_TOKENS)
        copied_s = batches * cost.weights_bytes * host_share / speeds.bus_bytes_per_s
        host_s = min(host_s, copied_s + tokens * host_share / cost.prefill_tok_per_s)
    attention_ns = tokens * tokens / 2 * cost.prefill_ns_per_context
    read_s = tokens * device_share / cost.prefill_tok_per_s + host_s
    return cost.prompt_start_ns + round(read_s * NS_PER_S + attention_ns)


def decode_ns(
    cost: ModelCost, speeds: HostSpeeds, *, tokens: int, context_tokens: int, device_share: float, busy_slots: int
) -> int:
    """Time to write `tokens` after `context_tokens`, while `busy_slots` requests (this one included) share the runner.

    One token of one slot costs the weights' traffic, which busy slots share in one batch, plus its own KV traffic.
    Beyond the shared weights each further slot costs a tenth of a token's time: batches of 2, 3 and 4 tokens of an 8B
    take 1.12, 1.19 and 1.32 times as long as one on an RTX 3090 (llama.cpp pull request 15802); from 8 on it is more,
    and a mixture of experts, whose slots want different experts, batches worse.
    """
    weights_s = device_share / cost.decode_tok_per_s + (1 - device_share) / cost.cpu_decode_tok_per_s
    mean_context = context_tokens + tokens / 2
    kv_bytes = cost.kv_bytes_per_token * mean_context
    kv_s = kv_bytes * device_share / speeds.device_bytes_per_s + kv_bytes * (1 - device_share) / speeds.ram_bytes_per_s
    if cost.decode_ns_per_context is not None:
        kv_s = mean_context * cost.decode_ns_per_context / NS_PER_S
    per_token_s = weights_s * (1 + 0.1 * (busy_slots - 1)) + kv_s * busy_slots
    return round(tokens * per_token_s * NS_PER_S)


def jittered_ns(duration_ns: int, sigma: float, rng: random.Random) -> int:
    """A duration times a log-normal factor of median 1; `sigma` 0 leaves it exact and draws nothing."""
    return duration_ns if sigma == 0 else max(1, round(duration_ns * math.exp(rng.gauss(0.0, sigma))))
