"""From a scenario file to a plan, or to sentences that say what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.config.positions import load_yaml_model
from toolkit.errors import InputError
from toolkit.workload.scenario.build import PlanTooLongError, build_plan
from toolkit.workload.scenario.check import contradictions
from toolkit.workload.scenario.schema import Scenario

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.workload.plan import Plan


def load_scenario(path: Path, *, seed: int | None = None) -> Plan:
    """Read a scenario file and decide every request of it; `seed` overrides the file's own.

    Raises:
        InputError: the file cannot be read or used, or nobody would come; one `FILE:LINE: …` sentence for each mistake.
    """
    scenario = load_yaml_model(path, Scenario, error=_input_error)
    problems = contradictions(scenario)
    if problems:
        raise _input_error(problems)
    chosen_seed = scenario.value.seed if seed is None else seed
    try:
        plan = build_plan(scenario.value, seed=chosen_seed, source=str(path), source_sha256=scenario.sha256)
    except PlanTooLongError as error:
        raise InputError(f"{scenario.at(('arrivals',))} arrivals: {error}; ask for fewer") from None
    if not plan.requests:
        raise InputError(
            f"{scenario.at(('duration',))} duration: nobody comes in this time with seed {chosen_seed}; "
            "make the duration longer or the rate higher"
        )
    return plan


def _input_error(problems: tuple[str, ...]) -> InputError:
    return InputError("\n".join(problems))
