"""The exchange without I/O: what each arrival means, on a clock of small integers."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ollama.fake_host import chat_line, last_line
from toolkit.ollama.address import parse_address
from toolkit.ollama.calls import Calls
from toolkit.ollama.errors import (
    ErrorLineError,
    OllamaError,
    ProtocolError,
    ServerBusyError,
    StreamBrokeError,
)
from toolkit.ollama.transport import Fault, TransportError
from toolkit.ollama.types import ChatMessage, ChatRequest, Counters, GenerateRequest, StreamEvent, Times

if TYPE_CHECKING:
    from toolkit.ollama.exchange import StreamExchange
    from toolkit.ollama.types import ChatAnswer

CALLS = Calls(parse_address("http://gpu-a", "a"), ())
REQUEST = ChatRequest("m:1b", (ChatMessage("user", "hi"),))
NDJSON = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json; charset=utf-8"}


def started(headers: dict[str, str] | None = None, status: int = 200) -> StreamExchange[ChatAnswer]:
    """A chat stream sent at 10 whose head came at 20."""
    exchange = CALLS.chat_stream(REQUEST)
    exchange.begin(10)
    exchange.head(status, NDJSON if headers is None else headers, 20)
    return exchange


def encoded(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def test_a_stream_gives_events_and_an_answer_with_times() -> None:
    exchange = started()
    events = [*exchange.data(encoded(chat_line("Hel")), 30), *exchange.data(encoded(chat_line("lo")), 40)]
    assert not exchange.is_done
    events += [*exchange.data(encoded(last_line()), 50), *exchange.end(60)]
    assert [(event.at_ns, event.text, event.done) for event in events] == [
        (30, "Hel", False),
        (40, "lo", False),
        (50, "", True),
    ]
    answer = exchange.answer
    assert (answer.text, answer.model, answer.done_reason) == ("Hello", "m:1b", "stop")
    assert answer.counters == Counters(90, 40, 7, 20, 3, 30)
    assert answer.times == Times(10, 20, 30, 40, 50)
    assert answer.message == ChatMessage("assistant", "Hello")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (chat_line("x"), "text"),
        (chat_line(" "), "a blank is text too"),
        (chat_line("", thinking="hm"), "thinking"),
        (chat_line() | {"message": {"role": "assistant", "content": "", "tool_calls": [
            {"function": {"name": "f", "arguments": {}}}]}}, "a tool call"),
        (last_line() | {"message": {"role": "assistant", "content": "x"}}, "text in the last line"),
    ],
)  # fmt: skip
def test_the_first_token_is_the_first_line_that_brings_something(line: dict[str, Any], kind: str) -> None:
    exchange = started()
    for at_ns, record in ((30, chat_line("")), (40, chat_line("", thinking="")), (50, line), (60, chat_line(""))):
        list(exchange.data(encoded(record), at_ns))
    times = exchange.progress().times
    assert (times.first_token_ns, times.last_token_ns) == (50, 50), kind


def test_an_answer_of_no_tokens_has_no_token_times() -> None:
    exchange = started()
    list(exchange.data(encoded(last_line(eval_count=0)), 30))
    assert exchange.answer.times == Times(10, 20, None, None, 30)


def test_counters_that_the_server_left_out_are_absent() -> None:
    exchange = started()
    list(exchange.data(encoded(chat_line(done=True, done_reason="stop", total_duration=5)), 30))
    assert exchange.answer.counters == Counters(total_ns=5)


TOKENS = st.lists(st.text(max_size=6), max_size=12)


@given(TOKENS, st.lists(st.integers(0, 5000), max_size=30))
def test_any_cut_of_the_stream_gives_the_same_events(tokens: list[str], places: list[int]) -> None:
    data = encoded(*map(chat_line, tokens), last_line())
    bounds = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    exchange = started()
    events: list[StreamEvent] = []
    for start, stop in itertools.pairwise(bounds):
        events += exchange.data(data[start:stop], 30)
    events += exchange.end(40)
    assert [event.text for event in events] == [*tokens, ""]
    assert exchange.answer.text == "".join(tokens)


def test_a_load_comes_as_one_object_without_a_line_end() -> None:
    exchange = CALLS.generate_stream(GenerateRequest("m", ""))
    exchange.begin(10)
    exchange.head(200, JSON, 20)
    body = json.dumps({"model": "m", "response": "", "done": True, "done_reason": "load"}).encode()
    assert list(exchange.data(body, 30)) == []
    assert [event.done_reason for event in exchange.end(40)] == ["load"]
    assert exchange.answer.times == Times(10, 20, None, None, 40)


def test_tokens_before_an_error_line_are_still_delivered() -> None:
    """The server's last token and its error may share a chunk; the times of the token must not be lost."""
    exchange = started()
    arriving = exchange.data(encoded(chat_line("Hel"), {"error": "unexpected EOF"}), 30)
    assert next(arriving).text == "Hel"
    with pytest.raises(ErrorLineError, match="after 3 characters of text: the server says 'unexpected EOF'") as caught:
        next(arriving)
    assert caught.value.server_message == "unexpected EOF"
    assert caught.value.progress is not None
    assert caught.value.progress.times == Times(10, 20, 30, 30, None)
    assert caught.value.progress.text == "Hel"


