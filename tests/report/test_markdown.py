from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from toolkit.report.markdown import escape, render_markdown
from toolkit.report.results_json import to_jsonable
from toolkit.report.wording import percent, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.replay.results import Comparison


def test_the_summary_of_a_small_comparison(small: Comparison, golden: Callable[[str, str], None]) -> None:
    golden("summary.md", render_markdown(small))


def test_another_reader_finds_a_table_with_the_numbers(small: Comparison) -> None:
    html = MarkdownIt("commonmark").enable("table").render(render_markdown(small))
    rows = re.findall(r"<tr>\n(.*?)</tr>", html, re.DOTALL)
    assert len(rows) == 1 + len(small.strategies) + 1
    for row, (name, told) in zip(rows[1:], to_jsonable(small)["strategies"].items(), strict=False):
        cells = [re.sub("<[^>]*>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
        assert cells[:2] == [name, percent(told["hit_rate"])]
        assert len(cells) == 10


def test_hostile_names_bring_no_markup(hostile: Comparison) -> None:
    html = MarkdownIt("commonmark").enable("table").render(render_markdown(hostile))
    assert "<script" not in html
    assert "<a " not in html
    assert "</style>" not in html
    assert html.count("<tr>") == 4


@given(st.text(max_size=40))
def test_escaped_text_is_shown_as_it_is(text: str) -> None:
    """In a table cell, another reader shows exactly the text, whatever is in it."""
    html = MarkdownIt("commonmark").enable("table").render(f"| a |\n| :--- |\n| x{escape(text)}x |\n")
    cell = re.search(r"<td[^>]*>(.*)</td>", html, re.DOTALL)
    assert cell is not None
    shown = re.sub(r"<!--.*?-->", "", cell[1])
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        shown = shown.replace(entity, character)
    assert shown.split() == f"x{plain(text)}x".split()
