"""How a process is launched, and whether a load that ran out of memory is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.host.scheduler.mmap import turns_mmap_off
from toolkit.host.scheduler.prediction import effective_context
from toolkit.host.scheduler.requests import Launch, LoadFailure, Request, Runner

if TYPE_CHECKING:
    from toolkit.host.scheduler.fit import Plan
    from toolkit.host.scheduler.state import HostState


def new_runner(state: HostState, request: Request, plan: Plan, *, require_full: bool) -> Runner:
    """The next process of the host, for a request, as planned. Decides an open `use_mmap` for good.

    A second attempt of the same request keeps what the first one decided.
    """
    options = request.demand.options
    if options.use_mmap is None and state.profile.mmap_rules and _mmap_off(state, request, plan):
        options = options._replace(use_mmap=False)
        request.use_mmap_auto = True
        request.demand = request.demand._replace(options=options)
    launch = Launch(
        model=request.model,
        gpus=tuple(gpu.position for gpu in plan.placement.gpus),
        num_ctx_asked=options.num_ctx,
        num_ctx=plan.num_ctx,
        num_batch=plan.num_batch,
        num_gpu=options.num_gpu,
        main_gpu=plan.placement.main_gpu,
        use_mmap=options.use_mmap,
        num_parallel=plan.num_parallel,
        predicted_bytes=plan.predicted_bytes,
        surcharge_bytes=plan.surcharge_bytes,
        require_full=require_full,
    )
    state.started += 1
    # What it remembers for later comparisons: the context as launched, except where contexts are compared as asked.
    num_ctx = launch.num_ctx if state.profile.forgives_context else launch.num_ctx_asked
    remembered = options._replace(num_ctx=num_ctx, num_batch=launch.num_batch)
    runner = Runner(state.started, launch, request.demand._replace(options=remembered), request.use_mmap_auto)
    main = plan.placement.main()
    lives_on = (main,) if main is not None else plan.placement.gpus
    runner.waits_for_memory = any(not gpu.spec.integrated for gpu in lives_on) and not (
        len(lives_on) == 1 and lives_on[0].spec.library == "Metal"
    )
    return runner


def _mmap_off(state: HostState, request: Request, plan: Plan) -> bool:
    mapped = sum(
        runner.model.file_bytes for runner in state.loaded.values() if runner.demand.options.use_mmap is not False
    )
    return turns_mmap_off(
        request.model,
        request.demand.options,
        plan.placement,
        plan.predicted_bytes,
        system_free_bytes=plan.view.system_free_bytes,
        system_total_bytes=state.memory.system_total_bytes(),
        mapped_bytes=mapped,
    )


def may_retry(state: HostState, request: Request, failure: LoadFailure) -> bool:
    """Whether a failed load gets its one more try. An automatic context goes one step down for it.

    Out of memory only, once a request; and there must be something to change: the context, or other models to evict.
    """
    if failure.kind != "oom" or request.oom_retried or not state.profile.oom_retry:
        return False
    demand = request.demand
    if demand.num_ctx_auto:
        asked = demand.options.num_ctx
        lower = state.profile.lower_num_ctx(effective_context(asked, request.model.context_length))
        if lower is not None and lower < asked:
            request.demand = demand._replace(options=demand.options._replace(num_ctx=lower))
            return True
    return bool(state.loaded)
