"""The scenarios that come with the toolkit: usable, recognisable, and varied enough to decide something."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from toolkit.config.durations import NS_PER_S
from toolkit.routing.router import Router
from toolkit.workload.scenario import load_scenario

if TYPE_CHECKING:
    from toolkit.workload.plan import Plan

FOLDER = Path(__file__).resolve().parents[3] / "scenarios"
NAMES = ("bursty-team", "coding-afternoon", "mostly-idle-house", "swap-storm", "working-day")
ROUTER = Router((), {role: role for role in ("primary", "code", "fast")})


def load(name: str, seed: int | None = None) -> Plan:
    return load_scenario(FOLDER / f"{name}.yaml", seed=seed)


def routed(plan: Plan) -> list[str]:
    return [ROUTER.route(request.text).model for request in plan.requests]


def change_share(models: list[str]) -> float:
    return sum(one != other for one, other in pairwise(models)) / (len(models) - 1)


def test_the_bundled_scenarios_are_these() -> None:
    assert tuple(sorted(path.stem for path in FOLDER.glob("*.yaml"))) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_scenario_is_complete(name: str) -> None:
    plan = load(name)
    assert plan.name == name
    assert (FOLDER / f"{name}.yaml").read_text().startswith("# ")
    assert plan.description
    assert plan.slos
    assert {request.label for request in plan.requests} == {"code", "fast", "primary"}
    assert all(request.model is None for request in plan.requests)
    assert max(request.prompt_tokens + request.output_tokens for request in plan.requests) < 32_768
    assert set(routed(plan)) == {"code", "fast", "primary"}


def test_the_example_of_the_readme_works_and_every_scenario_is_listed(tmp_path: Path) -> None:
    readme = (FOLDER / "README.md").read_text()
    example = tmp_path / "my-evening.yaml"
    example.write_text(readme.partition("```yaml\n")[2].partition("```")[0])
    assert len(load_scenario(example).requests) > 20
    assert all(f"`{name}.yaml`" in readme for name in NAMES)


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_working_day_is_a_day_in_an_office(seed: int) -> None:
    plan = load("working-day", seed)
    assert plan.duration_ns == 10 * 3600 * NS_PER_S
    assert 400 <= len(plan.requests) <= 800
    by_hour = Counter(8 + request.at_ns // (3600 * NS_PER_S) for request in plan.requests if request.at_ns is not None)
    assert by_hour[11] < by_hour[10]
    assert by_hour[11] < by_hour[13]
    assert len({request.text for request in plan.requests}) >= 40
    # As often as a real service's models change when they are folded into three (0.579).
    assert 0.52 <= change_share(routed(plan)) <= 0.64


def test_the_working_day_gives_the_router_something_to_get_wrong() -> None:
    plan = load("working-day")
    right = sum(model == request.label for model, request in zip(routed(plan), plan.requests, strict=True))
    assert 0.85 <= right / len(plan.requests) <= 0.97


def test_every_request_of_a_swap_storm_needs_another_model() -> None:
    models = routed(load("swap-storm"))
    assert change_share(models) == 1.0
    assert len(set(pairwise(models))) == 6


def test_a_coding_afternoon_is_mostly_one_model_with_long_prompts() -> None:
    plan = load("coding-afternoon")
    assert Counter(routed(plan))["code"] / len(plan.requests) > 0.8
    assert sum(request.prompt_tokens for request in plan.requests) / len(plan.requests) > 3000
    assert sum(request.at_ns is not None for request in plan.requests) == 2


def test_a_bursty_team_comes_in_bursts() -> None:
    starts = [request.at_ns for request in load("bursty-team").requests if request.at_ns is not None]
    gaps_s = [(late - early) / NS_PER_S for early, late in pairwise(starts)]
    mean_s = sum(gaps_s) / len(gaps_s)
    assert sum(gap < mean_s / 10 for gap in gaps_s) > len(gaps_s) / 2
    assert max(gaps_s) > 10 * mean_s


def test_a_mostly_idle_house_is_mostly_idle() -> None:
    plan = load("mostly-idle-house")
    quiet_hours = 48 - len(
        {(request.at_ns or 0) // (3600 * NS_PER_S) for request in plan.requests if request.at_ns is not None}
    )
    assert quiet_hours >= 16
    assert 2 * 50 <= len(plan.requests) <= 2 * 100
    assert change_share(routed(plan)) < 0.45