def test_an_error_object_under_status_200_is_an_error_of_whole_answers_too() -> None:
    exchange = CALLS.chat_whole(REQUEST)
    exchange.begin(10)
    exchange.head(200, JSON, 20)
    list(exchange.data(b'{"error":{"message":"no"}}', 30))
    with pytest.raises(ErrorLineError, match="the server says 'no'"):
        list(exchange.end(40))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "stopped before its last line"),
        (encoded(chat_line("Hello")), "stopped before its last line, after 5 characters"),
        (encoded(chat_line("Hello")) + b'{"model":"m","mess', "stopped in the middle of a line of 18 bytes"),
        (encoded(chat_line("Hello")) + b'{"model":"m","message":{"content":"x"},"done":false}', "before its last line"),
    ],
)
def test_a_stream_that_stops_early_is_broken(data: bytes, what: str) -> None:
    exchange = started()
    list(exchange.data(data, 30))
    with pytest.raises(StreamBrokeError, match=what):
        list(exchange.end(40))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"<html>\n", "Expecting value"),
        (b"[]\n", "a JSON list stands where an object belongs"),
        (b'{"done": "yes"}\n', "'done' holds a JSON text where true or false belongs"),
        (b'{"message": "x", "done": false}\n', "'message' holds a JSON text where an object belongs"),
        (b'{"message": {"content": ["x"]}, "done": false}\n', "'content' holds a JSON list where a text belongs"),
        (b'{"message": {"tool_calls": [{}]}, "done": false}\n', "a tool call has no function name"),
        (b'{"done": true, "eval_count": -1}\n', "'eval_count' holds a JSON number where a whole number"),
        (b'{"done": true, "eval_count": 1.5}\n', "'eval_count' holds a JSON number where a whole number"),
    ],
)
def test_a_line_that_breaks_the_api_is_a_protocol_error(data: bytes, what: str) -> None:
    exchange = started()
    with pytest.raises(ProtocolError, match=what):
        list(exchange.data(data, 30))


def test_unknown_fields_and_blank_lines_are_nothing() -> None:
    exchange = started()
    list(exchange.data(b"\n\r\n" + encoded(chat_line("x", logprobs=[1], new={"a": None}), last_line()) + b"\n", 30))
    assert exchange.answer.text == "x"


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    exchange = started()
    for _ in range(16):
        list(exchange.data(b"x" * (1024 * 1024), 30))
    with pytest.raises(ProtocolError, match="a line of more than 16777216 bytes"):
        list(exchange.data(b"x", 30))


def test_a_document_without_end_is_refused_before_it_fills_the_memory() -> None:
    exchange = CALLS.tags()
    exchange.head(200, JSON, 20)
    for _ in range(64):
        list(exchange.data(b"x" * (1024 * 1024), 30))
    with pytest.raises(ProtocolError, match="more than 67108864 bytes"):
        list(exchange.data(b"x", 30))


def test_what_comes_after_the_last_line_does_not_matter() -> None:
    exchange = started()
    list(exchange.data(encoded(last_line()) + b"rubbish\n", 30))
    list(exchange.data(b"more", 35))
    assert list(exchange.end(40)) == []
    assert exchange.is_done


@pytest.mark.parametrize(
    ("headers", "what"),
    [
        (
            {"content-type": "text/html; charset=utf-8"},
            "was answered with text/html instead of application/x-ndjson or",
        ),
        ({"content-type": "text/event-stream"}, "was answered with text/event-stream"),
        (NDJSON | {"content-encoding": "gzip"}, r"was answered compressed \(gzip\)"),
    ],
)
def test_a_head_that_is_not_ollamas_ends_the_call_at_once(headers: dict[str, str], what: str) -> None:
    with pytest.raises(ProtocolError, match=what):
        started(headers)


def test_a_head_without_content_type_is_given_a_chance() -> None:
    exchange = started({})
    list(exchange.data(encoded(last_line()), 30))
    assert exchange.is_done


def test_a_status_counts_even_if_its_explanation_is_cut() -> None:
    for end in ("lost", "late"):
        exchange = started(JSON, 503)
        list(exchange.data(b'{"error":"server busy', 30))
        lost = exchange.failed(TransportError(Fault.LOST, "reset"), None)
        late = exchange.timed_out(1_000_000_000)
        assert (
            {"lost": lost, "late": late}[end].args[0].startswith("host a: POST /api/chat (m:1b) at http://gpu-a ended")
        )


def test_a_long_explanation_is_cut_and_still_understood() -> None:
    exchange = started(JSON, 503)
    list(exchange.data(json.dumps({"error": "busy"}).encode(), 30))
    for _ in range(3):
        list(exchange.data(b" " * 40_000, 30))
    with pytest.raises(ServerBusyError, match="'busy'"):
        list(exchange.end(40))


def test_failures_say_how_far_the_call_came() -> None:
    exchange = CALLS.chat_stream(REQUEST)
    exchange.begin(10)
    before = exchange.failed(TransportError(Fault.LOST, "reset by peer"), None)
    assert isinstance(before, StreamBrokeError)
    assert "lost its connection before an answer came (reset by peer)" in str(before)
    exchange.head(200, NDJSON, 20)
    list(exchange.data(encoded(chat_line("Hello")), 30))
    after = exchange.failed(TransportError(Fault.LOST, "reset by peer"), None)
    assert "lost its connection in the middle of the answer (reset by peer), after 5 characters" in str(after)
    assert isinstance(after, OllamaError)
    assert after.progress is not None
    assert after.progress.text == "Hello"
    assert after.progress.times == Times(10, 20, 30, 30, None)


def test_an_answer_is_not_there_before_its_end() -> None:
    with pytest.raises(RuntimeError, match="read the stream to its end first"):
        _ = started().answer
