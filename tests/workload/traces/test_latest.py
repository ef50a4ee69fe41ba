"""The end of a long trace: what belongs to it, in which file it stands, and what is said of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.config.durations import NS_PER_S
from toolkit.errors import InputError
from toolkit.workload.traces import KeepOrDeal, load_trace
from toolkit.workload.traces.latest import read_latest

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable
    from pathlib import Path

    from toolkit.workload.plan import Plan

MODELS = KeepOrDeal((("dealt", 1.0),), {})
HOUR_NS = 3600 * NS_PER_S


def line(at_s: int, **more: object) -> str:
    return json.dumps({"at_ns": at_s * NS_PER_S, "prompt_tokens": 5, "output_tokens": 1, **more})


def written(path: Path, moments_s: Iterable[int], end: str = "\n") -> Path:
    path.write_text("\n".join(line(each) for each in moments_s) + end, encoding="utf-8")
    return path


def last(path: Path, seconds: int) -> Plan:
    return load_trace(path, "jsonl", models=MODELS, seed=1, last_ns=seconds * NS_PER_S)


def moments_s(plan: Plan) -> list[int]:
    return [(request.at_ns or 0) // NS_PER_S for request in plan.requests]


def test_only_what_came_in_the_last_time_before_the_last_request_is_played(tmp_path: Path) -> None:
    plan = last(written(tmp_path / "t.jsonl", [0, 100, 200, 290, 300]), 100)
    assert moments_s(plan) == [0, 90, 100]
    assert "Only the last 1m40s of the trace, counted back from its last request: 3 requests." in plan.notes


def test_the_older_lines_are_not_kept_and_lines_keep_their_numbers(tmp_path: Path) -> None:
    path = written(tmp_path / "t.jsonl", range(1000))
    source = read_latest(path, 9 * NS_PER_S)
    assert (source.before, source.text.count("\n")) == (990, 10)
    with path.open("a", encoding="utf-8") as file:
        file.write("nonsense\n" + line(1000) + "\n")
    with pytest.raises(InputError, match=r"t\.jsonl:1001: found 'nonsense'"):
        last(path, 5)


def test_half_a_last_line_is_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path / "t.jsonl", [0, 500, 600], end='\n{"at_ns":9999')
    plan = last(path, 100)
    assert moments_s(plan) == [0, 100]
    assert any("a last line that is not whole" in note for note in plan.notes)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=40), st.integers(1, 600), st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, moments: list[int], seconds: int, rng: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("order")
    rng.shuffle(moments)
    plan = last(written(folder / "t.jsonl", moments), seconds)
    kept = sorted(moment for moment in moments if moment >= max(moments) - seconds)
    assert moments_s(plan) == [moment - kept[0] for moment in kept]


def test_files_that_were_rotated_are_read_as_far_back_as_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "t.jsonl", [300, 310])
    written(tmp_path / "t.jsonl.1", [200, 210], end="")
    written(tmp_path / "t.jsonl.2", [100, 110])
    written(tmp_path / "t.jsonl.4", [0])  # a gap: it is of something else
    assert moments_s(last(path, 10)) == [0, 10]
    plan = last(path, 105)
    assert moments_s(plan) == [0, 90, 100]
    assert "The time asked for begins before t.jsonl: t.jsonl.1 is played as well." in plan.notes
    assert moments_s(last(path, 1000)) == [0, 10, 100, 110, 200, 210]


def test_seconds_and_other_orders_of_fields_are_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    rows = ({"at_s": 0}, {"model": 'a"at_ns":7', "at_s": 50.5}, {"options": {"num_ctx": 8}, "at_ns": 60 * NS_PER_S})
    path.write_text("\n".join(json.dumps({"prompt_tokens": 5, "output_tokens": 1, **row}) for row in rows))
    plan = last(path, 30)
    assert [request.at_ns for request in plan.requests] == [0, 9_500_000_000]


def test_other_formats_have_an_end_too(tmp_path: Path) -> None:
    path = tmp_path / "azure.csv"
    rows = "".join(f"2023-11-16 18:15:{second:02}.6805900,100,{second + 1}\n" for second in range(50))
    path.write_text(f"TIMESTAMP,ContextTokens,GeneratedTokens\n{rows}", encoding="utf-8")
    plan = load_trace(path, "azure", models=MODELS, seed=1, last_ns=9 * NS_PER_S, limit=4)
    assert len(plan.requests) == 4
    assert "Only the first 4 of 10 requests are played." in plan.notes


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or directory; check the path"):
        last(tmp_path / "none.jsonl", 10)
    (tmp_path / "empty.jsonl").write_text("\n", encoding="utf-8")
    with pytest.raises(InputError, match="the trace is empty"):
        last(tmp_path / "empty.jsonl", 10)
    with pytest.raises(InputError, match="give more than 0s"):
        last(written(tmp_path / "t.jsonl", [0]), 0)
