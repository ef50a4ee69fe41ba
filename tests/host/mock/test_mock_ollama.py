"""What a mock can be made from, and what can be done to it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import httpx
import ollama
import pytest

from toolkit.config.twin import TwinSection
from toolkit.errors import ConfigError, InputError, UsageError
from toolkit.host.mock import mock_ollama
from toolkit.host.mock.hosts import host_with

if TYPE_CHECKING:
    from pathlib import Path


def test_models_are_named_and_their_figures_guessed() -> None:
    with mock_ollama(["llama3.2:3b", "nomic-embed-text"]):
        sizes = {model.model: model.size for model in ollama.list().models}
        assert set(sizes) == {"llama3.2:3b", "nomic-embed-text:latest"}
        assert 1.5e9 < (sizes["llama3.2:3b"] or 0) < 2.5e9
        assert len(ollama.embed("nomic-embed-text", "hello").embeddings) == 1
        assert ollama.generate("llama3.2:3b", "hello").response


def test_a_size_may_be_given_and_a_known_model_keeps_its_figures() -> None:
    section = host_with(TwinSection(), {"mine": "8GB", "qwen2.5:7b": None, "other": {"size": "1GB", "blocks": 7}})
    mine, known, other = section.models
    assert mine.size_bytes == 8 * 10**9
    assert known == next(model for model in TwinSection().models if model.name == "qwen2.5:7b")
    assert (other.size_bytes, other.blocks) == (10**9, 7)


@pytest.mark.parametrize(("name", "least", "most"), [("a:70b", 40e9, 45e9), ("b:1.5b", 0.5e9, 1.5e9), ("c", 4e9, 5e9)])
def test_a_name_may_say_the_size(name: str, least: float, most: float) -> None:
    (model,) = host_with(TwinSection(), [name]).models
    assert least < model.size_bytes < most


def test_the_environment_of_the_server_counts() -> None:
    with mock_ollama(["a:1b", "b:1b"], env={"OLLAMA_MAX_LOADED_MODELS": "1"}) as twin:
        ollama.generate("a:1b", "hi")
        ollama.generate("b:1b", "hi")
        assert twin.loaded == ("b:1b",)
        assert [(eviction.model, eviction.reason) for eviction in twin.evictions] == [("a:1b", "max_models")]


def test_what_models_say_can_be_told_and_changed() -> None:
    with mock_ollama(["a:1b", "b:1b"], answers={"a:1b": "say:one"}) as twin:
        assert ollama.generate("a:1b", "hi").response == "one"
        twin.say("a:1b", "echo")
        assert ollama.generate("a:1b", "hi").response == "hi"
        assert ollama.generate("b:1b", "hi").response not in {"one", "hi"}


def test_virtual_time_has_a_date() -> None:
    start = dt.datetime(2030, 5, 4, 12, tzinfo=dt.UTC)
    with mock_ollama(start=start) as twin:
        twin.advance("1h")
        assert httpx.get(f"{twin.url}/api/version").headers["date"] == "Sat, 04 May 2030 13:00:00 GMT"


def test_a_killed_process_is_loaded_again() -> None:
    with mock_ollama() as twin:
        ollama.generate("qwen2.5:7b", "hi")
        assert twin.kill("qwen2.5:7b")
        assert not twin.kill("qwen2.5:32b")
        ollama.generate("qwen2.5:7b", "hi")
        assert len(twin.loads) == 2


def test_requests_are_recorded_with_their_bodies() -> None:
    with mock_ollama() as twin:
        ollama.generate("qwen2.5:7b", "hi", keep_alive="10m", options={"num_ctx": 2048})
        httpx.get(f"{twin.url}/nowhere")
        first, second = twin.requests
    assert (first.method, first.path, first.model, first.status) == ("POST", "/api/generate", "qwen2.5:7b", 200)
    assert first.json["options"] == {"num_ctx": 2048}
    assert dict(first.headers)["content-type"] == "application/json"
    assert (second.path, second.status, second.outcome, second.json, second.model) == (
        "/nowhere",
        404,
        "answered",
        None,
        None,
    )
    assert twin.loads[0].num_ctx == 2048


def test_a_config_describes_the_host(tmp_path: Path) -> None:
    config = tmp_path / "host.yaml"
    config.write_text("twin: {profile: v0.24, gpus: [], models: []}\n")
    with mock_ollama(["a:1b"], config=config) as twin:
        assert httpx.get(f"{twin.url}/api/version").json() == {"version": "0.24.0"}
        ollama.generate("a:1b", "hi")
        assert twin.loads[0].vram_bytes == 0


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "nonsense"},
        {"base_url": "ftp://x"},
        {"time": "imaginary"},
        {"answers": "sing"},
        {"profile": "v9"},
    ],
)
def test_senseless_options_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(UsageError), mock_ollama(**options):  # type: ignore[arg-type]  # that is the point
        pass


def test_files_that_are_wrong_are_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("faults: [{fault: nothing}]\n")
    with pytest.raises(InputError, match=r"bad.yaml:1: faults\[0\].fault"):
        mock_ollama(faults=bad)
    with pytest.raises(ConfigError, match=r"bad\.yaml:1"):
        mock_ollama(config=bad)


def test_time_does_not_go_back_and_a_duration_needs_a_unit() -> None:
    with mock_ollama() as twin:
        twin.advance(1.5)
        twin.advance(dt.timedelta(seconds=1))
        assert twin.now_ns == 2_500_000_000
        for wrong in ("-1s", "5", float("nan"), -1):
            with pytest.raises(UsageError):
                twin.advance(wrong)


def test_real_time_cannot_be_advanced() -> None:
    with mock_ollama(time="real") as twin, pytest.raises(UsageError, match="time is real"):
        twin.advance("1s")


def test_a_mock_is_used_in_one_block() -> None:
    mock = mock_ollama()
    with pytest.raises(UsageError, match="not at work yet"):
        _ = mock.loads
    with mock:
        pass
    assert mock.loads == ()
    with pytest.raises(UsageError, match="used once"), mock:
        pass
