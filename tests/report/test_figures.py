"""The figure files: well-formed, alike on every run, safe with any name."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET  # the input is our own output
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from toolkit.report.figures import MAKERS, png_files, scenes, svg_files
from toolkit.report.png import png
from toolkit.report.scene import Boxes, Columns, Line, Marks, Rect, Runs, Scene, Text
from toolkit.report.svg import number, standalone

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.replay.results import Comparison

SVG = "{http://www.w3.org/2000/svg}"
ALL_KINDS = Scene(
    100,
    60,
    "All kinds",
    "One of each item.",
    (
        Rect(0, 0, 10, 5, "m0"),
        Rect(0, 10, 10, 5, "m1", hatched=True, title="hover"),
        Boxes(((20, 0, 5, 5), (30, 0, 5, 10)), "m2"),
        Runs(((40, 5), (50, 5)), 0, 10, "m3", 0.5),
        Columns(((60, 5), (65, -5)), 20, 2, "cold"),
        Marks(((70, 10),), "triangle", 6, "cold"),
        Marks(((75, 10),), "circle", 6, "warm"),
        Marks(((80, 10),), "ring", 6, "joined"),
        Marks(((85, 10),), "diamond", 6, "cold"),
        Marks(((90, 10),), "cross", 6, "cold"),
        Line(0, 30, 100, 30, "rule", dashed=True),
        Text(0, 50, "text", title="whole text"),
    ),
)


def test_every_figure_is_well_formed_and_described(small: Comparison) -> None:
    files = svg_files(scenes(small))
    assert [one.name for one in files] == [f"{name}.svg" for name, _ in MAKERS]
    for one in files:
        root = ET.fromstring(one.content)  # noqa: S314 - our own output
        title, description = root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")
        assert title
        assert description
        assert len(description) > 20
        assert b"prefers-color-scheme:dark" in one.content
        assert one.content.count(b"http") == 1  # the name of the format


def test_hatches_are_defined_where_they_are_used(small: Comparison) -> None:
    for one in svg_files(scenes(small)):
        text = one.content.decode()
        used = {part.split(")")[0] for part in text.split("url(#")[1:]}
        assert all(f'id="{name}"' in text for name in used)


def test_pictures_have_the_size_of_their_scene(small: Comparison) -> None:
    drawn = scenes(small)
    for one, scene in zip(png_files(drawn), drawn.values(), strict=True):
        assert one.content[:8] == b"\x89PNG\r\n\x1a\n"
        width, height = struct.unpack(">II", one.content[16:24])
        assert width == round(2 * (scene.width + 36))
        assert height > 2 * scene.height


def test_same_comparison_same_pictures(small: Comparison, make: Callable[..., Comparison]) -> None:
    ours, theirs = scenes(small), scenes(make())
    assert svg_files(ours) == svg_files(theirs)
    assert png_files({"hit-rates": ours["hit-rates"]}) == png_files({"hit-rates": theirs["hit-rates"]})


def test_hostile_and_foreign_names_can_be_drawn(hostile: Comparison) -> None:
    """Mathematical markup, lone surrogates and scripts that the font lacks neither raise nor warn."""
    drawn = scenes(hostile)
    for one in svg_files(drawn):
        ET.fromstring(one.content)  # noqa: S314 - our own output
    assert len(png_files(drawn)) == len(drawn)


def test_every_kind_of_item_has_both_forms() -> None:
    root = ET.fromstring(standalone(ALL_KINDS))  # noqa: S314 - our own output
    assert len(root.findall(f".//{SVG}path")) >= 9
    assert root.findtext(f".//{SVG}rect/{SVG}title") == "hover"
    assert len(png(ALL_KINDS)) > 1000


@given(st.floats(-1e5, 1e5))
def test_coordinates_are_short_and_near(value: float) -> None:
    text = number(value)
    assert abs(float(text) - value) <= 0.0501
    assert text != "-0"
    assert not text.endswith(".0")
