"""`hotswap runs`, as a user types it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from tests.store.examples import HEALTH, LIVE, RUN
from toolkit.cli.main import cli
from toolkit.errors import HotswapError
from toolkit.store import open_store

if TYPE_CHECKING:
    from pathlib import Path


def runs(*arguments: object) -> Result:
    result = CliRunner().invoke(cli, ["runs", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, HotswapError | SystemExit), result.exception
    return result


@pytest.fixture
def ids() -> list[str]:
    """Two runs in the store that the environment names: an older one, tagged `base`, and a void one on a host."""
    with open_store() as store:
        first = store.add(replace(RUN, client=None))
        store.tag(first.id, "base")
        second = store.add(replace(RUN, strategy="ssd", provenance=LIVE, client=HEALTH))
    return [first.id, second.id]


def test_an_empty_store_says_how_to_fill_it() -> None:
    assert "`hotswap compare` and `hotswap replay` store them" in runs("list").stdout


def test_list_shows_one_run_a_line_the_newest_first(ids: list[str]) -> None:
    lines = runs("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["id", ids[1], ids[0]]
    assert "void" in lines[1]
    assert lines[2].split()[-2:] == ["complete", "base"]


def test_list_filters_and_is_json(ids: list[str]) -> None:
    rows = json.loads(runs("list", "--json", "--strategy", "ram", "--limit", 1).stdout)
    assert [(row["id"], row["tags"], row["requests"], row["seed"]) for row in rows] == [(ids[0], ["base"], 2, 1)]
    assert json.loads(runs("list", "--json", "--plan", "night").stdout) == []


def test_show_says_what_it_was_whether_to_trust_it_and_its_numbers(ids: list[str]) -> None:
    text = runs("show", ids[1][:6]).stdout
    assert text.startswith(f"run {ids[1]}: day under ssd, complete")
    assert "Can I trust it? No: this run says nothing about the server." in text
    assert "✗ The client was the bottleneck: the event loop was late." in text
    assert "TTFT, cold" in text
    data = json.loads(runs("show", "base", "--json").stdout)
    assert data["metrics"]["ttft_cold_s"]["count"] == 1  # the other request was warm-up
    assert data["metrics"]["ttft_cold_s"]["median"] is None  # one sample bounds nothing
    assert data["phases"] == {"measure": 1, "warmup": 1}
    assert data["models"] == {"a": "d" * 64}


def test_tags_move_and_go(ids: list[str]) -> None:
    assert runs("tag", "latest", "base").stdout == f"run {ids[1]} is tagged base\n"
    assert json.loads(runs("show", "base", "--json").stdout)["id"] == ids[1]
    assert runs("tag", "--delete", "base").stdout == "no run is tagged base any more\n"
    assert "no run 'base'" in str(runs("show", "base").exception)


@pytest.mark.parametrize("arguments", [(), ("latest",), ("latest", "x", "--delete", "y"), ("--delete", "y", "z")])
def test_tag_wants_a_run_and_a_name_or_delete(ids: list[str], arguments: tuple[str, ...]) -> None:
    assert ids
    assert "write `hotswap runs tag RUN NAME`" in str(runs("tag", *arguments).exception)


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_what_is_exported_is_imported_elsewhere(ids: list[str], tmp_path: Path, name: str) -> None:
    assert runs("export", *ids, "--out", tmp_path / name).exit_code == 0
    elsewhere = tmp_path / "elsewhere.db"
    said = runs("import", tmp_path / name, "--store", elsewhere).stdout.splitlines()
    assert [line.split()[:2] for line in said] == [[ids[0], "stored"], [ids[1], "stored"]]
    assert "was there already" in runs("import", tmp_path / name, "--store", elsewhere).stdout
    with open_store(elsewhere) as other, open_store() as mine:
        assert [other.load(ref) for ref in ids] == [mine.load(ref) for ref in ids]


def test_export_goes_to_stdout(ids: list[str]) -> None:
    assert json.loads(runs("export", "base").stdout.splitlines()[0])["id"] == ids[0]
    assert runs("export", "base", "--format", "csv").stdout.count("\n") == 3
    assert "name a file with --out" in str(runs("export", "base", "--format", "parquet").exception)


def test_rm_asks_where_somebody_can_answer(ids: list[str]) -> None:
    assert "say --yes" in str(runs("rm", "base").exception)
    assert runs("rm", "base", ids[0], "--yes").stdout == f"removed {ids[0]}\n"
    assert len(json.loads(runs("list", "--json").stdout)) == 1


def test_a_store_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_text("not a store" * 100)
    result = runs("list", "--store", path)
    assert isinstance(result.exception, HotswapError)
    assert "not a store of runs" in str(result.exception)


def test_report_is_one_page_about_the_runs(ids: list[str], tmp_path: Path) -> None:
    page = tmp_path / "new" / "page.html"
    assert runs("report", *ids, "base", "--out", page).stdout == f"report: {page}\n"
    text = page.read_text(encoding="utf-8")
    assert "day: 2 runs" in text
    assert "they differ in host" in text
    assert 'id="history"' not in text


@pytest.mark.parametrize("arguments", [("list",), ("show", "base"), ("tag", "base", "other"), ("rm", "base", "--yes")])
def test_a_set_that_no_config_takes_is_refused_by_commands_that_read_none(
    ids: list[str], arguments: tuple[str, ...]
) -> None:
    del ids
    result = runs(*arguments, "--set", "nope=1")
    assert isinstance(result.exception, HotswapError)
    assert result.exception.exit_code == 2
    assert "nope" in str(result.exception)


@pytest.mark.parametrize("name", ["run.xyz", "run", "run.json"])
def test_an_ending_that_names_no_format_is_refused_before_anything_is_written(
    ids: list[str], tmp_path: Path, name: str
) -> None:
    result = runs("export", ids[0], "--out", tmp_path / name)
    assert isinstance(result.exception, HotswapError)
    assert "end it in .jsonl, .csv, .parquet, or give --format" in str(result.exception)
    assert not (tmp_path / name).exists()
    assert runs("export", ids[0], "--out", tmp_path / name, "--format", "csv").exit_code == 0


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.parquet"])
def test_a_directory_that_is_not_there_is_said_for_every_format(ids: list[str], tmp_path: Path, name: str) -> None:
    result = runs("export", ids[0], "--out", tmp_path / "none" / name)
    assert isinstance(result.exception, HotswapError)
    assert "there is no directory" in str(result.exception)
