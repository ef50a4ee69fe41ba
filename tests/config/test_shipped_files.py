"""The files in `config/`, which people read before they read anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.config.loading import load_config
from toolkit.config.models import Config
from toolkit.config.positions import read_yaml_model
from toolkit.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

AS_WRITTEN = """
llm:
  provider: "ollama"
  base_url: "http://192.168.15.14:11434/v1"
  models: {primary: "qwen2.5:32b", code: "deepseek-coder-v2:16b", fast: "qwen2.5:7b"}
  cache: {type: "ram", max_models: 3, eviction: "lru"}
  routing:
    rules:
      - {pattern: "(code|function|implement|debug|class|def |fn )", model: "deepseek-coder-v2:16b"}
      - {pattern: "^.{0,100}$", model: "qwen2.5:7b"}
"""


def test_the_users_file_says_what_the_user_wrote(project_dir: Path) -> None:
    theirs = read_yaml_model(AS_WRITTEN.encode(), "as-written.yaml", Config, error=ConfigError).value
    loaded = load_config(project_dir / "config" / "ollama-vm.yaml", {})
    assert loaded.config == theirs
    assert loaded.warnings == ()
    assert len(loaded.notes) == 1
    assert loaded.config.llm.native_base_url == "http://192.168.15.14:11434"


def test_the_embedded_default_stands_in_the_folder_to_be_read(project_dir: Path) -> None:
    loaded = load_config(project_dir / "config" / "twin.yaml", {})
    assert loaded.config == Config()
    left_out = [path for path, origin in loaded.origins.items() if origin.kind == "default"]
    assert left_out == []


def test_every_file_in_the_folder_loads_without_a_warning(project_dir: Path) -> None:
    files = sorted((project_dir / "config").glob("*.yaml"))
    assert len(files) >= 4
    for file in files:
        assert load_config(file, {}).warnings == (), file


def test_on_the_embedded_host_the_models_do_not_all_fit() -> None:
    """What the user believed (14, 9 and 5 GB, all three hot) is wrong, files alone already."""
    twin = Config().twin
    memory_bytes = twin.gpus[0].memory_bytes
    assert sum(model.size_bytes for model in twin.models) > memory_bytes
    primary = twin.models[0]
    assert primary.size_bytes + 32_768 * primary.kv_bytes_per_token > memory_bytes


def test_two_cards_bring_the_context_tier_of_47_gib(project_dir: Path) -> None:
    twin = load_config(project_dir / "config" / "twin-48gb.yaml", {}).config.twin
    assert sum(gpu.memory_bytes for gpu in twin.gpus) >= 47 << 30
    assert twin.env["OLLAMA_CONTEXT_LENGTH"] == "32768"


@pytest.mark.shared
def test_the_headers_of_the_default_models_are_the_published_ones(shared_dir: Path) -> None:
    import json  # noqa: PLC0415 - this test alone

    rows = (shared_dir / "ollama" / "golden" / "memory" / "models.jsonl").read_text(encoding="utf-8").splitlines()
    known = {row["name"]: row for row in map(json.loads, rows)}
    compared = 0
    for model in Config().twin.models:
        if model.name not in known:
            continue
        compared += 1
        header = known[model.name]["metadata"]
        prefix = known[model.name]["architecture"]
        assert model.architecture == prefix
        assert model.blocks == header[f"{prefix}.block_count"]
        assert model.embedding_length == header[f"{prefix}.embedding_length"]
        assert model.head_count == header[f"{prefix}.attention.head_count"]
        assert model.head_count_kv == header[f"{prefix}.attention.head_count_kv"]
        assert model.context_length == header[f"{prefix}.context_length"]
        assert model.size_bytes == pytest.approx(known[model.name]["file_size"], rel=0.01)
    assert compared == 2
