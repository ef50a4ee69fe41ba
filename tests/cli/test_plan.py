"""`hotswap plan` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from toolkit.cli.main import cli
from toolkit.errors import UsageError

SMALL = """
name: two-models
seed: 3
duration: 2m
arrivals: {kind: constant, rate: 300/h}
output_tokens: 600
sequence: [a, b]
prompts:
  - {id: a, model: "qwen2.5:7b", text: "A short question."}
  - {id: b, model: "deepseek-coder-v2:16b", text: "Another short question."}
slos:
  - {metric: ttft, within: 20s, share: 0.9}
"""


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def run(*words: object) -> str:
    always = ("--executor", "serial", "--repeat", "6", "--question", "load")
    result = CliRunner().invoke(cli, ["plan", *map(str, words), *always], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_answer_is_a_sentence_and_it_is_confirmed(scenario: Path) -> None:
    told = run(scenario, "--strategy", "server-default")
    assert "keeps every promise up to" in told.split("\n\n")[0]
    assert "Confirmed by" in told


def test_json_has_the_answer_its_interval_and_its_check_and_a_second_call_simulates_nothing(scenario: Path) -> None:
    first = run(scenario, "--json", "--strategy", "server-default")
    told = json.loads(first)
    load = told["load"]
    assert load["confirmed"]
    assert load["interval"]["low"] <= load["load"] <= load["interval"]["high"]
    assert load["confirmation"]["at"]["kept"]
    assert not load["confirmation"]["above"]["kept"]
    assert load["confirmation"]["above"]["load"] == pytest.approx(1.1 * load["load"], rel=1e-3)
    points = Path("reports/plan-points.jsonl")
    size = points.stat().st_size
    assert run(scenario, "--json", "--strategy", "server-default") == first
    assert points.stat().st_size == size


def test_a_promise_that_cannot_be_kept_is_answered_with_no_load(scenario: Path) -> None:
    told = json.loads(run(scenario, "--json", "--no-points", "--slo", "ttft=100ms@90%"))
    assert told["load"]["load"] is None
    assert "at no load" in told["sentence"]


def test_settings_hosts_and_costs_in_one_call(scenario: Path) -> None:
    """Two models that do not stay together at the automatic context: another context brings more."""
    words = ("--question", "settings", "--question", "host", "--gpus", "RTX 3060,RTX 5060 Ti", "--json")
    told = json.loads(run(scenario, "--strategy", "server-default", *words))
    settings, host = told["settings"], told["host"]
    assert settings["load"]["load"] > told["load"]["load"]
    assert ["deepseek-coder-v2:16b", "qwen2.5:7b"] in settings["stay_together"]
    kept = [row for row in host["looked_at"] if row["kept"]]
    assert host["chosen"] == host["looked_at"][-1]["gpus"] == kept[-1]["gpus"]
    assert all(not row["kept"] for row in host["looked_at"][:-1])
    assert told["costs"][-1]["money_per_thousand"] > 0
    assert any("Prices as of" in sentence for sentence in told["assumptions"])
    assert told["more"] is None
    assert len(told["sentences"]) == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--slo", "ttft"], "--slo"),
        (["--host", "config"], "asks no host"),
        (["--executor", "moon"], "--executor moon"),
        (["--strategy", "luck"], "luck"),
        (["--gpus", "Voodoo2", "--question", "host"], "Voodoo2: not in the table"),
    ],
)
def test_wrong_words_are_one_sentence(scenario: Path, words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        CliRunner().invoke(cli, ["plan", str(scenario), *words], catch_exceptions=False)
