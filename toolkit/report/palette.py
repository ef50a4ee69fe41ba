"""The inks of the report, for light and for dark paper.

Every ink stands out from its paper by at least 3:1, inks for text by 4.5:1 (a test computes it). Position, shape or a
label always says the same as the colour.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ink:
    """A colour by its role, as `#rrggbb` on light and on dark paper."""

    name: str
    light: str
    dark: str


PAPERS = (
    Ink("paper", "#fbfaf8", "#12161c"),
    Ink("card", "#ffffff", "#1a2029"),
    Ink("wash", "#eceff2", "#28303b"),
    Ink("rule", "#d5dae0", "#3a4452"),
)
"""Backgrounds, and lines that only guide the eye."""

TEXTS = (
    Ink("ink", "#1b2430", "#e8ecf1"),
    Ink("muted", "#55606f", "#a5b0be"),
    Ink("accent", "#0f5f8a", "#7cc4ee"),
)
"""Inks for text."""

SIGNALS = (
    Ink("cold", "#c0331d", "#ff8166"),
    Ink("warm", "#4d6273", "#a9bccb"),
    Ink("joined", "#8a5a00", "#e3b341"),
    Ink("best", "#1f6f4a", "#63c795"),
)
"""Inks with a meaning of their own, nowhere used for anything else."""

MODELS = (
    Ink("m0", "#2f6fb3", "#6aa9ea"),
    Ink("m1", "#c06f0a", "#eba54a"),
    Ink("m2", "#17766b", "#4fc2b2"),
    Ink("m3", "#a8417f", "#e58cc1"),
    Ink("m4", "#5b4bb0", "#a99cf5"),
    Ink("m5", "#6d7a1c", "#b5c455"),
    Ink("m6", "#85543a", "#cf9c80"),
    Ink("m7", "#6b7480", "#98a3b1"),
)
"""Models, the most requested first; the last one also stands for all others."""

PARTS = (
    Ink("queue", "#7d8894", "#8d99a7"),
    Ink("evict", "#7a3f93", "#c594dd"),
    Ink("load", "#2f6fb3", "#6aa9ea"),
    Ink("slot", "#8f7a55", "#c9b48c"),
    Ink("prefill", "#c06f0a", "#eba54a"),
    Ink("decode", "#2c7d52", "#6cc494"),
)
"""Where the time of a request goes, in the order in which it goes there."""

INKS = PAPERS + TEXTS + SIGNALS + MODELS + PARTS


def variables(*, dark: bool) -> str:
    """Return the CSS custom properties of one paper, without the braces."""
    return "".join(f"--{ink.name}:{ink.dark if dark else ink.light};" for ink in INKS)


def classes() -> str:
    """Return the CSS classes that figures use: `f-…` fills with an ink, `s-…` strokes."""
    return "".join(f".f-{i.name}{{fill:var(--{i.name})}}.s-{i.name}{{stroke:var(--{i.name});fill:none}}" for i in INKS)


def light(name: str) -> str:
    """Return an ink on light paper, for pictures that cannot follow the page."""
    return next(ink.light for ink in INKS if ink.name == name)
