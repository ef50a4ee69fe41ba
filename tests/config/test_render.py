from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.config.loading import load_config, written
from toolkit.config.models import Config
from toolkit.config.render import render_data, render_yaml, summary

if TYPE_CHECKING:
    from pathlib import Path

TRICKY = """
llm:
  models:
    primary: {name: a:1, options: {stop: ["#", "a: b", "- x", "null", "", " y ", "1.0"], temperature: 0.25}}
    "12": {name: b:1, pin: true}
  routing: {rules: [{pattern: 'a{0,3}\\.#"''', model: a:1}]}
host: {timeouts: {idle: -1}, ssh: me@host, bearer_env: TOKEN, settings: {OLLAMA_DEBUG: "", OLLAMA_ORIGINS: "*"}}
twin: {env: {OLLAMA_GPU_OVERHEAD: 1}, gpus: [], models: []}
"""


@pytest.mark.parametrize("text", ["", TRICKY])
def test_what_is_shown_can_be_saved_and_loaded_again(tmp_path: Path, text: str) -> None:
    first = tmp_path / "first.yaml"
    first.write_text(text)
    loaded = load_config(first, {})
    second = tmp_path / "second.yaml"
    second.write_text(render_yaml(loaded, {}))
    assert load_config(second, {}).config == loaded.config


@given(st.lists(st.text(max_size=12), max_size=4))
def test_any_text_survives_being_shown(texts: list[str]) -> None:
    config = Config.model_validate({"llm": {"models": {"primary": {"name": "a", "options": {"stop": texts}}}}})
    assert Config.model_validate(written(config)) == config


def test_each_line_with_a_value_says_where_it_came_from(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("llm:\n  base_url: http://h:1/v1\nhost:\n  bearer_env: TOKEN\n")
    text = render_yaml(load_config(path, {}), {"TOKEN": "hunter2"})
    lines = [line.split() for line in text.splitlines()]
    assert ["base_url:", "http://h:1/v1", "#", f"{path}:2"] in lines
    assert ["provider:", "ollama", "#", "default"] in lines
    assert "# Authorization: *** ($TOKEN, set)" in text
    assert "hunter2" not in text
    assert f"# note: {path}:2: llm.base_url: /v1" in text
    assert f"# warning: {path}:4: host.bearer_env: $TOKEN is not set" in text


def test_data_for_machines() -> None:
    data = render_data(load_config(None, {}), {})
    assert data["path"] is None
    assert data["config"]["llm"]["models"]["primary"] == "qwen2.5:32b"
    assert data["origins"]["llm.models.primary"] == "default"
    assert data["secrets"] == {}
    assert Config.model_validate(data["config"]) == Config()


def test_the_line_that_says_ok() -> None:
    assert summary(load_config(None, {})) == (
        "the embedded default: ok (3 models, 0 routing rules, cache ram, at most 3 loaded)"
    )
