"""What requests ask for, what answers tell, and which requests are one conversation."""

from __future__ import annotations

import json

import pytest

from toolkit.record.asked import read_asked
from toolkit.record.sessions import Sessions
from toolkit.record.told import MOST_LINE_BYTES, AnswerLines, Told


def message(role: str, content: object) -> dict[str, object]:
    return {"role": role, "content": content}


def asked_body(**body: object) -> bytes:
    return json.dumps(body).encode()


def test_a_native_chat() -> None:
    body = asked_body(
        model="m", messages=[message("system", "be brief"), message("user", "x" * 40)], keep_alive="5m",
        options={"num_ctx": 4096, "stop": ["a"], "nested": {"x": 1}},
    )  # fmt: skip
    found = read_asked(body, native=True)
    assert found is not None
    assert (found.model, found.stream, found.keep_alive, found.system) == ("m", True, "5m", "be brief")
    assert found.options == {"num_ctx": 4096, "stop": ["a"]}
    assert found.text == "x" * 40
    assert found.prompt_tokens == (2 + 4) + (10 + 4)


def test_v1_has_no_options_and_streams_only_if_asked() -> None:
    parts = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:"}}]
    found = read_asked(
        asked_body(model="m", messages=[message("user", parts)], keep_alive=5, options={"a": 1}), native=False
    )
    assert found is not None
    assert (found.stream, found.options, found.keep_alive, found.text) == (False, None, None, "look")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_not_read(body: bytes) -> None:
    assert read_asked(body, native=True) is None


@pytest.mark.parametrize(
    "body", [{"messages": 7}, {"messages": [7]}, {"options": 7}, {"model": 7, "prompt": 8}, {"keep_alive": True}]
)
def test_wrong_types_are_as_if_they_were_not_there(body: dict[str, object]) -> None:
    found = read_asked(asked_body(**body), native=True)
    assert found is not None
    assert (found.model, found.options, found.keep_alive, found.prompt_tokens) == (None, None, None, 0)


def told_by(content: bytes, cut: int, *, by_line: bool = True) -> tuple[Told, int]:
    lines = AnswerLines(by_line=by_line, texts=False)
    for start in range(0, len(content), cut):
        lines.take(content[start : start + cut])
    lines.end()
    return lines.told(), lines.pieces


NATIVE = (
    b'{"message":{"content":"say \\"done\\":true"},"done":false}\n{"message":{"content":"b"},"done":false}\n'
    b'{"done":true,"done_reason":"stop","load_duration":4,"prompt_eval_count":7,"eval_count":2,"eval_duration":9}\n'
)
SSE = (
    b'data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":0,"completion_tokens":0}}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}\n\ndata: [DONE]\n\n'
)
ANTHROPIC = (
    b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":7,"output_tokens":0}}}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":2}}\n\n'
)
RESPONSES = b'data: {"type":"response.completed","response":{"usage":{"input_tokens":7,"output_tokens":2}}}\n\n'


@pytest.mark.parametrize("content", [NATIVE, SSE, ANTHROPIC, RESPONSES])
@pytest.mark.parametrize("cut", [1, 7, 100_000])
def test_counters_are_found_however_the_answer_is_cut(content: bytes, cut: int) -> None:
    told, _ = told_by(content, cut)
    assert (told.prompt_tokens, told.output_tokens) == (7, 2)


def test_a_document_may_have_lines() -> None:
    told, _ = told_by(b'{\n "usage": {\n "prompt_tokens": 7,\n "completion_tokens": 2}\n}', 5, by_line=False)
    assert (told.prompt_tokens, told.output_tokens) == (7, 2)


def test_errors_are_found_in_both_shapes() -> None:
    assert told_by(b'{"error":"no"}', 3)[0].error == "no"
    assert told_by(b'{"error":{"message":"no","type":"x"}}', 3, by_line=False)[0].error == "no"


def test_pieces_are_lines_that_may_hold_a_token() -> None:
    assert told_by(NATIVE, 11)[1] == 3
    assert told_by(ANTHROPIC, 11)[1] == 2


def test_a_line_beyond_all_measure_is_passed_over() -> None:
    lines = AnswerLines(by_line=True, texts=False)
    for _ in range(MOST_LINE_BYTES // (1 << 20) + 2):
        lines.take(b"x" * (1 << 20))
    lines.take(b"\n" + NATIVE)
    assert lines.told().output_tokens == 2


def test_texts_are_put_together_from_all_lines() -> None:
    lines = AnswerLines(by_line=True, texts=True)
    lines.take(NATIVE)
    assert lines.text() == 'say "done":trueb'


def test_a_conversation_goes_on_where_its_messages_come_again() -> None:
    sessions = Sessions("r")
    opening = [message("user", "hi")]
    first = sessions.place(opening)
    assert (first.session, first.shared_tokens) == ("r-1", None)
    first.tokens = 30
    second = sessions.place([*opening, message("assistant", "hello"), message("user", "more")])
    assert (second.session, second.shared_tokens) == ("r-1", 30)
    assert sessions.place([message("user", "other")]).session == "r-2"
    assert sessions.place(opening).session == "r-3"  # the same words are not yet the same people


def test_a_named_session_goes_on_from_its_last_prompt_that_was_answered() -> None:
    sessions = Sessions("r", most=2)
    opening = [message("user", "hi")]
    more = [*opening, message("assistant", "hello"), message("user", "more")]
    assert sessions.follow("a", opening, 30) is None
    assert sessions.follow("b", more, None) is None  # another session; it was not answered
    assert sessions.follow("b", [*more, message("user", "once more")], 9) is None
    assert sessions.follow("a", more, 50) == 30
    assert sessions.follow("a", more, 50) == 30  # the same again
    assert sessions.follow("a", [message("system", "be short"), *more], 60) is None  # it begins otherwise now
    for name in ("c", "d"):
        sessions.follow(name, opening, 1)
    assert sessions.follow("a", [message("system", "be short"), *more, message("user", "?")], 70) is None  # forgotten
    assert sessions.follow("a", [], 1) is None


def test_contents_that_are_no_text_tell_conversations_apart_too() -> None:
    sessions = Sessions("r")
    parts: list[object] = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    sessions.place(parts).tokens = 5
    assert sessions.place([*parts, message("user", "and?")]).shared_tokens == 5
    other: list[object] = [{"role": "user", "content": [{"type": "text", "text": "ho"}]}]
    assert sessions.place([*other, message("user", "and?")]).session == "r-2"
    assert sessions.place(["no message", message("user", "and?")]).session == "r-3"
