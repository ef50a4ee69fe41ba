"""The chat that is read for its times tells the same times, counters and words as the one that is read in full."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ollama.fake_host import FakeHost, answer_chat, chat_line, last_line
from toolkit.ollama.address import parse_address
from toolkit.ollama.calls import Calls
from toolkit.ollama.errors import ErrorLineError, OllamaError, ProtocolError, StreamBrokeError
from toolkit.ollama.timed_chat import texts_of
from toolkit.ollama.types import ChatMessage, ChatRequest

if TYPE_CHECKING:
    from tests.ollama.conftest import ClientOf
    from toolkit.ollama.exchange import Exchange

CALLS = Calls(parse_address("http://gpu-a"), ())
REQUEST = ChatRequest("m:1b", (ChatMessage("user", "hi"),))
HEAD = {"content-type": "application/x-ndjson"}
TRICKY = ('"done":false}', '"done":true}', '{"error":"no"}', '"content":""', "", "a\nb", "\u2028", '\\"', "日本")


def encoded(record: object) -> bytes:
    """A line as Go writes it: no blanks between tokens."""
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def outcome(exchange: Exchange[Any, Any], chunks: list[bytes]) -> tuple[object, ...]:
    """Feed chunks at 10, 20, …; what came out, or how it failed."""
    exchange.begin(0)
    exchange.head(200, HEAD, 1)
    try:
        for number, chunk in enumerate(chunks, 1):
            list(exchange.data(chunk, 10 * number))
        if not exchange.is_done:
            list(exchange.end(1000))
    except OllamaError as error:
        return (type(error), str(error), error.progress)
    answer = exchange.answer
    words = (answer.text, answer.thinking) if hasattr(answer, "text") else texts_of(answer.lines)
    return (*words, answer.done_reason, answer.counters, answer.times, answer.model)


texts = st.one_of(st.sampled_from(TRICKY), st.text(max_size=8))
tool_calls = [{"function": {"name": "f", "arguments": {"done": False, "content": "x", "text": '"done":false}'}}}]
lines = st.one_of(
    texts.map(chat_line),
    texts.map(lambda text: chat_line("", thinking=text)),
    st.just({**chat_line(), "message": {"role": "assistant", "content": "", "tool_calls": tool_calls}}),
    st.just({"done": False, "model": "m:1b", "message": {"role": "assistant", "content": "x"}}),
    st.just({"error": "out of memory"}),
)


@given(st.lists(lines, max_size=6), st.booleans(), st.data())
def test_both_readings_agree_however_the_network_cuts(records: list[Any], has_last: bool, data: st.DataObject) -> None:
    wire = b"".join(encoded(record) for record in [*records, *([last_line()] if has_last else [])])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=5)))
    line_ends = [place + 1 for place, byte in enumerate(wire) if byte == ord("\n")]
    ends = sorted({*cuts, *(line_ends if data.draw(st.booleans()) else ()), len(wire)})
    chunks = [wire[start:end] for start, end in zip([0, *ends], ends, strict=False) if end > start]
    assert outcome(CALLS.chat_timed(REQUEST), chunks) == outcome(CALLS.chat_stream(REQUEST), chunks)


def test_every_token_has_its_time() -> None:
    exchange = CALLS.chat_timed(REQUEST)
    exchange.begin(0)
    exchange.head(200, HEAD, 1)
    assert not exchange.has_token
    for number, record in enumerate([chat_line(""), chat_line("a"), chat_line("", thinking="b"), chat_line("c")]):
        list(exchange.data(encoded(record), 10 * number))
    assert exchange.has_token
    list(exchange.data(encoded(chat_line("d")) + encoded(last_line()), 99))
    assert exchange.answer.token_ns == (10, 20, 30, 99)
    assert (exchange.answer.times.first_token_ns, exchange.answer.times.last_token_ns) == (10, 99)


def test_a_line_that_is_no_json_fails_where_it_is_read() -> None:
    exchange = CALLS.chat_timed(REQUEST)
    exchange.begin(0)
    exchange.head(200, HEAD, 1)
    with pytest.raises(ProtocolError, match="something else"):
        list(exchange.data(b"nope\n", 10))
    with pytest.raises(StreamBrokeError):
        list(exchange.end(20))


async def test_over_a_connection(client_of: ClientOf) -> None:
    async with FakeHost(answer_chat) as host, client_of(host.url) as client:
        async with client.stream_timed_chat(REQUEST) as stream:
            answer = await stream.finish()
        assert stream.has_token
    assert texts_of(answer.lines) == ("Hello", "")
    assert answer.counters.prompt_eval_count == 7
    assert len(answer.token_ns) == 2


async def test_an_error_line_keeps_what_came_before(client_of: ClientOf) -> None:
    async def script(_: object, wire: Any) -> None:
        await wire.head()
        await wire.line(chat_line("Hello"))
        await wire.line({"error": "out of memory"})
        await wire.end()

    async with FakeHost(script) as host, client_of(host.url) as client:
        with pytest.raises(ErrorLineError, match="after 5 characters"):
            async with client.stream_timed_chat(REQUEST) as stream:
                await stream.finish()
