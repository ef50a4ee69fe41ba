"""`hotswap lab` as a user types it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from toolkit.cache.offline_slots import lru_hits, min_hits
from toolkit.cli.lab import DEFAULT_POLICIES
from toolkit.cli.main import cli
from toolkit.errors import UsageError
from toolkit.lab.drawn import Zipf

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = (sys.executable, "-c", "from toolkit.cli.main import main; main()")
HEADER = "gmt_create,exec_time_seconds,groupId,prompt_length,checkpoint_model_version_id\n"
NAMES = "abcabcddabecab"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.csv"
    rows = (f"2024-11-15 16:00:{at:02d},1.0,g,10,{name}\n" for at, name in enumerate(NAMES))
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return path


def run(*words: object) -> str:
    result = CliRunner().invoke(cli, ["lab", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_counts_like_other_implementations(trace: Path) -> None:
    told = json.loads(run("--trace", trace, "--unit", "--capacity", 2, "--policies", "lru,opt", "--json"))
    assert told["requests"] == len(NAMES)
    assert told["policies"]["lru"]["hits"] == lru_hits(NAMES, 2)
    assert told["policies"]["opt"] == {
        "hits": min_hits(NAMES, 2),
        "hit_rate": min_hits(NAMES, 2) / len(NAMES),
        "method": "exact",
        "reached": min_hits(NAMES, 2),
    }
    assert told["policies"]["lru"]["hit_rate"] == lru_hits(NAMES, 2) / len(NAMES)


def test_the_first_sentence_is_the_answer(trace: Path) -> None:
    told = run("--trace", trace, "--unit", "--capacity", 3)
    assert told.startswith(f"trace: {len(NAMES)} requests for 5 models, room for 3 models.")
    assert "of what is achievable" in told.split("\n\n")[0]
    for name in DEFAULT_POLICIES.split(","):
        assert f"\n{name} " in told


def test_a_scenario_is_weighed_in_bytes(project_dir: Path) -> None:
    told = json.loads(run(project_dir / "scenarios/swap-storm.yaml", "--capacity", "80GiB", "--json", "--quiet"))
    lru = told["policies"]["lru"]
    assert told["capacity"] == {"unit": False, "size": 80 << 30, "models": None}
    assert (lru["loads"], lru["evictions"]) == (3, 0)
    assert lru["bytes_loaded"] > 20e9
    assert lru["load_s"] > 1
    opt = told["policies"]["opt"]
    assert (opt["load_method"], opt["load_s"]) == ("exact", lru["load_s"])  # all three fit: each is loaded once
    assert lru["share_of_least_load"] == 1.0


def test_the_table_of_a_scenario_shows_both_optima(project_dir: Path) -> None:
    told = run(project_dir / "scenarios/swap-storm.yaml", "--capacity", "22GiB", "--quiet")
    answer = " ".join(told.split("\n\n")[0].split())
    assert "All policies find alike: 0.0 % in memory" in answer  # no two of the three fit together
    assert "all load" in answer
    heading = next(line for line in told.splitlines() if line.startswith("policy"))
    assert heading.split("  ")[-1].strip() == "of best"
    assert "two optima" in told


def test_models_larger_than_the_room_are_named(project_dir: Path) -> None:
    told = run(project_dir / "scenarios/swap-storm.yaml", "--capacity", "15GiB", "--quiet", "--policies", "lru")
    [said] = [line for line in told.splitlines() if line.startswith("Larger than all the room")]
    assert said.count(":") >= 2  # names have a tag


def test_drawn_requests_are_counted_like_stored_ones() -> None:
    words = ("--drawn", "zipf(requests=3000, models=50, skew=0.8)", "--unit", "--capacity", 8, "--seed", -3)
    told = json.loads(run(*words, "--policies", "lru,opt", "--json"))
    names = [name for name, _ in Zipf(3000, 50, 0.8, -3)]
    assert told["requests"] == 3000
    assert told["models"] == 50
    assert told["policies"]["lru"]["hits"] == lru_hits(names, 8)
    assert told["policies"]["opt"]["hits"] == min_hits(names, 8)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--drawn", "zpf"), "no law 'zpf'"),
        (("--drawn", "zipf(request=5)"), "did you mean 'requests'"),
        (("--drawn", "zipf(requests=100000000)"), "opt looks at all requests at once, and 100,000,000 are too many"),
        (("--drawn", "zipf(models=2000000)"), "2,000,000 models are too many"),
        (("--drawn", "zipf", "--limit", "5"), "leave out --limit"),
        (("somewhere.yaml", "--drawn", "zipf"), "leave out the scenario"),
        (("--drawn", "zipf", "--disciplines", "fcfs", "--load-time", "22s"), "no answer times"),
    ],
)
def test_a_wrong_draw_is_refused(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        run(*words, "--unit", "--capacity", 4)


def test_drawn_models_only_count() -> None:
    with pytest.raises(UsageError, match="drawn models have no sizes; add --unit"):
        run("--drawn", "zipf")


def test_who_watches_sees_how_far_it_is_and_nobody_else_does() -> None:
    drawn = (
        "lab",
        "--drawn",
        "zipf(requests=40000, models=9)",
        "--unit",
        "--capacity",
        "3",
        "--policies",
        "lru,arc,opt",
    )
    ours, theirs = os.openpty()
    with subprocess.Popen([*PROGRAM, *drawn], stdout=subprocess.DEVNULL, stderr=theirs) as watched:
        os.close(theirs)
        seen = b"".join(iter(lambda: read_or_end(ours), b""))
    os.close(ours)
    assert watched.returncode == 0
    assert b"requests played" in seen
    assert b"80000/80000" in seen
    unwatched = CliRunner().invoke(cli, drawn, catch_exceptions=False)
    assert (unwatched.exit_code, unwatched.stderr) == (0, "")


def read_or_end(terminal: int) -> bytes:
    """What was written to a terminal since; nothing when its last writer has gone, which Linux calls an error."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""


