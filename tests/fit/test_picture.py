"""The report as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from toolkit.fit.gpus import gpus_of
from toolkit.fit.picture import svg_of
from toolkit.fit.picture_sets import EVICTED, SPILLED, STAY, SetRow, set_rows
from toolkit.fit.report import Question, Wish, report_on
from toolkit.fit.room import Room
from toolkit.fit.together import Sets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from toolkit.fit.spec import Spec

NAMES = ("qwen2.5:32b", "deepseek-coder-v2:16b", "qwen2.5:7b")


def picture(spec: Callable[[str], Spec], *names: str) -> str:
    return svg_of(report_on(Question(tuple((n, spec(n)) for n in names), Room(gpus_of("rtx4090")), Wish())))


def test_it_is_well_formed_and_names_every_model_and_set(spec: Callable[[str], Spec]) -> None:
    root = ET.fromstring(picture(spec, *NAMES))  # noqa: S314 - our own text
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [texts.count(name) for name in NAMES] == [2, 3, 2], "two contexts and, where there is room, in a set"
    assert texts.count("stay together") == 1
    assert texts.count("no two of them stay together") == 1
    assert any("spills 10 layers" in text for text in texts)


def test_bars_are_as_long_as_what_they_show(spec: Callable[[str], Spec]) -> None:
    root = ET.fromstring(picture(spec, "qwen2.5:7b"))  # noqa: S314 - our own text
    rects = [r for r in root.iter("{http://www.w3.org/2000/svg}rect") if r.get("height") == "18"]
    widths = [float(rect.get("width", "0")) for rect in rects]
    assert len(widths) == 8
    assert widths[0] == widths[4], "weights do not depend on the context"
    assert widths[1] > 7 * widths[5], "the cache grows with it"


def test_a_set_is_as_long_as_its_models_together(spec: Callable[[str], Spec]) -> None:
    root = ET.fromstring(picture(spec, *NAMES))  # noqa: S314 - our own text
    bars = [r for r in root.iter("{http://www.w3.org/2000/svg}rect") if r.get("height") == "18"]
    widths = {kind: [float(r.get("width", "0")) for r in bars if r.get("class") == kind] for kind in "wckos"}
    alone = [sum(parts) for parts in zip(*(widths[kind] for kind in "wcko"), strict=True)]
    together = [float(r.get("width", "0")) for r in bars if (r.get("class") or "").startswith("s")]
    assert together == pytest.approx(alone[4:], abs=0.3)


def test_sets_are_told_apart_by_what_becomes_of_them() -> None:
    sets = Sets((("a", "b"), ("c",)), (("a", "b"), ("b", "c")))
    assert set_rows(sets) == (SetRow(("a", "b"), STAY), SetRow(("b", "c"), SPILLED))
    assert set_rows(Sets((("a", "b", "c"),), (("a",),))) == (SetRow(("a", "b", "c"), EVICTED),)


def test_same_input_same_bytes_and_foreign_names_are_escaped(spec: Callable[[str], Spec]) -> None:
    assert picture(spec, *NAMES) == picture(spec, *NAMES)
    asked = Question((("<b>\x1b", spec("qwen2.5:7b")),), Room(gpus_of("24GiB")), Wish())
    assert "&lt;b&gt;?" in svg_of(report_on(asked))


def test_the_picture_of_the_documentation_is_current(spec: Callable[[str], Spec], project_dir: Path) -> None:
    """Made by `python tests/fit/accuracy.py`."""
    assert (project_dir / "docs/fit.svg").read_text(encoding="utf-8") == picture(spec, *NAMES)
