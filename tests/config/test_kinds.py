"""A file of another kind than was asked for is told in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.config.kinds import KINDS
from toolkit.config.models import Config
from toolkit.config.overrides import parse_override
from toolkit.config.positions import load_yaml_model, read_yaml_model
from toolkit.config.schema import allowed_keys
from toolkit.errors import ConfigError
from toolkit.plan.gpu_table import GpuTable
from toolkit.workload.scenario.schema import Scenario
from toolkit.workload.traces.client_mix import ClientMix

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

COMPOSE = b"services:\n  ollama:\n    image: ollama/ollama\n"


def problems(data: bytes, model: type[BaseModel]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read_yaml_model(data, "f.yaml", model, error=ConfigError)
    return caught.value.problems


@pytest.mark.parametrize(
    ("file", "model", "says"),
    [
        ("scenarios/swap-storm.yaml", Config, ":12: this is a scenario, not a config; `hotswap compare "),
        ("scenarios/working-day.yaml", GpuTable, "this is a scenario, not a table of GPUs with prices; "),
        ("config/twin-48gb.yaml", Scenario, "this is a config, not a scenario; `hotswap config check "),
        (
            "tests/fixtures/traces/clients.yaml",
            Scenario,
            "this is a mix of clients, not a scenario; `hotswap compare --t",
        ),
        ("toolkit/plan/gpus.yaml", Config, "a table of GPUs with prices, not a config; `hotswap plan SCENARIO --quest"),
        (
            "tests/fixtures/traces/alibaba_genai.csv",
            Config,
            ":1: this is a trace, not a config; `hotswap compare --trace",
        ),
        ("tests/fixtures/traces/azure.csv", Scenario, ":1: this is a trace, not a scenario; `hotswap compare --trace"),
        ("tests/fixtures/traces/burstgpt.csv", Scenario, ":1: this is a trace, not a scenario"),
        ("tests/fixtures/traces/mooncake.jsonl", Scenario, ":1: this is a trace, not a scenario"),
        ("tests/fixtures/traces/plain.jsonl", Scenario, ":1: this is a trace, not a scenario"),
        (
            "scenarios/labelled-prompts.jsonl",
            Scenario,
            "a list of labelled prompts, not a scenario; `hotswap route --eval",
        ),
        ("reports/example/results.json", Scenario, ":1: this is what a comparison found, not a scenario; no command"),
    ],
)
def test_a_shipped_file_of_another_kind_is_one_sentence_with_the_command_that_reads_it(
    project_dir: Path, file: str, model: type[BaseModel], says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_yaml_model(project_dir / file, model, error=ConfigError)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{project_dir / file}:")
    assert says in problem


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (COMPOSE, "a file of docker compose, not a config; `hotswap provision settings plan --local --compose f.yaml`"),
        (b"seed: 7\nfaults: []\n", "a plan of faults, not a config; `hotswap twin serve --faults f.yaml`"),
        (b"name: a\narrivals: {kind: poisn}\n", "a scenario, not a config"),
    ],
)
def test_other_files_too(data: bytes, says: str) -> None:
    (problem,) = problems(data, Config)
    assert problem.startswith("f.yaml:1: this is ")
    assert says in problem


@pytest.mark.parametrize(
    ("data", "model"),
    [
        (b"llm: {}\nservices: {}\n", Config),  # a config with a key too many
        (b"llms: {}\n", Config),
        (b"gpus: []\n", Config),  # belongs in twin
        (b"[1, 2]", Config),
        (b"{", Config),
        (b"\xff\xfe", Config),
        (b"text,labels\n", Config),
        (b"faults: {}\nservices: {}\n", Config),  # two kinds at once are none
        (b"name: a\nprompts: []\nllm: {}\n", Scenario),
        (COMPOSE, Config.model_fields["llm"].annotation),  # a model that is no whole file
    ],
)
def test_a_file_with_mistakes_of_its_own_keeps_them(data: bytes, model: type[BaseModel]) -> None:
    assert not any("this is" in problem for problem in problems(data, model))


def test_what_is_set_on_the_command_line_does_not_hide_what_a_file_is() -> None:
    with pytest.raises(ConfigError) as caught:
        read_yaml_model(COMPOSE, "f.yaml", Config, error=ConfigError, overrides=[parse_override("llm.cache.type=ssd")])
    (problem,) = caught.value.problems
    assert problem.startswith("f.yaml:1: this is a file of docker compose, not a config")


def test_what_two_kinds_share_hides_neither() -> None:
    """`duration` stands in scenarios and in mixes of clients, `name` in scenarios and compose files."""
    assert "a mix of clients, not a scenario" in problems(b"duration: 1m\nclients: []\n", Scenario)[0]
    assert "a scenario, not a mix of clients" in problems(b"name: a\nduration: 1m\nprompts: []\n", ClientMix)[0]
    assert "a file of docker compose, not a scenario" in problems(b"name: stack\nservices: {}\n", Scenario)[0]


@pytest.mark.parametrize(("name", "model"), [("config", Config), ("scenario", Scenario), ("clients", ClientMix)])
def test_marks_are_keys_of_the_models(name: str, model: type[BaseModel]) -> None:
    (kind,) = [kind for kind in KINDS if name in kind.name and "compose" not in kind.name]
    assert frozenset().union(*kind.marks) <= set(allowed_keys(model))
