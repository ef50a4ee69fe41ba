"""Every form of the swap report says the same, is the same for the same study, and is safe with foreign names."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.measure.swap.samples import load, resident, swap
from toolkit.measure.host_facts import HostFacts, MeasuredModel
from toolkit.measure.swap.matrix import matrix_of
from toolkit.measure.swap.moves import Move
from toolkit.measure.swap.session import Failure, Outcome
from toolkit.measure.swap.study import SwapOrder, SwapStudy
from toolkit.report.svg import standalone
from toolkit.report.swap.data import to_jsonable
from toolkit.report.swap.heatmap import heatmap
from toolkit.report.swap.page import render_page
from toolkit.report.swap.text import markdown_text, terminal_text

if TYPE_CHECKING:
    from toolkit.measure.swap.sample import Sample

EVIL = "<script>x</script>|\u202e"
SAMPLES = [
    *(load("a", load_ms=1000 + n) for n in range(6)),
    *(swap("a", "b", load_ms=3000 + n) for n in range(6)),
    swap("b", "a", stays=True),
    resident("b"),
]


def study(samples: list[Sample], models: tuple[str, ...] = ("a", "b"), *, ended: str | None = None) -> SwapStudy:
    facts = HostFacts(
        url="http://127.0.0.1:11434",
        server_version="0.32.15",
        toolkit_version="0.1.0",
        started_at="2026-11-28T01:02:03Z",
        models=tuple(MeasuredModel(name, "0" * 64, 4 * 10**9, generates=True) for name in models),
        simulated=False,
    )
    failure = Failure(Move("swap", "b", "a", "as_found", 0), "the model is broken")
    outcome = Outcome(tuple(samples), (failure,) if ended else (), ended, ended is not None)
    order = SwapOrder(models, 6, 0, {}, None)
    return SwapStudy(facts, order, False, len(samples), outcome, matrix_of(samples, models, None))


def test_the_headline_names_the_slowest_swap_with_its_interval() -> None:
    text = terminal_text(study(SAMPLES))
    assert text.startswith("A swap takes 3.0 s [3.0 s, 3.0 s]: a → b, page-cache-warm.")
    assert "both stay in memory: no swap" in text
    assert "bounded by the bus" in text
    assert "A 95 % interval needs 6 samples" in text


def test_a_host_that_holds_all_has_no_swaps() -> None:
    assert "side by side" in terminal_text(study([swap(stays=True)]))


def test_what_went_wrong_stands_in_every_form() -> None:
    one = study(SAMPLES, ended="interrupted; what was measured is kept")
    page = render_page(one, heatmap(one))
    for text in (terminal_text(one), markdown_text(one), page):
        assert "Interrupted; what was measured is kept" in text
        assert "the model is broken" in text
    assert not to_jsonable(one)["complete"]


def test_simulated_numbers_are_called_so() -> None:
    one = study(SAMPLES)
    twin = replace(one, facts=replace(one.facts, simulated=True))
    assert "own simulation" in terminal_text(twin)
    assert "own simulation" not in terminal_text(one)


def test_somebody_else_on_the_host_is_named() -> None:
    disturbed = replace(swap(), listed_after=("b", "mine:1b"))
    assert "Somebody else used the host (mine:1b in memory): 1 sample left out" in terminal_text(
        study([disturbed, swap()])
    )


def test_absent_is_null_and_not_zero() -> None:
    told = json.loads(json.dumps(to_jsonable(study(SAMPLES)), allow_nan=False))
    cell = next(one for one in told["cells"] if one["from"] is None)
    assert cell["parts_ns"]["evict"] is None
    assert cell["parts_ns"]["load"] == 1002.5e6
    assert cell["swap_ns"]["low"] == 1000e6


def test_same_study_same_bytes() -> None:
    first, second = (heatmap(study(SAMPLES)) for _ in range(2))
    assert standalone(first) == standalone(second)
    assert render_page(study(SAMPLES), first) == render_page(study(SAMPLES), second)


def test_the_picture_is_xml_and_has_every_number_in_words() -> None:
    svg = standalone(heatmap(study(SAMPLES)))
    ET.fromstring(svg)  # noqa: S314 - our own output
    for words in ("3.0 s", "1.0 s", "resident", "both stay", "(nothing)"):
        assert words in svg


def test_a_model_may_have_any_name() -> None:
    one = study([load(EVIL), swap(EVIL, "b")], (EVIL, "b"))
    page = render_page(one, heatmap(one))
    assert "<script" not in page
    for text in (page, standalone(heatmap(one)), markdown_text(one), terminal_text(one)):
        assert "\u202e" not in text
