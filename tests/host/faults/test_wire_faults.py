"""Faults between the application and its client, through httpx clients of the mock."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import ollama
import openai
import pytest

from toolkit.host.faults.garbling import QUEUE_FULL, RUNNER_DIED
from toolkit.host.faults.plan import (
    ErrorLine,
    HalfLine,
    HttpError,
    Refuse,
    RequestWhen,
    Reset,
    SlowTokens,
    Stall,
    StallStream,
    WrongContentType,
)
from toolkit.host.mock import mock_ollama
from toolkit.ollama.client import OllamaClient
from toolkit.ollama.errors import (
    ErrorLineError,
    OllamaError,
    ProtocolError,
    ServerBusyError,
    StreamBrokeError,
    UnreachableError,
)
from toolkit.ollama.timeouts import Timeouts
from toolkit.ollama.types import ChatMessage, ChatRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.host.faults.asker import Asker
    from toolkit.host.faults.plan import Fault

    Make = Callable[..., Asker]

NS_PER_S = 1_000_000_000
SECOND = RequestWhen(path="/api/generate", nth=(2,))


def test_refuse_hits_one_request(host: Make) -> None:
    asker = host(Refuse(when=RequestWhen(nth=(1,))))
    with pytest.raises(httpx.ConnectError, match="refused"):
        asker.client.get("/api/version")
    assert asker.client.get("/api/version").status_code == 200
    assert [hit.fault for hit in asker.twin.faults_hit] == ["refuse"]


def test_refuse_may_last(host: Make) -> None:
    asker = host(Refuse(for_ns=5 * NS_PER_S, when=RequestWhen(nth=(2,))))
    assert asker.client.get("/api/version").status_code == 200
    for _ in range(3):
        with pytest.raises(httpx.ConnectError):
            asker.client.get("/api/version")
    asker.twin.advance("5s")
    assert asker.client.get("/api/version").status_code == 200


def test_refuse_may_be_a_window_of_time(host: Make) -> None:
    asker = host(Refuse(when=RequestWhen(after_ns=10 * NS_PER_S, before_ns=20 * NS_PER_S)))
    outcomes = []
    for _ in range(5):
        try:
            outcomes.append(asker.client.get("/api/version").status_code)
        except httpx.ConnectError:
            outcomes.append(0)
        asker.twin.advance("5s")
    assert outcomes == [200, 200, 0, 0, 200]


def test_reset_before_the_answer(host: Make) -> None:
    asker = host(Reset(when=RequestWhen(nth=(1,))))
    with pytest.raises(httpx.ReadError, match="reset"):
        asker.client.get("/api/version")


def test_reset_after_some_pieces_frees_the_model(host: Make) -> None:
    asker = host(Reset(after_pieces=3))
    pieces, error = asker.pieces(keep_alive="1m")
    assert len(pieces) == 3
    assert isinstance(error, httpx.ReadError)
    asker.twin.advance("1m")
    assert asker.twin.loaded == ()


def test_stall_then_all_goes_on(host: Make) -> None:
    asker = host(Stall(for_ns=90 * NS_PER_S))
    assert asker.client.get("/api/version").status_code == 200
    assert asker.twin.now_ns == 90 * NS_PER_S


def test_stall_ends_when_the_client_goes_and_the_application_never_hears_of_it(host: Make) -> None:
    asker = host(Stall(when=RequestWhen(nth=(1,))), timeout_s=5)
    with pytest.raises(httpx.ReadTimeout):
        asker.generate()
    assert asker.twin.now_ns == 5 * NS_PER_S
    assert asker.twin.loads == ()
    assert asker.generate().status_code == 200


def test_stall_in_the_middle(host: Make) -> None:
    asker = host(StallStream(after_pieces=2, for_ns=40 * NS_PER_S, when=SECOND))
    plain = asker.lines()
    before_ns = asker.twin.now_ns
    stalled = asker.lines()
    assert asker.twin.now_ns - before_ns > 40 * NS_PER_S
    assert [line["response"] for line in stalled] == [line["response"] for line in plain]


def test_stall_in_the_middle_meets_the_time_limit_of_the_client(host: Make) -> None:
    asker = host(StallStream(after_pieces=2), timeout_s=20)
    pieces, error = asker.pieces()
    assert len(pieces) == 2
    assert isinstance(error, httpx.ReadTimeout)


def test_slow_tokens_are_late_by_the_pause_each(host: Make) -> None:
    asker = host(SlowTokens(pause_ns=2 * NS_PER_S, when=SECOND))
    asker.lines()
    before_ns = asker.twin.now_ns
    lines = asker.lines()
    assert asker.twin.now_ns - before_ns >= len(lines) * 2 * NS_PER_S
    assert lines[-1]["total_duration"] > 0


@pytest.mark.parametrize(("status", "words"), [(503, QUEUE_FULL), (500, "internal server error")])
def test_an_error_status_has_the_words_of_the_server(host: Make, status: int, words: str) -> None:
    asker = host(HttpError(status=status))
    response = asker.generate()
    assert (response.status_code, response.json()) == (status, {"error": words})
    assert asker.twin.loads == ()


def test_an_error_status_has_the_form_of_the_api_that_was_asked() -> None:
    with mock_ollama(faults=[HttpError(status=503, message="later")]) as twin:
        with pytest.raises(ollama.ResponseError, match="later"):
            ollama.generate("qwen2.5:7b", "hi")
        client = openai.OpenAI(base_url=f"{twin.url}/v1", api_key="none", max_retries=0)
        with pytest.raises(openai.InternalServerError, match="later"):
            client.models.list()


def test_a_stream_ends_with_an_error_line(host: Make) -> None:
    lines = host(ErrorLine(after_pieces=3)).lines()
    assert len(lines) == 4
    assert lines[-1] == {"error": RUNNER_DIED}
    assert not any(line.get("done") for line in lines)


def test_an_error_in_an_unstreamed_answer_is_a_status(host: Make) -> None:
    response = host(ErrorLine(message="gone")).generate()
    assert (response.status_code, response.json()) == (500, {"error": "gone"})


def test_an_error_in_a_stream_of_events_is_an_event() -> None:
    with mock_ollama(faults=[ErrorLine(after_pieces=2, message="gone")]) as twin:
        client = openai.OpenAI(base_url=f"{twin.url}/v1", api_key="none", max_retries=0)
        stream = client.chat.completions.create(
            model="qwen2.5:7b", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        with pytest.raises(openai.APIError, match="gone"):
            list(stream)


def test_half_a_line_and_then_nothing(host: Make) -> None:
    asker = host(HalfLine(after_pieces=2))
    pieces, error = asker.pieces()
    assert [piece.endswith(b"\n") for piece in pieces] == [True, True, False]
    assert isinstance(error, httpx.RemoteProtocolError)


def test_half_a_line_and_a_regular_end(host: Make) -> None:
    pieces, error = host(HalfLine(after_pieces=2, then="end")).pieces()
    assert error is None
    assert len(pieces) == 3
    with pytest.raises(json.JSONDecodeError):
        json.loads(pieces[-1])


def test_half_a_line_and_then_the_rest_is_no_fault_at_all(host: Make) -> None:
    asker = host(HalfLine(after_pieces=2, then="rest", when=SECOND))
    plain = asker.lines()
    assert [line["response"] for line in asker.lines()] == [line["response"] for line in plain]


def test_half_of_an_unstreamed_answer(host: Make) -> None:
    response = host(HalfLine(after_pieces=0, then="end")).generate()
    with pytest.raises(json.JSONDecodeError):
        response.json()


def test_another_content_type(host: Make) -> None:
    asker = host(WrongContentType(when=RequestWhen(nth=(1,))), WrongContentType(body="<h1>Bad Gateway</h1>"))
    first, second = asker.generate(), asker.generate()
    assert first.headers["content-type"] == second.headers["content-type"] == "text/html"
    assert second.text == "<h1>Bad Gateway</h1>"


def test_several_faults_hit_one_request(host: Make) -> None:
    asker = host(ErrorLine(after_pieces=5), StallStream(after_pieces=2, for_ns=30 * NS_PER_S))
    lines = asker.lines()
    assert len(lines) == 6
    assert asker.twin.now_ns > 30 * NS_PER_S
    assert [hit.fault for hit in asker.twin.faults_hit] == ["error_line", "stall_stream"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Refuse(), UnreachableError),
        (Reset(), StreamBrokeError),
        (Reset(after_pieces=2), StreamBrokeError),
        (HalfLine(after_pieces=2), StreamBrokeError),
        (HalfLine(after_pieces=2, then="end"), StreamBrokeError),
        (ErrorLine(after_pieces=2), ErrorLineError),
        (HttpError(status=503), ServerBusyError),
        (WrongContentType(body="<h1>Bad Gateway</h1>"), ProtocolError),
    ],
)
async def test_our_client_names_each_fault(fault: Fault, error: type[OllamaError]) -> None:
    request = ChatRequest("qwen2.5:7b", (ChatMessage("user", "hi"),))
    async with mock_ollama(faults=[fault]) as twin, OllamaClient(twin.url, timeouts=Timeouts()) as client:
        with pytest.raises(error):
            await client.chat(request)
