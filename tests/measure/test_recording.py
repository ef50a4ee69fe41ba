"""Reading a recording, whole or with parts missing, and refusing what is none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from toolkit.errors import InputError
from toolkit.measure.outcomes import outcomes_of
from toolkit.measure.parts import OTHER, numbers_of
from toolkit.measure.recording import read_recording

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def row(number: int, **changes: Any) -> dict[str, Any]:
    counters = {
        "total_duration": 900_000_000, "load_duration": 500_000_000, "prompt_eval_count": 20,
        "prompt_eval_duration": 300_000_000, "eval_count": 3, "eval_duration": 90_000_000,
    }  # fmt: skip
    usual = {
        "i": number, "model": "a", "kind": "chat", "keep_alive": None, "num_ctx": None, "sent": float(number),
        "headers": number + 0.8, "first_byte": number + 0.8, "end": number + 0.91, "status": 200, "response": counters,
        "ps_before": [], "loadavg1": 0.5,
    }  # fmt: skip
    return {**usual, **changes}


def written(directory: Path, *rows: Mapping[str, Any]) -> Path:
    (directory / "requests.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return directory


def test_requests_alone_are_a_recording(tmp_path: Path) -> None:
    recording = read_recording(written(tmp_path, row(1), row(0)))
    assert [request.number for request in recording.requests] == [0, 1]
    assert not recording.has_log
    assert recording.max_loaded == 0
    assert (recording.requests[0].prompt_tokens, recording.requests[0].output_tokens) == (20, 3)


def test_tokens_of_v1_are_those_of_its_usage(tmp_path: Path) -> None:
    usage = {"usage": {"prompt_tokens": 7, "completion_tokens": 2}}
    (request,) = read_recording(written(tmp_path, row(0, kind="v1", response=usage))).requests
    assert (request.prompt_tokens, request.output_tokens, request.wait_ns) == (7, 2, None)


def test_without_a_log_long_waits_that_end_together_are_one_load(tmp_path: Path) -> None:
    joined = row(1, sent=0.2, response={**row(1)["response"], "load_duration": 300_000_000})
    hit = row(2, response={**row(2)["response"], "load_duration": 3_000_000})
    unlisted = row(3, kind="v1", response={"usage": {}})
    found = outcomes_of(read_recording(written(tmp_path, row(0), joined, hit, unlisted)))
    assert [found[number].found for number in range(4)] == ["cold", "joined", "hit", "cold"]


def test_a_failed_request_and_an_unload_have_no_outcome(tmp_path: Path) -> None:
    failed = row(1, status=500, response=None)
    unload = row(2, kind="unload", response={"done_reason": "unload"})
    assert set(outcomes_of(read_recording(written(tmp_path, row(0), failed, unload)))) == {0}


@pytest.mark.parametrize("part", sorted(OTHER))
def test_a_part_and_its_other_are_the_whole(tmp_path: Path, part: str) -> None:
    recording = read_recording(written(tmp_path, *(row(number) for number in range(9))))
    one, other = numbers_of(recording, part), numbers_of(recording, OTHER[part])
    assert not one & other
    assert one | other == numbers_of(recording, "all") == frozenset(range(9))
    assert abs(len(one) - len(other)) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no request"),
        ("{\n", "requests.jsonl:1: not a JSON object"),
        ('{"i": 0}\n', "requests.jsonl:1: not a request"),
        (json.dumps(row(0, kind="poem")) + "\n", "known are chat"),
        (json.dumps(row(0)) + "\n" + json.dumps(row(1, sent="soon")) + "\n", "requests.jsonl:2"),
    ],
)
def test_mistakes_name_their_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "requests.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_recording(tmp_path)


def test_a_directory_without_requests_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"requests\.jsonl"):
        read_recording(tmp_path)


def test_a_broken_trace_file_is_named(tmp_path: Path) -> None:
    (written(tmp_path, row(0)) / "trace.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"trace\.json"):
        read_recording(tmp_path)
