"""Distributions drawn as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.report.ecdf import Series, ecdf
from toolkit.report.history import Moment, history
from toolkit.report.png import png
from toolkit.report.scene import Curve, Rect, Scene
from toolkit.report.svg import standalone
from toolkit.stats.interval import Interval


def curves(scene: Scene) -> list[Curve]:
    return [item for item in scene.items if isinstance(item, Curve)]


@given(st.lists(st.floats(1e-4, 1e5), min_size=1, max_size=900))
def test_a_curve_climbs_from_nothing_to_all(samples: list[float]) -> None:
    scene = ecdf("TTFT", "Share", [Series("a", samples)])
    assert scene is not None
    (curve,) = curves(scene)
    xs, ys = zip(*curve.points, strict=True)
    assert list(xs) == sorted(xs)
    assert list(ys) == sorted(ys, reverse=True)  # up is towards 0
    assert (ys[0], ys[-1]) == (208, 8)
    assert len(curve.points) <= 605


def test_four_samples_are_four_steps() -> None:
    scene = ecdf("TTFT", "Share", [Series("a", [4.0, 1.0, 2.0, 3.0])])
    assert scene is not None
    assert [y for _, y in curves(scene)[0].points] == [208, 158, 108, 58, 8, 8]
    assert scene.legend[0].label == "a: 4 requests"
    assert "a: median 2.5 s" in scene.description


def test_runs_without_samples_have_no_curve_and_nothing_no_picture() -> None:
    scene = ecdf("TTFT", "Share", [Series("a", []), Series("b", [1.0])])
    assert scene is not None
    assert len(curves(scene)) == 1
    assert ecdf("TTFT", "Share", [Series("a", [])]) is None


def test_equal_samples_give_equal_bytes_as_svg_and_png() -> None:
    def drawn() -> tuple[str, bytes]:
        scene = ecdf("TTFT", "Share", [Series(str(number), [1.0, 2.0 + number]) for number in range(9)])
        assert scene is not None
        return standalone(scene), png(scene)

    assert drawn() == drawn()
    assert "stroke-dasharray" in drawn()[0]  # the ninth has the colour of the first


def moment(label: str, estimate: float) -> Moment:
    return Moment(label, Interval(estimate, estimate * 0.9, estimate * 1.2, 0.95, 30))


def test_history_shows_each_median_with_its_interval() -> None:
    scene = history("TTFT", [moment("a", 1.0), moment("b", 2.0), moment("c", 2.0)], changes=(1,))
    assert scene is not None
    bars = [item for item in scene.items if isinstance(item, Rect)]
    assert [bar.title for bar in bars] == ["a: 1.0 s", "b: 2.0 s", "c: 2.0 s"]
    assert bars[0].height * 2 == pytest.approx(bars[1].height)
    assert scene.legend[-1].label == "a new level begins"
    assert scene.description == "3 runs: from 1.0 s to 2.0 s."


def test_one_run_is_no_history() -> None:
    assert history("TTFT", [moment("a", 1.0)]) is None
