"""`hotswap compare` and `replay` as a user types them, on the simulated host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SCENARIOS = PROJECT / "scenarios"
NAMES = ["ram", "ssd", "none", "server-default", "lru-unload", "lru+least-wait"]


def hotswap(*arguments: object, cwd: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-c", "from toolkit.cli.main import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=120)


def compare_json(*arguments: object) -> dict[str, Any]:
    """Compare, and read what stands on stdout; it must be JSON and nothing else."""
    done = hotswap("compare", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("scenario", sorted(SCENARIOS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_bundled_scenario_compares(scenario: Path, tmp_path: Path) -> None:
    done = hotswap("compare", scenario, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in [*NAMES, "optimum"])
    assert done.stdout.strip().endswith(f"report: {tmp_path / 'out' / 'index.html'}")
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"index.html", "results.json", "summary.md"}


def test_png_figures_come_when_asked_for(tmp_path: Path) -> None:
    compare_json(SCENARIOS / "swap-storm.yaml", "--strategies", "ram", "--png", "--out", tmp_path)
    drawn = {kind: {path.stem for path in (tmp_path / "figures").glob(f"*.{kind}")} for kind in ("svg", "png")}
    assert drawn["png"] == drawn["svg"] != set()


def test_equal_calls_give_equal_bytes(tmp_path: Path) -> None:
    for directory in ("a", "b"):
        compare_json(SCENARIOS / "bursty-team.yaml", "--strategies", "ram,lru-unload", "--out", tmp_path / directory)
    for name in ("index.html", "results.json", "summary.md"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_documented_keys_are_there_and_add_up(tmp_path: Path) -> None:
    result = compare_json(SCENARIOS / "coding-afternoon.yaml", "--out", tmp_path, "--repeat", 2)
    assert result["schema"] == 1
    assert list(result["strategies"]) == NAMES
    for one in result["strategies"].values():
        ends = ("hits", "joined", "swaps", "rejected", "failed", "unanswered")
        assert one["requests"] == sum(one[end] for end in ends)
        assert one["hit_rate"] == pytest.approx(one["hits"] / one["requests"])
        assert {"mean", "p50", "p95", "max"} <= one["wait_s"].keys()
        assert {"ttft_cold_s", "ttft_warm_s", "e2e_s"} <= one.keys()
    assert result["provenance"]["repeat"] == 2
    assert json.loads((tmp_path / "results.json").read_text(encoding="utf-8")) == result


def test_the_seed_changes_the_day_and_nothing_else(tmp_path: Path) -> None:
    day = SCENARIOS / "working-day.yaml"
    one, other = (
        compare_json(day, "--strategies", "server-default", "--seed", seed, "--out", tmp_path) for seed in (1, 2)
    )
    assert one["provenance"]["seed"] == 1
    assert one["strategies"] != other["strategies"]


def test_options_may_stand_before_the_command(tmp_path: Path) -> None:
    done = hotswap("--json", "--quiet", "compare", SCENARIOS / "swap-storm.yaml", "--out", tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["schema"] == 1
    assert done.stderr == ""


def test_a_small_context_makes_room_for_two(tmp_path: Path) -> None:
    result = compare_json(SCENARIOS / "working-day.yaml", "--num-ctx", 4096, "--out", tmp_path)
    assert ["deepseek-coder-v2:16b", "qwen2.5:7b"] in result["co_residence"]


def test_the_users_file_works_as_written(tmp_path: Path) -> None:
    """It names a real host; without --host nothing is sent there."""
    config = PROJECT / "config" / "ollama-vm.yaml"
    done = hotswap("compare", SCENARIOS / "swap-storm.yaml", "--config", config, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "/v1" in done.stderr


def test_replay_keeps_a_run_that_reads_back(tmp_path: Path) -> None:
    from toolkit.replay.runfile import read_run  # noqa: PLC0415 - the only in-process part

    done = hotswap("replay", SCENARIOS / "swap-storm.yaml", "--strategy", "lru-unload", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    run = read_run(tmp_path)
    assert (run.strategy, run.complete) == ("lru-unload", True)
    assert len(run.records) > 100


TRACE = """gmt_create,predict_type,predict_status,exec_time_seconds,groupId,prompt_length,negative_prompt_length,\
num_images_per_prompt,num_inference_steps,checkpoint_model_version_id,num_lora
2024-11-15 16:57:50,TXT_2_IMG,SUCCEED,3.0,G0,63.0,26.0,1.0,30.0,red,0
2024-11-15 16:58:50,TXT_2_IMG,FAILED,4.0,G1,93.0,,1.0,40.0,green,0
2024-11-15 16:59:50,TXT_2_IMG,SUCCEED,3.0,G1,93.0,,8.0,40.0,red,0
2024-11-15 17:00:50,TXT_2_IMG,SUCCEED,3.0,G1,93.0,,8.0,40.0,,0
"""


def test_a_trace_plays_on_equal_places(tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text(TRACE, encoding="utf-8")
    result = compare_json("--trace", trace, "--format", "alibaba-genai", "--slots", 2, "--out", tmp_path / "out")
    assert result["strategies"]["ram"]["requests"] == 4
    optimum = result["optimum"]
    assert (optimum["hits"], optimum["reached"], optimum["method"]) == (1, 1, "exact")
    assert optimum["loading"]["seconds"] == pytest.approx(sum(optimum["loading"]["load_s"].values()))
    loads = {one["model"]: one["loads"] for one in result["strategies"]["none"]["models"]}
    spent_s = sum(loads[name] * load_s for name, load_s in optimum["loading"]["load_s"].items())
    share = result["strategies"]["none"]["share_of_least_loading"]
    assert share == pytest.approx(optimum["loading"]["seconds"] / spent_s)
    assert share < 1


BROKEN = {
    "a typo in the config": (
        ["compare", "{scenario}", "--config", "{file}"],
        "llm:\n  cache:\n    tpye: ram\n",
        "{file}:3:",
        "type",
    ),
    "an empty scenario": (["compare", "{file}"], "", "{file}:1:", ""),
    "a scenario with an unknown key": (["compare", "{file}"], "name: x\narivals: {}\n", "{file}:2:", "arrivals"),
    "a trace with a broken row": (
        ["compare", "--trace", "{file}", "--format", "alibaba-genai"],
        TRACE.replace("2024-11-15 16:59:50", "yesterday"),
        "{file}:4:",
        "yesterday",
    ),
    "a trace of another format": (
        ["compare", "--trace", "{file}", "--format", "azure"],
        TRACE,
        "{file}:1:",
        "alibaba-genai",
    ),
    "a model that the twin lacks": (
        ["compare", "{scenario}", "--config", "{file}"],
        "llm:\n  models:\n    primary: unheard-of:1b\n",
        "unheard-of:1b",
        "twin.models",
    ),
    "no workload": (["compare"], "", "scenario", "--trace"),
    "two workloads": (["compare", "{scenario}", "--trace", "{file}"], "", "one workload", ""),
    "an unknown strategy": (["compare", "{scenario}", "--strategies", "ramm"], "", "'ramm'", "'ram'"),
    "a scenario that is not there": (["compare", "{file}.nowhere"], "", "nowhere", ""),
    "no strategy at all": (["compare", "{scenario}", "--strategies", ","], "", "--strategies", ""),
    "a format for a scenario": (["compare", "{scenario}", "--format", "azure"], "", "--format", "--trace"),
    "a service scale for a scenario": (["compare", "{scenario}", "--service-scale", "2"], "", "--service-scale", ""),
    "only the optimum": (["compare", "{scenario}", "--strategies", "optimum"], "", "always shown", ""),
    "two strategies for a replay": (["replay", "{scenario}", "--strategy", "ram,ssd"], "", "'ram,ssd'", ""),
    "an empty strategy": (["replay", "{scenario}", "--strategy", ""], "", "strategy ''", "ram"),
    "an output that is a file": (["compare", "{scenario}", "--out", "{file}/x"], "", "--out", "cannot write"),
    "a speed of nothing": (["compare", "{scenario}", "--speed", "0"], "", "--speed", ""),
    "slots for a scenario": (["compare", "{scenario}", "--slots", "3"], "", "--slots", "--trace"),
    "an address that is none": (["compare", "{scenario}", "--host", "ftp://x"], "", "ftp", "http"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_bad_input_ends_in_a_sentence_and_exit_2(what: str, tmp_path: Path) -> None:
    arguments, content, says, and_says = BROKEN[what]
    file = tmp_path / "input.yaml"
    file.write_text(content, encoding="utf-8")
    names = {"file": file, "scenario": SCENARIOS / "swap-storm.yaml"}
    done = hotswap(*(argument.format(**names) for argument in arguments), cwd=tmp_path)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert says.format(**names) in done.stderr
    assert and_says in done.stderr
    assert done.stdout == ""


def test_an_extra_role_that_no_prompt_reaches_does_no_harm(tmp_path: Path) -> None:
    """Only the models that the requests go to must be there."""
    config = tmp_path / "config.yaml"
    config.write_text(
        "llm:\n  models:\n    primary: qwen2.5:32b\n    code: deepseek-coder-v2:16b\n    fast: qwen2.5:7b\n"
        "    vision: llava:7b\n",
        encoding="utf-8",
    )
    done = hotswap("compare", SCENARIOS / "swap-storm.yaml", "--config", config, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["compare", "replay", "route", "fit", "config check", "twin serve", "twin explain"])
def test_every_example_of_the_help_stands_on_a_line_of_its_own(command: str) -> None:
    text = hotswap(*command.split(), "--help").stdout
    assert "\\b" not in text
    assert all(line.count("hotswap ") <= 2 for line in text.splitlines())


def shell(line: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """A shell line in which `hotswap` is the command and `$T` a directory."""
    hotswap_line = f"{sys.executable} -c 'from toolkit.cli.main import main; main()'"
    script = f'set -o pipefail; hotswap() {{ {hotswap_line} "$@"; }}; {line}'
    environment = {**os.environ, "T": str(tmp_path)}
    command = ["bash", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT, env=environment)


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    done = shell("hotswap compare scenarios/swap-storm.yaml --strategies ram --quiet --out $T | head -1", tmp_path)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_a_full_disk_under_stdout_is_one_sentence(tmp_path: Path) -> None:
    done = shell("hotswap route hello > /dev/full", tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "No space left" in done.stderr


def test_a_simulated_compare_ends_at_once_when_told_to(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from toolkit.cli.main import main; main()", "compare"]
    arguments = ["scenarios/working-day.yaml", "--repeat", "200", "--out", str(tmp_path)]
    told = {**os.environ, "HOTSWAP_PROGRESS": "lines"}
    with subprocess.Popen(
        [*command, *arguments], cwd=PROJECT, env=told, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        assert process.stderr is not None
        seen = [process.stderr.readline() for _ in range(3)]  # it is in the midst of it
        process.terminate()
        *_, last = process.stderr
        process.wait(30)
    assert seen[-1].startswith(b"progress 400 ")
    assert (process.returncode, last) == (130, b"interrupted\n")


def test_a_host_that_is_down_ends_in_a_sentence_and_exit_1(tmp_path: Path) -> None:
    done = hotswap("compare", SCENARIOS / "swap-storm.yaml", "--host", "http://127.0.0.1:9", "--out", tmp_path)
    assert done.returncode == 1
    assert "http://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.shared
def test_the_recorded_trace_of_equal_models_has_the_hits_of_the_textbooks(shared_dir: Path, tmp_path: Path) -> None:
    trace = shared_dir / "data/traces/alibaba_genai_2026_first60.csv"
    strategies = ("--strategies", "ram,lru-unload", "--no-store")
    result = compare_json("--trace", trace, "--format", "alibaba-genai", "--slots", 4, *strategies, "--out", tmp_path)
    assert list(result["strategies"]) == ["ram", "lru-unload"]
    assert result["optimum"]["hits"] == 12_441
    assert any("10,478 hits under LRU" in note for note in result["notes"])
    assert all(one["requests"] == 16_093 for one in result["strategies"].values())
