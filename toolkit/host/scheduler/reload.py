"""When a loaded runner does for a request, and when its model has to be loaded again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.host.scheduler.prediction import effective_context

if TYPE_CHECKING:
    from toolkit.host.scheduler.options import Demand
    from toolkit.host.scheduler.profile import Profile
    from toolkit.host.scheduler.requests import Runner


def needs_reload(runner: Runner, demand: Demand, profile: Profile) -> bool:
    """Whether the request's options differ from the runner's.

    What is forgiven: a context above the trained one counts as that one; two automatic contexts or batches are equal
    whatever they are; an open `use_mmap` agrees with one that the server chose; a negative `num_gpu` agrees with any.
    """
    if not runner.alive or runner.demand.context_shift != demand.context_shift:
        return True
    has, wants = runner.demand.options, demand.options
    if profile.forgives_context:
        num_ctx = effective_context(wants.num_ctx, runner.model.context_length)
        if runner.demand.num_ctx_auto and demand.num_ctx_auto:
            num_ctx = has.num_ctx
        wants = wants._replace(num_ctx=num_ctx)
    if runner.demand.num_batch_auto and demand.num_batch_auto:
        wants = wants._replace(num_batch=has.num_batch)
    if runner.use_mmap_auto and wants.use_mmap is None:
        wants = wants._replace(use_mmap=has.use_mmap)
    if wants.num_gpu < 0:
        wants = wants._replace(num_gpu=has.num_gpu)
    return has != wants