def test_a_limit_on_models_holds_for_the_optimum_too(trace: Path) -> None:
    words = ("--trace", trace, "--unit", "--capacity", 4, "--max-models", 2, "--policies", "lru,opt", "--json")
    assert json.loads(run(*words))["policies"]["opt"]["hits"] == min_hits(NAMES, 2)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--capacity", "4"], "write 24GiB, or add --unit"),
        (["--unit"], "--unit counts models"),
        (["--unit", "--capacity", "0"], "--unit counts models"),
        (["--policies", "lrv"], "Did you mean 'lru'?"),
        (["--policies", "gdsf(kost=1)"], "did you mean 'cost'?"),
        (["--policies", "gdsf(cost=2)"], "give one of load, one"),
        (["--policies", "lfu(half-life=-1)"], "give a whole number"),
        (["--policies", "lru("], "write a name"),
        (["--policies", "ttl(keep-alive=5 parsecs)"], "a duration such as"),
        (["--policies", "ttl(keep-alive=-5m)"], "a duration of 0 or more"),
        (["--policies", ","], "nothing is named by --policies; give some, as in lru,arc"),
        (["--capacity", "many"], "--capacity is 'many': a size is written like 24GiB"),
        (["--capacity", "-1GiB"], "--capacity is '-1GiB'"),
        (["--capacity", "0GiB"], "--capacity 0GiB holds no model"),
    ],
)
def test_mistakes_are_named(project_dir: Path, words: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says.replace("?", r"\?").replace("(", r"\(")):
        run(project_dir / "scenarios/swap-storm.yaml", *words)


def test_a_queue_before_the_cache_says_how_long_people_wait(trace: Path) -> None:
    words = (
        "--trace",
        trace,
        "--unit",
        "--capacity",
        2,
        "--disciplines",
        "fcfs,shadow(bound=1m)",
        "--load-time",
        "22s",
    )
    told = json.loads(run(*words, "--policies", "lru,opt", "--json"))
    assert [(row["discipline"], row["policy"]) for row in told["combinations"]] == [
        ("fcfs", "lru"),
        ("shadow(bound=1m)", "lru"),
    ]
    assert told["base"]["swaps"] == len(NAMES) - lru_hits(NAMES, 2)
    assert told["combinations"][1]["mean_s"] < told["base"]["mean_s"]
    assert told["combinations"][1]["latest_s"] <= 61
    text = run(*words)
    assert "waits least" in text.split("\n\n")[0]
    assert "lrfu(decay=0.05)" in text


def test_a_queue_of_a_scenario_takes_load_and_answer_times_from_the_twin(project_dir: Path) -> None:
    told = json.loads(
        run(
            project_dir / "scenarios/bursty-team.yaml", "--disciplines", "fcfs", "--part", "0.5..1", "--json", "--quiet"
        )
    )
    assert told["base"]["swaps"] > 10
    assert 0 < told["base"]["mean_s"] < told["base"]["max_s"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--load-time", "22s"), "belong to --disciplines"),
        (("--disciplines", "fcfs"), "add --load-time"),
        (("--disciplines", "fcsf", "--load-time", "22s"), "Did you mean 'fcfs'"),
        (("--disciplines", "shadow(bund=1m)", "--load-time", "22s"), "did you mean 'bound'"),
        (("--disciplines", "ageing(step=-1m)", "--load-time", "22s"), "a duration of 0 or more"),
        (("--disciplines", "", "--load-time", "22s"), "nothing is named by --disciplines"),
        (
            ("--disciplines", "fcfs", "--load-time", "22s", "--policies", "opt"),
            "knows of no queue; give some, as in lru",
        ),
        (("--disciplines", "fcfs", "--load-time", "soon"), "give a duration such as 22s"),
        (("--disciplines", "fcfs", "--load-time", "22s", "--part", "1..0"), "give two shares"),
    ],
)
def test_a_wrong_queue_is_refused(trace: Path, words: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        CliRunner().invoke(
            cli, ["lab", "--trace", str(trace), "--unit", "--capacity", "2", *words],
            catch_exceptions=False, standalone_mode=False,
        )  # fmt: skip
