"""A plan as a queue in virtual time sees it: arrival, model, and how long the answer takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.host import timing
from toolkit.lab.queue import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.host.twin_spec import TwinSpec
    from toolkit.workload.plan import PlannedRequest


def jobs_of(requests: Sequence[PlannedRequest], models: Sequence[str], spec: TwinSpec | None) -> tuple[Job, ...]:
    """The plan as a queue sees it: a trace's own service times, else what the twin's models take.

    In a trace with service times a row without one was never executed: it wants its model and takes no time.
    A request whose moment depends on an answer comes when the one before it in the plan does, and its pause.

    Raises:
        UsageError: a request has no service time, and nothing is known to work it out from.
    """
    jobs: list[Job] = []
    at_ns = 0
    told = any(request.service_ns is not None for request in requests)
    for request, model in zip(requests, models, strict=True):
        at_ns = max(at_ns, request.at_ns) if request.at_ns is not None else at_ns + request.think_ns
        jobs.append(Job(at_ns, model, (request.service_ns or 0) if told else _service_ns(request, model, spec)))
    return tuple(sorted(jobs, key=lambda job: job.at_ns))


def _service_ns(request: PlannedRequest, model: str, spec: TwinSpec | None) -> int:
    known = None if spec is None else spec.model(model)
    if spec is None or known is None:
        raise UsageError(
            f"how long answers of {model} take is not known: the workload does not say, and the twin has no such model"
        )
    cost, speeds = known.cost, spec.speeds
    fresh = request.prompt_tokens - request.shared_prefix_tokens
    share = 1.0 if spec.hardware.gpus else 0.0
    return timing.prefill_ns(cost, speeds, fresh, share) + timing.decode_ns(
        cost,
        speeds,
        tokens=request.output_tokens,
        context_tokens=request.prompt_tokens,
        device_share=share,
        busy_slots=1,
    )
