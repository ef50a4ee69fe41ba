"""What the user asked for, as one frozen value, and the plans that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.workload.shorten import first_requests, sped_up

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.config.models import Config
    from toolkit.workload.plan import Plan
    from toolkit.workload.traces.models import ModelMap

DEFAULT_TRACE_SEED = 1
DEFAULT_MIX = (0.5, 0.3, 0.2)
"""Shares of primary, code and fast where a trace names no models; stated in the report, to be overridden by --mix."""

OTHERS_MODELS, OWN_MODELS = ("alibaba-genai", "burstgpt"), ("jsonl", "client-mix")
"""Formats that name models: somebody else's, and this host's."""


@dataclass(frozen=True, slots=True)
class Order:
    """The workload that was asked for: a scenario file, or a trace with how to read it.

    `slots` plays a trace's own models on a host of so many equal places. `seed` None leaves it to the scenario.
    `last_ns`: only the end of a trace, so long.
    """

    scenario: Path | None
    trace: Path | None
    trace_format: str | None
    seed: int | None
    repeat: int
    num_ctx: int | None
    slots: int | None
    mix: str | None
    speed: float
    service_scale: float
    limit: int | None
    last_ns: int | None = None


def plans_for(order: Order, config: Config) -> tuple[Plan, ...]:
    """One plan a repetition: a scenario or a client mix is drawn anew with the next seed, a trace is always the same.

    Raises:
        UsageError: neither or both of scenario and trace, or options that do not belong together.
        InputError: the file is wrong.
    """
    if (order.scenario is None) == (order.trace is None):
        raise UsageError("name one workload: a scenario file, or a trace with --trace FILE --format FORMAT")
    if order.scenario is not None:
        for given, option in (
            (order.slots, "--slots"),
            (order.mix, "--mix"),
            (order.trace_format, "--format"),
            (None if order.service_scale == 1 else order.service_scale, "--service-scale"),
            (order.last_ns, "--since"),
        ):
            if given is not None:
                raise UsageError(f"{option} belongs to --trace; a scenario says itself which models it asks for")
        from toolkit.workload.scenario import load_scenario  # noqa: PLC0415 - 40 ms, not for traces

        first = load_scenario(order.scenario, seed=order.seed)
        others = (load_scenario(order.scenario, seed=first.seed + more) for more in range(1, order.repeat))
        return tuple(hurried(plan, order) for plan in (first, *others))
    first, is_drawn = _trace_plan(order, config)
    if not is_drawn:
        return (first,) * order.repeat
    others = (_trace_plan(replace(order, seed=first.seed + more), config)[0] for more in range(1, order.repeat))
    return (first, *others)


def unhurried(order: Order) -> Order:
    """The same workload whole and at its own pace, for somebody who changes it before `hurried` does the rest."""
    return replace(order, speed=1.0, limit=None)


def hurried(plan: Plan, order: Order) -> Plan:
    """The order's limit and speed. Raises UsageError."""
    cut = plan if order.limit is None else first_requests(plan, order.limit)
    return sped_up(cut, order.speed)


def _trace_plan(order: Order, config: Config) -> tuple[Plan, bool]:
    """The plan of a trace, and whether another seed gives another one."""
    from toolkit.workload.traces.load import CLIENT_MIX, guess_format, load_trace  # noqa: PLC0415 - not for scenarios

    path = order.trace
    if path is None:
        raise UsageError("name a trace with --trace FILE")
    trace_format = order.trace_format or guess_format(path)
    plan = load_trace(
        path,
        trace_format,
        models=_model_map(order, config, trace_format),
        seed=DEFAULT_TRACE_SEED if order.seed is None else order.seed,
        speed=order.speed,
        service_scale=order.service_scale,
        limit=order.limit,
        last_ns=order.last_ns,
    )
    return (plan if order.num_ctx is None else without_option(plan, "num_ctx")), trace_format == CLIENT_MIX


def without_option(plan: Plan, name: str) -> Plan:
    """No request brings this runner option: the command line's own rules."""
    requests = tuple(
        replace(request, options=tuple(pair for pair in request.options if pair[0] != name))
        if request.options
        else request
        for request in plan.requests
    )
    return replace(plan, requests=requests)


def _model_map(order: Order, config: Config, trace_format: str) -> ModelMap:
    """Which host model answers a row: the trace's own (on equal places, or of this host), by rank, or by shares."""
    from toolkit.workload.traces.models import ByRank, KeepNames, KeepOrDeal, SeededMix, parse_mix  # noqa: PLC0415 - as above

    if order.mix is not None and order.slots is not None:
        raise UsageError("--slots plays the trace's own models, --mix deals out the host's; use one of them")
    llm = config.llm
    by_role = {role: entry.name for role, entry in llm.roles.items()}
    if order.mix is not None:
        return parse_mix(order.mix, {**{name: name for name in llm.model_names}, **by_role})
    if order.slots is not None:
        return KeepNames()
    if trace_format in OTHERS_MODELS:
        return ByRank(llm.model_names)
    names = [by_role[role] for role in ("primary", "code", "fast") if role in by_role]
    shares = tuple(zip(names, DEFAULT_MIX, strict=False))
    if trace_format in OWN_MODELS:
        return KeepOrDeal(shares, {**{name: name for name in llm.model_names}, **by_role})
    return SeededMix(shares)
