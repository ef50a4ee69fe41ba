"""Sides out of files: our runs, pytest-benchmark's JSON, Go benchmark text, directories, the store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from toolkit.errors import InputError, UsageError
from toolkit.gate.choice import Choice
from toolkit.gate.from_benchmarks import go_side, pytest_side
from toolkit.gate.sources import open_each, open_side
from toolkit.replay.runfile import write_run
from toolkit.store.runs import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GO = """\
goos: linux
goarch: amd64
pkg: github.com/ollama/ollama/cmd/bench
commit: 1234
Unit hits better=higher
BenchmarkModel/name=gemma3/step=generate 1 78125086 ns/token 12.80 token/sec
BenchmarkModel/name=gemma3/step=generate 1 78000000 ns/token 12.82 token/sec
BenchmarkCache-8   \t 100\t 3 hits
PASS
ok  \tgithub.com/ollama/ollama 1.2s
"""


def pytest_document(*names: tuple[str, list[float] | None]) -> dict[str, Any]:
    benchmarks = [
        {"name": name, "fullname": f"tests/x.py::{name}", "stats": {"median": 0.5} | ({"data": data} if data else {})}
        for name, data in names
    ]
    machine = {"node": "ci", "python_version": "3.11.7", "cpu": {"brand_raw": "EPYC"}}
    return {"machine_info": machine, "commit_info": {"id": "abc"}, "datetime": "2026-01-01", "benchmarks": benchmarks}


def test_go_text_as_benchstat_reads_it() -> None:
    side = go_side("x", GO)
    assert {series.name: (series.samples, series.better) for series in side.series} == {
        "BenchmarkModel/name=gemma3/step=generate ns/token": ((78125086, 78000000), "lower"),
        "BenchmarkModel/name=gemma3/step=generate token/sec": ((12.80, 12.82), "higher"),
        "BenchmarkCache-8 hits": ((3,), "higher"),
    }
    assert dict(side.facts) == {"goos": "linux", "goarch": "amd64", "pkg": "github.com/ollama/ollama/cmd/bench"}
    assert dict(side.shown)["commit"] == "1234"


@pytest.mark.parametrize("line", ["BenchmarkX 1 2", "BenchmarkX 1 two ns/op", "BenchmarkX 1 NaN ns/op"])
def test_a_broken_line_is_named(line: str) -> None:
    with pytest.raises(InputError, match=r"x:2: .*pairs of value and unit"):
        go_side("x", f"goos: linux\n{line}\n")


def test_pytest_benchmarks_rounds_are_samples_in_seconds() -> None:
    side = pytest_side("x", pytest_document(("test_a", [0.1, 0.2]), ("test_b", None)))
    assert [(series.name, series.unit, series.samples) for series in side.series] == [
        ("test_a", "s", (0.1, 0.2)),
        ("test_b", "s", (0.5,)),
    ]
    assert dict(side.facts) == {"machine": "ci", "cpu": "EPYC", "python": "3.11.7"}
    assert side.notes == ("x holds no single rounds; write it with --benchmark-json or --benchmark-save-data",)


def test_two_benchmarks_of_one_name_go_by_their_full_names() -> None:
    document = pytest_document(("test_a", [1.0]), ("test_a", [2.0]))
    document["benchmarks"][1]["fullname"] = "tests/y.py::test_a"
    assert [series.name for series in pytest_side("x", document).series] == ["tests/x.py::test_a", "tests/y.py::test_a"]


def test_a_document_that_is_not_pytest_benchmarks_is_refused() -> None:
    with pytest.raises(InputError, match="benchmark 1 is not one of pytest-benchmark's"):
        pytest_side("x", {"benchmarks": [{"name": "a"}]})


def test_files_are_told_apart_by_what_is_in_them(tmp_path: Path, made: Any) -> None:
    run = write_run(made.run(1), tmp_path / "run")
    (tmp_path / "go").write_text(GO)
    (tmp_path / "py").write_text(json.dumps(pytest_document(("test_a", [0.1]))))
    names = [
        {series.name for series in open_side(str(path), Choice(), {}).series}
        for path in (run, tmp_path / "go", tmp_path / "py")
    ]
    assert "ttft_warm" in names[0]
    assert "BenchmarkCache-8 hits" in names[1]
    assert names[2] == {"test_a"}


def test_a_directory_holds_repeats_in_natural_order(tmp_path: Path, made: Any) -> None:
    for number in (1, 2, 10):
        write_run(made.run(number), tmp_path / str(number))
    side = open_side(str(tmp_path), Choice(), {})
    assert [len(series.runs) for series in side.series if series.name == "ttft_warm"] == [3]
    labels = [each.label for each in open_each(str(tmp_path), Choice(), {})]
    assert [label.split("/")[-2] for label in labels] == ["1", "2", "10"]


def test_a_stored_run_is_found_by_tag_and_by_id(tmp_path: Path, made: Any) -> None:
    environment = {"HOTSWAP_STORE": str(tmp_path / "runs.db")}
    with open_store(environment=environment) as store:
        row = store.add(made.run(1))
        store.tag(row.id, "base")
    for ref in ("base", row.id):
        series = open_side(ref, Choice(), environment).series
        assert [len(one.samples) for one in series if one.name == "ttft_warm"] == [60]
    with pytest.raises(UsageError, match="no run 'bsae'"):
        open_side("bsae", Choice(), environment)


@pytest.mark.parametrize(
    ("text", "what"), [("", "neither a run"), ("hello\n", "neither a run"), ('{"a": 1}\n', "neither a run")]
)
def test_a_file_of_no_known_kind_is_refused(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(InputError, match=what):
        open_side(str(tmp_path / "x"), Choice(), {})


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        open_side(str(tmp_path / "x.json"), Choice(), {})
    with pytest.raises(InputError, match="no run"):
        open_side(str(tmp_path), Choice(), {})


@pytest.mark.parametrize("name", ["token/sec", "BenchmarkModel*", "*gemma3* token/sec", "BenchmarkCache-8"])
def test_benchmarks_are_chosen_by_name_or_unit(name: str) -> None:
    kept = Choice((name,)).among(go_side("x", GO)).series
    assert 0 < len(kept) < 3
    with pytest.raises(UsageError, match="no such benchmark"):
        Choice(("nothing",)).among(go_side("x", GO))


def test_go_text_is_what_a_go_project_writes(go_text: Callable[[int, float], str]) -> None:
    (series,) = go_side("x", go_text(1, 1.0)).series
    assert (series.name, len(series.samples)) == ("BenchmarkLoad/model=m-8 ns/op", 60)


def test_the_folder_of_a_comparison_is_led_to_the_store(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{\n  "schema": 1,\n  "strategies": []\n}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"results\.json: neither a run nor .*`hotswap runs list`"):
        open_side(str(tmp_path), Choice(), {})
