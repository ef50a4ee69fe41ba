"""The plan of a load: where it would go, with which batch, and whether there is room for it now."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from toolkit.host.scheduler.batch import FIT_PERCENT, automatic_batch, flash_attention, surcharge_bytes
from toolkit.host.scheduler.memory import FreeGpu, MemoryReading, MemoryView, believed_free
from toolkit.host.scheduler.placement import Placement, by_library, place
from toolkit.host.scheduler.prediction import effective_context, predicted_bytes
from toolkit.host.scheduler.profile import LAYOUT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.host.scheduler.requests import Request, Runner
    from toolkit.host.scheduler.state import HostState


class Plan(NamedTuple):
    """What a look at the host found out for one request."""

    placement: Placement
    num_ctx: int
    num_parallel: int
    num_batch: int
    predicted_bytes: int
    surcharge_bytes: int
    free_bytes: int
    limit_bytes: int
    view: MemoryView

    @property
    def total_ctx(self) -> int:
        """Context of a slot times slots."""
        return self.num_ctx * self.num_parallel

    def fits(self) -> bool:
        """Whether the prediction with its surcharge stays within the limit."""
        return self.predicted_bytes + self.surcharge_bytes <= self.limit_bytes


def read_memory(state: HostState, request: Request, now_ns: int) -> MemoryReading:
    """Read the host's memory for a request; one that wants no GPU sees none."""
    gpu_free: tuple[int, ...] = ()
    if request.demand.options.num_gpu != 0 and state.gpus:
        gpu_free = tuple(state.memory.gpu_free_bytes(now_ns))
    return MemoryReading(gpu_free, state.memory.system_free_bytes(now_ns))


def look(state: HostState, reading: MemoryReading, loaded: Iterable[Runner]) -> MemoryView:
    """What the scheduler believes is free, after a reading and with these runners loaded."""
    gpus: tuple[FreeGpu, ...] = ()
    if reading.gpu_free_bytes:
        gpus = believed_free(state.gpus, reading.gpu_free_bytes, (runner.report for runner in loaded))
    return MemoryView(gpus, reading.system_free_bytes)


def make_plan(state: HostState, request: Request, view: MemoryView) -> Plan:
    """Plan a load by the profile's rule. The batch that is chosen belongs to the plan, not to the request."""
    if state.profile.fit == LAYOUT:
        return _plan_by_layout(state, request, view)
    return _plan_by_prediction(state, request, view)


def is_checked(request: Request, plan: Plan) -> bool:
    """Whether room matters at all: not without GPUs, and not for an explicit partial num_gpu."""
    num_gpu = request.demand.options.num_gpu
    partial = 0 < num_gpu < request.model.block_count + 1
    return bool(plan.placement.gpus) and not partial


def _plan_by_prediction(state: HostState, request: Request, view: MemoryView) -> Plan:
    """Profile v0.32: size of the file and of the cache, and the batch's surcharge, against 80 % of what is free."""
    model, demand = request.model, request.demand
    num_ctx = effective_context(demand.options.num_ctx, model.context_length)
    num_parallel = state.profile.num_parallel(model, state.settings)
    total_ctx = num_ctx * num_parallel
    predicted = predicted_bytes(model, total_ctx)
    placement = place(view, demand.options, predicted, spread=state.settings.spread)
    free = placement.available_bytes(view.system_free_bytes)
    num_batch = demand.options.num_batch
    if demand.num_batch_auto and not model.embedding:
        num_batch = automatic_batch(
            total_ctx,
            predicted,
            free,
            [(gpu.spec, gpu.free_bytes) for gpu in placement.gpus],
            flash=flash_attention(state.settings, [gpu.spec for gpu in placement.gpus]),
        )
    surcharge = 0 if model.embedding else surcharge_bytes(num_batch)
    limit = free * FIT_PERCENT // 100
    return Plan(placement, num_ctx, num_parallel, num_batch, predicted, surcharge, free, limit, view)


def _plan_by_layout(state: HostState, request: Request, view: MemoryView) -> Plan:
    """Profile v0.24: what the model would really take, on the fewest GPUs of one library that hold it.

    Each GPU keeps the reserve and OLLAMA_GPU_OVERHEAD free. If nothing holds it all, the group with the most memory.
    """
    model, options = request.model, request.demand.options
    num_ctx = effective_context(options.num_ctx, model.context_length)
    num_parallel = state.profile.num_parallel(model, state.settings)
    need = state.memory.need_bytes(model, num_ctx, num_parallel, options.num_batch)
    if 0 < options.num_gpu <= model.block_count:
        need = need // (model.block_count + 1) * options.num_gpu
    reserve = state.profile.gpu_reserve_bytes + state.settings.gpu_overhead_bytes
    chosen: tuple[FreeGpu, ...] = ()
    usable = 0
    for group in by_library(view.gpus):
        ordered = sorted(group, key=lambda gpu: (gpu.spec.integrated, -gpu.free_bytes))
        for count in range(len(ordered) if state.settings.spread else 1, len(ordered) + 1):
            room = sum(max(gpu.free_bytes - reserve, 0) for gpu in ordered[:count])
            if room > usable and usable < need:
                chosen, usable = tuple(ordered[:count]), room
    if not chosen:
        chosen = view.gpus
    placement = Placement(tuple(sorted(chosen)), options.main_gpu)
    free = sum(gpu.free_bytes for gpu in chosen)
    return Plan(placement, num_ctx, num_parallel, options.num_batch, need, 0, free, usable, view)
