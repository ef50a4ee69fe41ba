"""All questions in their order: each builds on the answers before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from toolkit.errors import UsageError
from toolkit.experiment.client import asked_models
from toolkit.plan.answers import CostRow, Report
from toolkit.plan.cost import cost_of
from toolkit.plan.evaluate import setup_of
from toolkit.plan.gpu_table import costs_of, find, options_of
from toolkit.plan.host_question import smallest_host
from toolkit.plan.load_question import largest_load
from toolkit.plan.memory import Memory
from toolkit.plan.more_question import what_more_brings
from toolkit.plan.settings_question import best_settings
from toolkit.plan.tally import offered_per_h

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from toolkit.config.twin_parts import GpuSection
    from toolkit.plan.case import Case
    from toolkit.plan.gpu_table import GpuTable, HostOption
    from toolkit.plan.host_question import HostAnswer
    from toolkit.plan.search import Effort
    from toolkit.plan.sweep import Sweep

QUESTIONS: Final = ("load", "settings", "host", "more")
_HARDER: Final = 1.25
"""Settings race at so many times the load that is kept already."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted: questions, GPUs to choose from, how much to simulate."""

    questions: Collection[str]
    table: GpuTable
    gpus: tuple[str, ...]
    effort: Effort


def answer(sweep: Sweep, case: Case, asked: Asked) -> Report:
    """Answer every question. `case` is what is in force. Raises UsageError for GPUs that the table lacks."""
    study = sweep.study
    plan = study.workload.plan(1.0, 0)
    setup = setup_of(study.config, case, case.sites[0])
    models = sorted(asked_models(setup, plan))
    gpus = tuple(study.config.twin.gpus)
    options = chosen_options(asked, gpus[0] if gpus else None)
    memory = Memory(models)
    (base,) = sweep.measure([(case, 1.0)], range(asked.effort.scan), "this workload")
    report = Report(
        plan.name, plan.description, setup.spec.description, study.slos, offered_per_h(base), study.workload.users,
        notes=plan.notes,
    )  # fmt: skip
    if {"load", "settings", "more"} & set(asked.questions):
        report = replace(report, load=largest_load(sweep, case, "as configured", asked.effort))
    best = case
    if {"settings", "host", "more"} & set(asked.questions):
        known = report.load.load if report.load is not None else None
        load = study.workload.snapped(_HARDER * known) if known is not None else 1.0
        needed = max(tally.longest_tokens for tally in base)
        found = best_settings(sweep, case, memory, gpus=gpus, load=load, needed_tokens=needed)
        best, report = found.best, replace(report, settings=found)
    if "settings" in asked.questions and best != case:
        report = replace(report, best_load=largest_load(sweep, best, "with the best settings", asked.effort))
    if "host" in asked.questions:
        report = _with_host(report, sweep, smallest_host(sweep, best, options, memory, asked.effort), asked.effort)
    if "more" in asked.questions:
        found_loads = [one for one in (report.best_load, report.load) if one is not None]
        now = next((one for one in found_loads if one.case == best), None)
        start = next((one.load for one in found_loads if one.load is not None), 1.0)
        if now is None or not now.checked.found.open_end:  # else there is nothing that more could bring
            more = what_more_brings(sweep, best, memory, models, gpus=gpus, start=start, now=now)
            report = replace(report, more=more)
    costs = tuple(_costs(report, sweep, best, asked.table))
    return replace(report, costs=costs, assumptions=_assumptions(asked.table) if costs or report.hosts else ())


def chosen_options(asked: Asked, reference: GpuSection | None) -> tuple[HostOption, ...]:
    """The hosts to choose from: one or two of each GPU of the table, or of those that were named. Raises UsageError."""
    options = options_of(asked.table, reference)
    if not asked.gpus:
        return options
    wanted = []
    for name in asked.gpus:
        found = find(asked.table, name)
        if found is None:
            have = ", ".join(one.gpu.name for one in asked.table.gpus)
            raise UsageError(f"--gpus {name}: not in the table; it has {have}. Add it to a copy (--gpus-file)")
        wanted.append(found.gpu)
    return tuple(one for one in options if one.cards[0].gpu in wanted)


def _with_host(report: Report, sweep: Sweep, hosts: HostAnswer, effort: Effort) -> Report:
    report = replace(report, hosts=hosts)
    if hosts.chosen is None:
        return report
    name = f"on {hosts.chosen.option.name}"
    return replace(report, host_load=largest_load(sweep, hosts.chosen.case, name, effort))


def _costs(report: Report, sweep: Sweep, best: Case, table: GpuTable) -> Iterator[CostRow]:
    """What this host costs with the best settings, where the table knows its GPUs, and what the chosen one does."""
    gpus = sweep.study.config.twin.gpus
    priced = find(table, gpus[0].name) if gpus else None
    if priced is not None and all(gpu == gpus[0] for gpu in gpus):
        (tallies,) = sweep.measure([(best, 1.0)], range(3), "costs")
        cost = cost_of(costs_of(table, priced, len(gpus)), tallies)
        if cost is not None:
            yield CostRow("this host", cost, table.currency)
    chosen = None if report.hosts is None else report.hosts.chosen
    if chosen is not None:
        cost = cost_of(chosen.option.costs, chosen.tallies)
        if cost is not None:
            yield CostRow(chosen.option.name, cost, table.currency)


def _assumptions(table: GpuTable) -> tuple[str, ...]:
    machine = table.machine
    prices = (
        f"Prices as of {table.as_of} in {table.currency}, each with its source in the table (--gpus-file); bought "
        f"ones are spread over {table.years:g} years around the clock, {machine.price:g} for the machine around them."
    )
    power = (
        f"Power: {machine.idle_w:g} to {machine.busy_w:g} W for the machine, each GPU by the table, electricity at "
        f"{table.electricity_per_kwh:g} {table.currency}/kWh."
    )
    speeds = "Speeds on another GPU are scaled: writing by memory bandwidth, reading prompts by FP16 throughput."
    return prices, power, speeds
