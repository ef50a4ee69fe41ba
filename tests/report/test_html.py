"""The page, read by a parser that knows nothing of how it was made."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from toolkit.report.html import render_html
from toolkit.report.results_json import to_jsonable
from toolkit.report.wording import count, duration, percent, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.replay.results import Comparison

VOID = {"meta", "link", "br", "hr", "img", "input"}
MEGABYTE = 1_000_000


class Page(HTMLParser):
    """Collects what the tests ask about, and fails on a tag that is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.cells: list[list[str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.cells.append([])
        if tag in {"td", "th"}:
            self.cells[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            return
        self.texts.append(data)
        if {"td", "th"} & set(self.open):
            self.cells[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def test_the_page_needs_nothing_from_elsewhere(small: Comparison) -> None:
    """No script, no address in any attribute or style sheet, and a policy that forbids both."""
    text = render_html(small)
    page = Page(text)
    assert {tag for tag, _ in page.tags} & {"script", "iframe", "object", "embed", "img", "form", "base"} == set()
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith("#") or value == "data:,"
        assert not any(name.startswith("on") for name in attributes)
    assert "http" not in text.replace("http-equiv", "")
    assert re.findall(r"url\((?!#)", text) == []
    assert "@import" not in text
    policies = [one["content"] for tag, one in page.tags if tag == "meta" and one.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_the_verdict_comes_before_everything_else(small: Comparison) -> None:
    text = render_html(small)
    order = [small.verdict, 'id="numbers"', 'id="timeline"', 'id="latency"', 'id="swap"', 'id="hits"', 'id="models"']
    order += ['id="together"', 'id="slos"', 'id="provenance"', 'id="reading"']
    places = [text.index(one) for one in order]
    assert places == sorted(places)


def test_the_key_numbers_are_those_of_the_results_file(small: Comparison) -> None:
    rows = {row[0].split(" ")[0]: row[1:] for row in Page(render_html(small)).cells[1:7]}
    for name, told in to_jsonable(small)["strategies"].items():
        assert rows[name][0] == percent(told["hit_rate"])
        assert rows[name][2] == count(told["joined"])
        assert rows[name][3] == count(told["swaps"])
        assert rows[name][4] == duration(told["wait_s"]["mean"])
        assert rows[name][6] == duration(told["ttft_cold_s"]["p50"])
        assert rows[name][7] == duration(told["ttft_warm_s"]["p50"])
        assert rows[name][9] == str(told["requests"] - told["answered"])


def test_all_leaders_are_marked_and_nobody_else(small: Comparison) -> None:
    marked = [row[0] for row in Page(render_html(small)).cells[1:7] if "shortest wait" in row[0]]
    assert marked == ["ram shortest wait", "lru-unload shortest wait"]


def test_figures_and_tables_can_be_read_without_seeing_them(small: Comparison) -> None:
    """Every picture is described or hidden, every figure has a caption, every table headings and a caption."""
    page = Page(render_html(small))
    for tag, attributes in page.tags:
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or len(str(attributes.get("aria-label"))) > 40
        if tag == "th":
            assert attributes.get("scope") in {"col", "row"}
    names = [tag for tag, _ in page.tags]
    assert names.count("figure") == names.count("figcaption") == 11
    assert names.count("table") == names.count("caption")
    identifiers = [one["id"] for _, one in page.tags if "id" in one]
    assert len(identifiers) == len(set(identifiers))
    links = {str(one["href"])[1:] for tag, one in page.tags if tag == "a"}
    assert links <= set(identifiers)


def test_it_follows_light_and_dark_and_fits_a_phone(small: Comparison) -> None:
    text = render_html(small)
    assert "prefers-color-scheme:dark" in text
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    body = text[text.index("<body>") :]
    assert re.findall(r"#[0-9a-f]{6}\b(?!\))", body.replace(small.provenance.plan_sha256, "")) == []


def test_the_provenance_is_complete(small: Comparison) -> None:
    shown = Page(render_html(small)).text
    source = small.provenance
    for pair in source.models + source.options + source.environment:
        assert pair[0] in shown
        assert pair[1] in shown
    for value in (source.hardware, source.plan, source.plan_sha256, str(source.seed), *source.notes, *small.notes):
        assert value in shown


def test_hostile_names_stay_text(hostile: Comparison) -> None:
    """The parser sees every name as text, and no tag or attribute that a name brought along."""
    text = render_html(hostile)
    text.encode()
    page = Page(text)
    assert "script" not in {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") or "script" in name for _, one in page.tags for name in one)
    assert plain(hostile.title) in page.text
    assert all(plain(one.strategy) in page.text for one in hostile.strategies)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_trace_of_three_weeks_stays_small(large: Comparison) -> None:
    """Sixteen thousand requests under six strategies, below 1.5 MB."""
    text = render_html(large)
    assert sum(len(run.records) for run in large.runs) == 6 * 16_093
    assert len(text.encode()) < 1.5 * MEGABYTE
    shown = Page(text).text
    assert all(one.strategy in shown for one in large.strategies)


def test_same_comparison_same_bytes(small: Comparison, make: Callable[..., Comparison]) -> None:
    assert render_html(make()) == render_html(small)


def test_what_is_missing_is_said_and_nothing_breaks(small: Comparison) -> None:
    """A comparison with no run, no answer, no optimum, no set, no promise is still a page."""
    empty = [
        replace(one, wait=None, wait_cold=None, ttft_cold=None, ttft_warm=None, e2e=None, models=(), slos=())
        for one in small.strategies
    ]
    empty = [replace(one, requests=0, answered=0, hits=0, hit_rate=0.0, joined=0) for one in empty]
    bare = replace(
        small,
        verdict="",
        description="",
        strategies=tuple(empty),
        optimum=None,
        co_residence=(),
        context_tokens=(),
        runs=(),
        notes=(),
    )
    shown = Page(render_html(bare)).text
    assert "No run was kept" in shown
    assert "No verdict was given." in shown
    assert "This is not known for this host." in shown
    assert "Service levels" not in shown
    assert not re.search(r"\bnan\b|\binf\b", shown)
    assert "None" not in shown


def test_a_cut_run_and_lost_requests_are_seen(small: Comparison) -> None:
    first = small.runs[0]
    lost = replace(first.records[3], outcome="failed", ready_ns=None, first_token_ns=None, done_ns=None)
    run = replace(first, complete=False, records=(*first.records[:3], lost, *first.records[4:]))
    text = render_html(replace(small, runs=(run, *small.runs[1:])))
    assert "cut short" in text
    assert re.search(r'<path class="s-cold" stroke-width="1.5" d="M', text)


def test_no_two_models_together_is_explained(make: Callable[..., Comparison]) -> None:
    alone = make(sizes={"a:32b": 20, "b:16b": 18}, room=24)
    shown = Page(render_html(alone)).text
    assert "so every change of model is a swap" in shown
    assert "A smaller context is the first thing to try" in shown


def test_too_few_samples_have_no_percentile(make: Callable[..., Comparison]) -> None:
    few = make(requests=6)
    told = to_jsonable(few)["strategies"]["ram"]
    assert told["wait_s"]["p95"] is None
    assert "too few samples to carry a 95th percentile" in Page(render_html(few)).text
    assert "too few for p95" in Page(render_html(few)).text


def test_a_rate_over_the_optimum_is_explained(small: Comparison) -> None:
    assert small.optimum is not None
    text = render_html(replace(small, optimum=replace(small.optimum, hits=10)))
    assert "Over 100 % of the optimum" in text


@pytest.mark.parametrize("where", ["title", "description"])
def test_json_in_texts_is_only_text(small: Comparison, where: str) -> None:
    payload = json.dumps({"</title>": "<b>"})
    page = Page(render_html(replace(small, **{where: payload})))  # type: ignore[arg-type] # one text field by name
    assert payload in page.text
    assert "b" not in {tag for tag, _ in page.tags}
