"""Latency against load: the knee, and the picture that shows it."""

from __future__ import annotations

from dataclasses import replace

from tests.plan.tallies import tally
from toolkit.plan.case import Case
from toolkit.plan.confirm import Checked
from toolkit.plan.judge import Judged
from toolkit.plan.load_question import LoadAnswer
from toolkit.plan.picture import knee, latency_against_load
from toolkit.plan.search import Found
from toolkit.report.scene import Marks, Text
from toolkit.report.svg import standalone
from toolkit.workload.plan import Slo

SLOS = (Slo("ttft", 5 * 10**9, 0.9),)


def judged(load: float, ttft_bin: int, *, keeps: bool) -> Judged:
    """A load at which every request waits as long as this bin says."""
    return Judged(load, (replace(tally(95 if keeps else 10), ttft_bins=((ttft_bin, 100),)),), 0.05 if keeps else -0.8)


CURVE = (
    judged(0.5, 0, keeps=True),
    judged(1.0, 1, keeps=True),
    judged(2.0, 3, keeps=True),
    judged(4.0, 20, keeps=False),
    judged(8.0, 40, keeps=False),
)


def answer(load: float | None) -> LoadAnswer:
    return LoadAnswer("as configured", Case("ram"), Checked(Found(load, CURVE, 1)), None, 10.0, None, SLOS[0])


def test_the_knee_is_where_the_tail_begins_to_outgrow_the_load() -> None:
    found = knee(CURVE)
    assert found is not None
    assert found.load == 2.0
    assert knee(CURVE[:3]) is None


def test_the_picture_names_the_answer_and_marks_what_is_broken() -> None:
    scene = latency_against_load(answer(2.0), SLOS, "Latency against load")
    assert scene is not None
    assert any(isinstance(item, Text) and item.text == "2 times" for item in scene.items)
    crosses = [item for item in scene.items if isinstance(item, Marks) and item.shape == "cross"]
    assert [len(item.points) for item in crosses] == [2]
    assert "up to 2 times" in scene.description
    assert standalone(scene) == standalone(scene)


def test_without_an_answer_there_is_a_curve_and_with_one_load_there_is_none() -> None:
    scene = latency_against_load(answer(None), SLOS, "Latency against load")
    assert scene is not None
    assert "at no load" in scene.description
    alone = replace(answer(None), checked=Checked(Found(None, CURVE[:1], 1)))
    assert latency_against_load(alone, SLOS, "") is None
