"""A workload small enough to be searched in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.config.models import Config
from toolkit.errors import InputError
from toolkit.plan.evaluate import Study
from toolkit.plan.workload import ScenarioLoad
from toolkit.workload.scenario.schema import Scenario

if TYPE_CHECKING:
    from pathlib import Path

SMALL = """
name: two-models
seed: 3
duration: 20m
arrivals: {kind: poisson, rate: 60/h}
output_tokens: 60
prompts:
  - {id: a, model: "qwen2.5:7b", text: "A short question."}
  - {id: b, model: "deepseek-coder-v2:16b", text: "Another short question."}
slos:
  - {metric: ttft, within: 20s, share: 0.9}
"""


@pytest.fixture
def scenario_file(tmp_path: Path) -> Path:
    """The small scenario as a file."""
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


@pytest.fixture
def workload(scenario_file: Path) -> ScenarioLoad:
    """The small scenario as a workload."""
    from toolkit.config.positions import load_yaml_model  # noqa: PLC0415

    found = load_yaml_model(scenario_file, Scenario, error=lambda problems: InputError("\n".join(problems)))
    return ScenarioLoad(found.value, "small.yaml", found.sha256, found.value.seed)


@pytest.fixture
def study(workload: ScenarioLoad) -> Study:
    """The small scenario on the embedded host."""
    return Study(Config(), workload, workload.slos, "of a test")
