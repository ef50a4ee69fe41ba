"""Reading scenarios: what is wrong is named by file, line and key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from toolkit.errors import InputError
from toolkit.host.trace.scenario import find_scenario, read_lines

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.host.trace.scenario import Line


def write(tmp_path: Path, *documents: Any) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text("".join((item if isinstance(item, str) else json.dumps(item)) + "\n" for item in documents))
    return path


@pytest.fixture
def good(rules: dict[str, Line]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(rules["keep_alive_fractional"].document))
    return document


def test_blank_lines_are_skipped_but_counted(good: dict[str, Any], tmp_path: Path) -> None:
    [line] = read_lines(write(tmp_path, "", good, ""))
    assert line.place.endswith("in.jsonl:2")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"host": 5}, "host: "),
        ({"end_ns": -1}, "end_ns: Input should be greater than or equal to 0, found -1"),
        ({"end_ns": None}, "end_ns: Input should be a valid integer, found None"),
        ({"models": "none"}, "models: "),
        ({"env": {"A": 1}}, "env.A: Input should be a valid string, found 1"),
    ],
)
def test_a_wrong_value_is_named(good: dict[str, Any], tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        list(read_lines(write(tmp_path, good, {**good, **change})))
    assert f"in.jsonl:2: {sentence}" in str(refused.value)


def test_a_missing_key_is_named(good: dict[str, Any], tmp_path: Path) -> None:
    del good["models"][0]["file_size"]
    with pytest.raises(InputError, match=r"in\.jsonl:1: models\.0\.file_size: Field required"):
        list(read_lines(write(tmp_path, good)))


@pytest.mark.parametrize("text", ["{", "[1]", "null", "[" * 100_000])
def test_what_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"in\.jsonl:1: "):
        list(read_lines(write(tmp_path, text)))


def test_a_request_for_an_unknown_model_and_names_given_twice(good: dict[str, Any], tmp_path: Path) -> None:
    stranger = json.loads(json.dumps(good))
    stranger["requests"][0]["model"] = "nobody"
    with pytest.raises(InputError, match="asks for 'nobody'; the models are"):
        list(read_lines(write(tmp_path, stranger)))
    good["models"].append(good["models"][0])
    with pytest.raises(InputError, match="is there twice"):
        list(read_lines(write(tmp_path, good)))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        list(read_lines(tmp_path / "absent.jsonl"))
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        list(read_lines(tmp_path))
    with pytest.raises(InputError, match="holds no scenario"):
        list(read_lines(write(tmp_path, "")))
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        list(read_lines(tmp_path / "binary.jsonl"))


def test_finding_one_scenario(rules_path: Path) -> None:
    assert find_scenario(rules_path, "race_17408").id == "race_17408"
    with pytest.raises(InputError, match="has no 'race_17409', such as race_17408"):
        find_scenario(rules_path, "race_17409")
    with pytest.raises(InputError, match="name one with --scenario"):
        find_scenario(rules_path, None)


def test_an_unknown_profile_is_a_bad_input(good: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"profile: .*v0\.99"):
        list(read_lines(write(tmp_path, {**good, "profile": "v0.99"})))
