"""A page about stored runs."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from tests.store.examples import PROVENANCE, RECORD
from toolkit.replay.samples import collect
from toolkit.report.runs_page import Seen, labelled, runs_page
from toolkit.store import RunRow


def seen(number: int, *tags: str, plan: str = "day") -> Seen:
    provenance = replace(PROVENANCE, plan=plan, plan_sha256=plan)
    row = RunRow(f"{number:012x}", "b", "ram", 0, "complete", number, 9, 20, provenance, None, tags)
    records = [replace(RECORD, first_token_ns=10**9 + number * 10**7 + each, done_ns=2 * 10**9) for each in range(20)]
    return labelled([(row, collect(records))])[0]


def test_a_run_is_called_by_its_tag_or_its_strategy_and_id() -> None:
    assert seen(1, "base", "other").label == "base"
    assert seen(0xABCDEF000001).label == "ram abcdef"


def test_same_runs_same_bytes_and_every_element_is_closed() -> None:
    page = runs_page([seen(number) for number in range(4)])
    assert page == runs_page([seen(number) for number in range(4)])
    opened: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag not in {"meta", "link"} and (tag, dict(attrs)) is not None:
                opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag in opened:
                del opened[len(opened) - 1 - opened[::-1].index(tag)]

    Tags().feed(page)
    assert [tag for tag in opened if tag not in {"path", "rect"}] == []


def test_history_needs_three_runs() -> None:
    assert 'id="history"' not in runs_page([seen(1), seen(2)])
    assert 'id="history"' in runs_page([seen(1), seen(2), seen(3)])


def test_unlike_runs_are_said_to_be_unlike() -> None:
    assert "These runs are not alike: they differ in plan." in runs_page([seen(1), seen(2, plan="night")])
    assert "not alike" not in runs_page([seen(1), seen(2)])


def test_foreign_names_do_nothing() -> None:
    page = runs_page([seen(1, plan="<script>alert(1)</script>")])
    assert "<script" not in page


def test_history_marks_where_a_new_level_begins() -> None:
    """Eight runs at one level and eight at another, 30 % slower."""
    level = [seen(number % 3 + (0 if number < 8 else 30), f"run-{number}") for number in range(16)]
    ordered = [replace(one, row=replace(one.row, stored_ns=number)) for number, one in enumerate(level)]
    page = runs_page(ordered)
    assert "a new level begins" in page
    assert "a new level begins" not in runs_page(ordered[:8])
