"""The loads that docs/plan.md gives for the bundled scenarios are kept there, and broken ten percent above."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolkit.config.models import Config
from toolkit.config.positions import load_yaml_model
from toolkit.errors import InputError
from toolkit.plan.case import Case, Point, Site
from toolkit.plan.evaluate import Evaluate, Study
from toolkit.plan.gpu_table import load_table, options_of
from toolkit.plan.tally import slack
from toolkit.plan.workload import ScenarioLoad
from toolkit.workload.scenario.schema import Scenario

PROJECT = Path(__file__).resolve().parents[2]
ANSWERS: list[dict[str, Any]] = json.loads((PROJECT / "docs/plan_answers.json").read_text(encoding="utf-8"))
LONG = 10_000
"""Of plans with more requests than this one repetition is played."""
SCENARIOS = sorted(path.stem for path in (PROJECT / "scenarios").glob("*.yaml"))


def study_of(name: str) -> Study:
    found = load_yaml_model(
        PROJECT / f"scenarios/{name}.yaml", Scenario, error=lambda told: InputError("\n".join(told))
    )
    workload = ScenarioLoad(found.value, name, found.sha256, found.value.seed)
    return Study(Config(), workload, workload.slos, "of a test")


def sites_of(host: str | None) -> tuple[Site, ...]:
    if host is None:
        return (Site(),)
    reference = Config().twin.gpus[0]
    (option,) = (one for one in options_of(load_table(None), reference) if one.name == host)
    return (Site(option.cards),)


def played(study: Study, answer: dict[str, Any], load: float, repetitions: int) -> float:
    told = answer["case"]
    sites = sites_of(answer["host"])
    case = Case(told["strategy"], told["num_ctx"], tuple(sorted(told["environment"].items())), sites)
    first, work = answer["first_repetition"], Evaluate(study)
    count = 1 if len(study.workload.plan(1.0, 0).requests) * load > LONG else repetitions
    tallies = [work(Point(case, load, number)) for number in range(first, first + count)]
    return slack(tallies, study.slos)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_found_load_is_confirmed_by_whole_replays_and_refuted_above_it(name: str) -> None:
    """If this fails, the simulated host has changed: type `make plans`, and look at what changed."""
    study = study_of(name)
    answers = sorted(
        (one for one in ANSWERS if one["scenario"] == name),
        key=lambda one: one["load"] * (one["at_repetitions"] + one["above_repetitions"]),
    )
    assert answers
    cheapest = answers[0]
    assert cheapest["above"] >= 1.1 * cheapest["load"] * 0.999
    assert played(study, cheapest, cheapest["load"], cheapest["at_repetitions"]) >= 0
    assert played(study, cheapest, cheapest["above"], cheapest["above_repetitions"]) < 0


def test_the_page_has_a_row_for_each_scenario() -> None:
    page = (PROJECT / "docs/plan.md").read_text(encoding="utf-8")
    assert [name for name in SCENARIOS if page.count(f"\n| {name} | ") != 1] == []
