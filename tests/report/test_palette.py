from __future__ import annotations

import pytest

from toolkit.report.palette import INKS, MODELS, PAPERS, PARTS, SIGNALS, TEXTS, Ink


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_the_formula_knows_black_and_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("ink", TEXTS + SIGNALS, ids=lambda ink: ink.name)
@pytest.mark.parametrize(
    "paper", [paper for paper in PAPERS if paper.name in {"paper", "card"}], ids=lambda ink: ink.name
)
def test_text_is_readable_on_both_papers(ink: Ink, paper: Ink) -> None:
    assert contrast(ink.light, paper.light) >= 4.5
    assert contrast(ink.dark, paper.dark) >= 4.5


@pytest.mark.parametrize("ink", MODELS + PARTS, ids=lambda ink: ink.name)
def test_shapes_stand_out_and_carry_a_label(ink: Ink) -> None:
    """At least 3:1 against the card; the labels inside segments are written in the card's own colour."""
    card = next(paper for paper in PAPERS if paper.name == "card")
    assert contrast(ink.light, card.light) >= 3
    assert contrast(ink.dark, card.dark) >= 3


def test_every_ink_has_a_name_of_its_own() -> None:
    assert len({ink.name for ink in INKS}) == len(INKS)
