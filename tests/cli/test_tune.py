"""`hotswap tune` as a user types it."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from toolkit.cli.main import cli
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "gmt_create,exec_time_seconds,groupId,prompt_length,checkpoint_model_version_id\n"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """400 requests, a second apart, skewed over six models."""
    draw = random.Random(3)
    names = draw.choices("abcdef", [8, 4, 4, 2, 1, 1], k=400)
    path = tmp_path / "trace.csv"
    rows = (f"2024-11-15 16:{at // 60:02d}:{at % 60:02d},0.2,g,10,{name}\n" for at, name in enumerate(names))
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return path


def tune(trace: Path, *words: str) -> str:
    given = ["tune", "--trace", str(trace), "--unit", "--capacity", "2", "--load-time", "2s", *words]
    result = CliRunner().invoke(cli, given, catch_exceptions=False, standalone_mode=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def told(trace: Path, *words: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(tune(trace, *words, "--json"))
    return document


def test_the_best_of_what_was_tried_is_reported_on_the_rest_and_only_there(trace: Path) -> None:
    words = ("--policies", "lru,lrfu(decay=0.05|0.5)", "--disciplines", "fcfs,shadow(bound=1m|5m)")
    found = told(trace, *words)
    assert found["tuned_on"] == {"part": [0, 0.6], "requests": 240}
    assert found["reported_on"] == {"part": [0.6, 1], "requests": 160}
    assert len(found["tried"]) == found["combinations"] == 9
    means = [row["mean_s"] for row in found["tried"]]
    assert means == sorted(means)
    best, chosen = found["tried"][0], found["chosen"]
    assert (best["policy"], best["discipline"]) == (chosen["policy"], chosen["discipline"])
    assert (best["requests"], chosen["requests"], found["base"]["requests"]) == (240, 160, 160)
    assert chosen["mean_s"] < found["base"]["mean_s"]
    # The same figure as the lab has for that part alone: nothing of the first part is remembered.
    lab = CliRunner().invoke(
        cli,
        ["lab", "--trace", str(trace), "--unit", "--capacity", "2", "--load-time", "2s", "--part", "0.6..1", "--json",
         "--policies", chosen["policy"], "--disciplines", chosen["discipline"]],
        catch_exceptions=False,
    )  # fmt: skip
    assert json.loads(lab.stdout)["combinations"] == [chosen]


def test_the_text_says_whether_tuning_was_worth_it(trace: Path) -> None:
    assert "nothing to tune" in tune(trace, "--policies", "lru", "--disciplines", "fcfs").split("\n")[0]
    text = tune(trace, "--policies", "lrfu(decay=0.001|0.05)", "--disciplines", "shadow")
    assert "never tried on" in text
    assert "worth it" in text or "less than untuned" in text


def test_of_too_many_combinations_some_are_drawn_by_the_seed(trace: Path) -> None:
    words = ("--policies", "lrfu(decay=0.01..1 x9)", "--disciplines", "fcfs", "--most", "3")
    first, again, other = (told(trace, *words, "--seed", seed) for seed in ("1", "1", "2"))
    assert first == again
    assert (len(first["tried"]), first["combinations"]) == (3, 9)
    assert {row["policy"] for row in first["tried"]} != {row["policy"] for row in other["tried"]}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--report-on", "0.5..1"), "that were tuned on"),
        (("--tune-on", "0..1"), "that were tuned on"),
        (("--tune-on", "0.5..1", "--report-on", "0..0.5"), "nobody can tune on what is yet to come"),
        (("--report-on", "1"), "--report-on is '1'; give two shares"),
        (("--policies", ","), "there is nothing to try"),
        (("--policies", "lrfu(decay=0.1..0.2)"), "a range is written"),
        (("--disciplines", "shadows"), "Did you mean 'shadow'"),
    ],
)
def test_what_would_be_no_honest_figure_is_refused(trace: Path, words: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        tune(trace, *words)
    assert says in str(caught.value)
