"""Stop sequences, thinking tags and tool calls, found in text that comes in pieces of any size."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.host.speech.stops import StopWatch
from toolkit.host.speech.thinking import ThinkingSplitter, overlap
from toolkit.host.speech.toolcalls import ToolCallFinder


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    places = sorted({cut % (len(text) + 1) for cut in cuts} | {0, len(text)})
    return [text[start:end] for start, end in itertools.pairwise(places)]


CUTS = st.lists(st.integers(0, 200), max_size=12)


def until_stop(text: str, stops: tuple[str, ...], cuts: list[int]) -> str:
    watch, out = StopWatch(stops), ""
    for piece in pieces_of(text, cuts):
        out += watch.add(piece)
        if watch.stopped:
            return out
    return out + watch.flush()


@given(st.text(alphabet="abx", max_size=40), CUTS)
def test_nothing_is_lost_without_a_stop(text: str, cuts: list[int]) -> None:
    assert until_stop(text, ("ab!", "xx!"), cuts) == text


@given(st.text(alphabet="ab", max_size=30), CUTS)
def test_the_text_ends_before_the_stop(text: str, cuts: list[int]) -> None:
    got = until_stop(text, ("aab",), cuts)
    assert text.startswith(got)
    assert "aab" not in got
    if "aab" in text and len(pieces_of(text, cuts)) == 1:
        assert got == text.partition("aab")[0]


def test_the_first_of_several_stops_counts() -> None:
    assert until_stop("one two three", ("three", "two"), []) == "one "


@pytest.mark.parametrize(
    ("text", "marker", "length"), [("abc<", "<x>", 1), ("<x", "<x>", 2), ("", "<x>", 0), ("<x>", "<x>", 3)]
)
def test_overlaps(text: str, marker: str, length: int) -> None:
    assert overlap(text, marker) == length


@pytest.mark.parametrize(
    ("text", "thinking", "answer"),
    [
        ("<think>well</think>so", "well", "so"),
        ("  <think>\n well \n</think>\n\n so", "well \n", "so"),
        ("no thinking <think>x</think>", "", "no thinking <think>x</think>"),
        ("<think>never ends", "never ends", ""),
        ("<think></think>so", "", "so"),
        ("<thin air", "", "<thin air"),
    ],
)
@given(cuts=CUTS)
def test_thinking(text: str, thinking: str, answer: str, cuts: list[int]) -> None:
    splitter = ThinkingSplitter("<think>", "</think>")
    found = [splitter.add(piece) for piece in pieces_of(text, cuts)]
    assert "".join(thought for thought, _ in found) == thinking
    assert "".join(said for _, said in found) == answer


def tool(name: str, *parameters: str) -> dict[str, Any]:
    properties = {parameter: {"type": ["string"], "enum": None} for parameter in parameters}
    return {"type": "function", "function": {"name": name, "parameters": {"properties": properties}}}


TOOLS = (tool("get_weather", "city"), tool("get_time"))


def calls_in(text: str, tag: str, cuts: list[int]) -> tuple[list[tuple[str, Any]], str]:
    finder, content = ToolCallFinder(tag, TOOLS), ""
    calls: list[dict[str, Any]] = []
    for piece in pieces_of(text, cuts):
        found, said = finder.add(piece)
        calls += found
        content += said
    content += finder.rest()
    return [(call["function"]["name"], plain(call["function"]["arguments"])) for call in calls], content


def plain(arguments: Any) -> Any:
    return json.loads(json.dumps(arguments))


@given(cuts=CUTS)
def test_calls_behind_a_tag(cuts: list[int]) -> None:
    call = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
    assert calls_in(f"Let me see. {call}", "<tool_call>", cuts) == (
        [("get_weather", {"city": "Paris"})],
        "Let me see. ",
    )


@given(cuts=CUTS)
def test_calls_without_a_tag(cuts: list[int]) -> None:
    text = '{"name": "get_weather", "arguments": {"city": "a } brace"}}'
    assert calls_in(text, "{", cuts) == ([("get_weather", {"city": "a } brace"})], "")


@given(cuts=CUTS)
def test_what_only_looks_like_a_call(cuts: list[int]) -> None:
    for text in ("no call at all", '{"name": "unknown", "arguments": {}}', "see {this}"):
        calls, content = calls_in(text, "{", cuts)
        assert calls == []
        assert content == text


def test_calls_are_numbered() -> None:
    finder = ToolCallFinder("[", TOOLS)
    found, _ = finder.add(
        '[{"name": "get_weather", "arguments": {"city": "A"}}, {"name": "get_time", "arguments": {}}]'
    )
    assert [call["function"]["index"] for call in found] == [0, 1]


@given(st.text(alphabet='{}[]",: nametgutiol_<>', max_size=60), CUTS)
def test_no_text_brings_the_finder_down(text: str, cuts: list[int]) -> None:
    for tag in ("{", "[", "<tool_call>"):
        calls_in(text, tag, cuts)
