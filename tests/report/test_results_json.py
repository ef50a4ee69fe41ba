from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest

from toolkit.replay.load_summary import LoadSummary
from toolkit.replay.results import Contrast, Distribution, StrategySummary
from toolkit.report.results_json import to_json, to_jsonable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from toolkit.replay.results import Comparison


def keys_of(value: Any) -> Iterator[str]:
    """Every key that is part of the schema: names of models, strategies and settings are not."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key == "strategies":
                for strategy in inner.values():
                    yield from keys_of(strategy)
            elif key not in {"context_tokens", "options", "environment"}:
                yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def test_the_file_of_a_small_comparison(small: Comparison, golden: Callable[[str, str], None]) -> None:
    golden("results.json", to_json(small))


def test_the_numbers_are_those_of_the_records(small: Comparison) -> None:
    """A second witness of the golden file: counted here, from the records alone."""
    made = to_jsonable(small)
    for run in small.runs:
        told = made["strategies"][run.strategy]
        cold = [one for one in run.records if one.temperature == "cold"]
        waits = sorted((one.ready_ns or 0) - one.intended_ns for one in run.records)
        assert told["requests"] == len(run.records)
        assert told["swaps"] == len(cold)
        assert told["hits"] == sum(one.temperature == "hit" for one in run.records)
        assert told["joined"] == len(run.records) - len(cold) - told["hits"]
        assert told["wait_s"]["max"] == waits[-1] / 1e9
        assert told["wait_s"]["mean"] == pytest.approx(sum(waits) / len(waits) / 1e9)
        assert sum(model["requests"] for model in told["models"]) == len(run.records)


def test_the_interface_that_others_rely_on(small: Comparison) -> None:
    ram = to_jsonable(small)["strategies"]["ram"]
    assert {"requests", "hits", "hit_rate", "swaps", "wait_s", "ttft_cold_s", "ttft_warm_s", "e2e_s"} <= set(ram)
    assert {"mean", "p50", "p95", "max"} <= set(ram["wait_s"])


def documented(text: str) -> set[str]:
    """The keys in the first columns of the tables."""
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", text, re.MULTILINE)
    return {key for row in rows for key in re.findall(r"\w+", row)}


def test_every_key_is_documented_and_every_documented_key_exists(small: Comparison, project_dir: Path) -> None:
    of_results, of_load = (project_dir / "docs" / "results-schema.md").read_text().split("\n## The load\n")
    # The pairs of model and digest are described in the row of `provenance.models`.
    contrast = Contrast("ram", "none", "wait mean", "s", 1, None, None, None, None, None)
    made = replace(small, contrasts=(contrast,))
    assert set(keys_of(to_jsonable(made))) - {"digest"} == documented(of_results)
    assert {field.name for field in fields(LoadSummary)} == documented(of_load)


def test_every_field_of_a_summary_is_told(small: Comparison) -> None:
    told = set(to_jsonable(small)["strategies"]["ram"])
    names = {field.name for field in fields(StrategySummary)} - {"strategy"}
    assert {name for name in names if name not in told and f"{name}_s" not in told} == set()


def test_absent_is_null_and_never_nan(small: Comparison) -> None:
    odd = Distribution(1, float("nan"), float("inf"), None, 1.0)
    first = replace(small.strategies[0], wait=None, ttft_cold=None, e2e=odd)
    made = json.loads(to_json(replace(small, strategies=(first,), optimum=None)), parse_constant=pytest.fail)
    told = made["strategies"][first.strategy]
    assert told["wait_s"] is None
    assert told["share_of_optimum"] is None
    assert told["e2e_s"] == {"count": 1, "mean": None, "p50": None, "p95": None, "max": 1.0}
    assert made["optimum"] is None


def test_names_survive_the_round_trip(hostile: Comparison) -> None:
    text = to_json(hostile)
    assert text.isascii()
    assert list(json.loads(text)["strategies"]) == [one.strategy for one in hostile.strategies]
