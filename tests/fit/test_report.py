"""The report as values, as text and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from toolkit.fit.gpus import gpus_of
from toolkit.fit.learned import Correction, Learned
from toolkit.fit.report import Question, Wish, as_json, report_on
from toolkit.fit.room import Room
from toolkit.fit.table import WIDTH, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.fit.spec import Spec

    Published = Callable[[str], Spec]

NAMES = ("qwen2.5:32b", "deepseek-coder-v2:16b", "qwen2.5:7b")


def question(spec: Published, *names: str, gpus: str = "24GiB", num_ctx: int | None = None) -> Question:
    return Question(tuple((name, spec(name)) for name in names), Room(gpus_of(gpus)), Wish(num_ctx))


def test_three_models_on_a_card_fit_one_screen(spec: Published) -> None:
    """At the automatic context and at 4096, with the sets that stay and the cheapest change."""
    text = text_of(report_on(question(spec, *NAMES)))
    lines = text.splitlines()
    assert len(lines) <= 30
    assert max(len(line) for line in lines) <= WIDTH
    assert "num_ctx 32768 (automatic on this host)" in lines
    assert "num_ctx 4096" in lines
    assert "  together: no two of them; every change of model is a swap" in lines
    assert "  together: deepseek-coder-v2:16b + qwen2.5:7b, qwen2.5:32b" in lines
    assert "more would stay with" in text


@pytest.mark.parametrize("gpus", ["6GiB", "rtx4090", "4xa10", "h200"])
@pytest.mark.parametrize("name", ["gemma3:27b", "nomic-embed-text", "gpt-oss:120b"])
def test_every_line_is_narrow_enough_and_says_everything_without_colour(spec: Published, gpus: str, name: str) -> None:
    text = text_of(report_on(question(spec, name, "qwen2.5:7b", gpus=gpus)))
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert "\x1b" not in text


def test_an_explicit_context_is_the_only_one(spec: Published) -> None:
    report = report_on(question(spec, "qwen2.5:7b", num_ctx=8192))
    assert [context.num_ctx for context in report.contexts] == [8192]


def test_a_context_is_never_longer_than_the_trained_one(spec: Published) -> None:
    report = report_on(question(spec, "qwen2.5:7b", gpus="h200"))
    assert report.contexts[0].num_ctx == 262144
    assert report.contexts[0].models[0].fit.setting.num_ctx == 32768


def test_sliding_windows_are_told_what_ps_will_show(spec: Published) -> None:
    assert "/api/ps will show" in text_of(report_on(question(spec, "gemma3:4b")))
    assert "/api/ps" not in text_of(report_on(question(spec, "qwen2.5:7b")))


def test_what_the_host_taught_is_said_and_added(spec: Published) -> None:
    asked = question(spec, "qwen2.5:7b")
    taught = Learned({"qwen2.5:7b": Correction(1 << 30, 2)}, None)
    plain, corrected = (report_on(Question(asked.named, asked.room, asked.wish, learned)) for learned in (None, taught))
    models = [report.contexts[0].models[0] for report in (plain, corrected)]
    assert models[1].real_bytes - models[0].real_bytes == 1 << 30
    assert "+1024 MiB" in text_of(corrected)


def test_json_has_sizes_in_bytes_and_no_nan(spec: Published) -> None:
    value = as_json(report_on(question(spec, *NAMES)))
    again = json.loads(json.dumps(value, allow_nan=False))
    model = again["contexts"][0]["models"][0]
    assert model["gpu_total_bytes"] == model["weights_gpu_bytes"] + model["context_bytes"] + model["compute_gpu_bytes"]
    assert model["verdict"] == "spills"
    assert again["contexts"][1]["sets_both"] == [["deepseek-coder-v2:16b", "qwen2.5:7b"], ["qwen2.5:32b"]]
    assert again["contexts_for_all"] is None


def test_control_characters_in_a_name_do_not_reach_the_terminal(spec: Published) -> None:
    asked = Question((("evil\x1b[2J", spec("qwen2.5:7b")),), Room(gpus_of("24GiB")), Wish())
    assert "\x1b" not in text_of(report_on(asked))
