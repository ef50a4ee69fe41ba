"""Declarations of what a host should have: how they are written, and which contradict each other."""

from __future__ import annotations

import pytest
import yaml

from toolkit.config.loading import load_config, written
from toolkit.config.models import Config
from toolkit.config.positions import read_yaml_model
from toolkit.errors import ConfigError

DIGEST = "ab" * 32
FULL = f"""\
llm:
  models:
    primary: {{name: "qwen2.5:32b", digest: "sha256:{DIGEST}", pin: true, options: {{num_ctx: 8192}}}}
    code: "deepseek-coder-v2:16b"
    fast: {{name: coder-short, modelfile: {{base: "qwen2.5:7b", parameters: {{stop: [a, b]}}, system: "Be short."}}}}
host:
  models:
    - "nomic-embed-text"
    - {{name: "qwen2.5:7b", digest: "{DIGEST}"}}
  disk: {{size: 1TB, free: 120GB}}
"""


def load(text: str) -> Config:
    return read_yaml_model(text.encode(), "f.yaml", Config, error=ConfigError).value


def test_what_is_shown_loads_again() -> None:
    config = load(FULL)
    assert [model.name for model in config.declared_models] == [
        "qwen2.5:32b",
        "deepseek-coder-v2:16b",
        "coder-short",
        "nomic-embed-text",
        "qwen2.5:7b",
    ]
    assert config.llm.models["primary"].digest == DIGEST
    assert config.host.disk.free_bytes == 120 * 10**9
    assert load(yaml.safe_dump(written(config))) == config


@pytest.mark.parametrize(
    ("models", "why"),
    [
        ("[{name: a, modelfile: {base: b, system: x}}, {name: b, modelfile: {base: a, system: x}}]", "in a circle"),
        ("[{name: a, modelfile: {base: 'a:latest', system: x}}]", "cannot be made of itself"),
        ("[{name: a, modelfile: {base: b}}]", "nothing is derived from it"),
        (f"[{{name: a, digest: {DIGEST}, modelfile: {{base: b, system: x}}}}]", "has no digest to pin"),
        (f"[{{name: a, digest: {DIGEST}}}, {{name: 'a:latest', digest: {'cd' * 32}}}]", "declared twice"),
        ("[{name: a, modelfile: {base: b, parameters: {num_ctx: many}}}]", "a whole number"),
        ("[{name: a, modelfile: {base: b, sytem: x}}]", "did you mean 'system'?"),
        ("[3]", "a model is a name in quotes"),
    ],
)
def test_what_contradicts_itself_is_refused_with_its_line(models: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"host:\n  models: {models}\n")
    (problem,) = caught.value.problems
    assert problem.startswith("f.yaml:2: host.models")
    assert why in problem


def test_a_role_and_the_list_may_not_contradict_each_other() -> None:
    with pytest.raises(ConfigError, match=r"'qwen2\.5:32b' is declared twice"):
        load(FULL.replace('name: "qwen2.5:7b", digest: "ab', 'name: "qwen2.5:32b", digest: "cd'))


def test_a_name_may_be_repeated_without_saying_anything_new() -> None:
    config = load(f"host: {{models: [a, 'a:latest', {{name: a, digest: {DIGEST}}}, a]}}")
    assert len(config.host.models) == 4


def test_the_embedded_default_declares_only_its_roles() -> None:
    assert [model.name for model in load_config(None, {}).config.declared_models] == [
        "qwen2.5:32b",
        "deepseek-coder-v2:16b",
        "qwen2.5:7b",
    ]
