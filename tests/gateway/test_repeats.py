"""A request of a session that comes again under its key: over HTTP, in front of a host that counts what it is asked."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.conftest import gateway_to, in_process, scripted_host
from tests.ollama.fake_host import chat_line, last_line
from toolkit.gateway.ask import BY_NAME, Ask
from toolkit.gateway.refusal import Refusal
from toolkit.gateway.repeats import request_digest, request_key_of
from toolkit.gateway.sessions.book import SessionBook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.ollama.fake_host import FakeHost, Seen, Wire

KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}
CALL = {"function": {"name": "look", "arguments": {"where": "there"}}}


class Talker:
    """Answers with the number of the request; fails as often as it is told to; may be held."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails = 0
        self.hold: asyncio.Event | None = None
        self.came: asyncio.Queue[int] = asyncio.Queue()

    async def __call__(self, seen: Seen, wire: Wire) -> None:
        self.asked += 1
        number = self.asked
        self.came.put_nowait(number)
        if self.hold is not None:
            await self.hold.wait()
        if self.fails:
            self.fails -= 1
            await wire.record({"error": "the GPU is on fire"}, status=500)
            return
        message = {"role": "assistant", "content": f"answer {number}", "thinking": "hm", "tool_calls": [CALL]}
        if seen.json.get("stream") is False:
            await wire.record(last_line(message=message))
            return
        await wire.head()
        await wire.line({**chat_line(), "message": message})
        await wire.line(last_line())
        await wire.end()


class Place:
    """A gateway with sessions, and a client."""

    def __init__(self, url: str, client: aiohttp.ClientSession, host: FakeHost, talker: Talker, file: Path) -> None:
        self.url, self.client, self.host, self.talker, self.file = url, client, host, talker, file

    async def chat(self, text: str = "Hi.", headers: dict[str, str] | None = None, **more: Any) -> Answer:
        body = {"model": "big:7b", "session": "s", "messages": [{"role": "user", "content": text}], **more}
        kept = {name: value for name, value in body.items() if value is not None}
        async with self.client.post(f"{self.url}/api/chat", json=kept, headers=headers) as answer:
            return Answer(answer, await answer.read())

    def outcomes(self, session: str = "s") -> list[str]:
        with SessionBook(self.file) as book:
            return [turn.exchange.outcome for turn in book.turns(session)]


class Answer:
    """A whole answer."""

    def __init__(self, answer: aiohttp.ClientResponse, body: bytes) -> None:
        self.status, self.headers = answer.status, answer.headers
        self.lines = [json.loads(line) for line in body.splitlines() if line]
        self.said = "".join(line["message"]["content"] for line in self.lines if "message" in line)
        self.replayed = answer.headers.get("idempotent-replayed") == "true"


@asynccontextmanager
async def a_place(tmp_path: Path) -> AsyncIterator[Place]:
    talker, file = Talker(), tmp_path / "s.db"
    async with (
        scripted_host(talker, loaded=("big:7b", "small:1b")) as host,
        in_process(gateway_to(host.url, sessions={"file": str(file)})) as url,
        aiohttp.ClientSession() as client,
    ):
        yield Place(url, client, host, talker, file)


@pytest.mark.parametrize("stream", [True, False])
async def test_what_was_answered_is_said_again_and_no_model_is_asked(tmp_path: Path, *, stream: bool) -> None:
    async with a_place(tmp_path) as place:
        first = await place.chat(headers=KEY, stream=stream)
        again = await place.chat(headers=KEY, stream=stream)
        assert (first.said, first.replayed) == ("answer 1", False)
        assert (again.said, again.replayed, again.status) == ("answer 1", True, 200)
        for name in ("content-type", "x-hotswap-reason", "x-hotswap-cache"):
            assert again.headers[name].partition(";")[0] == first.headers[name].partition(";")[0]
        last = again.lines[-1]
        assert (last["model"], last["done"], last["done_reason"]) == ("big:7b", True, "stop")
        assert (last["prompt_eval_count"], last["eval_count"]) == (7, 3)
        assert again.lines[0]["message"]["thinking"] == "hm"
        assert again.lines[0]["message"]["tool_calls"] == [CALL]
        assert (place.talker.asked, place.outcomes()) == (1, ["answered"])


async def test_it_may_be_asked_for_in_another_form(tmp_path: Path) -> None:
    """As a stream or not, by header or field, in quotes or without: the key is the same."""
    async with a_place(tmp_path) as place:
        await place.chat(headers=KEY)
        field = KEY["Idempotency-Key"].strip('"')
        for again in (
            await place.chat(request_key=field, stream=False),
            await place.chat(headers={"Idempotency-Key": field}),
            await place.chat(headers={"X-Hotswap-Session": "s", **KEY}, session=None),
        ):
            assert (again.said, again.replayed) == ("answer 1", True)


async def test_a_repeat_waits_for_the_one_under_way(tmp_path: Path) -> None:
    async with a_place(tmp_path) as place:
        place.talker.hold = asyncio.Event()
        calls = [asyncio.create_task(place.chat(headers=KEY)) for _ in range(5)]
        await place.talker.came.get()
        place.talker.hold.set()
        answers = [await call for call in calls]
        assert [answer.said for answer in answers] == ["answer 1"] * 5
        assert sorted(answer.replayed for answer in answers) == [False, True, True, True, True]
        assert (place.talker.asked, place.outcomes()) == (1, ["answered"])


async def test_another_request_under_the_same_key_is_refused(tmp_path: Path) -> None:
    async with a_place(tmp_path) as place:
        await place.chat(headers=KEY)
        for other in (
            await place.chat("Something else.", headers=KEY),
            await place.chat(headers=KEY, model="small:1b"),
            await place.chat(headers=KEY, options={"temperature": 2}),
        ):
            assert (other.status, "used for another request" in other.lines[0]["error"]) == (422, True)
        assert (place.talker.asked, place.outcomes()) == (1, ["answered"])
        async with place.client.get(f"{place.url}/api/llm/stats") as stats:
            assert (await stats.json())["errors"] == {"key_reused": 3}


async def test_another_key_and_another_session_are_asked_anew(tmp_path: Path) -> None:
    async with a_place(tmp_path) as place:
        await place.chat(headers=KEY)
        assert (await place.chat(headers={"Idempotency-Key": "other"})).said == "answer 2"
        assert (await place.chat(headers=KEY, session="t")).said == "answer 3"
        assert (await place.chat()).said == "answer 4"


async def test_what_failed_is_asked_anew(tmp_path: Path) -> None:
    async with a_place(tmp_path) as place:
        place.talker.fails = 1
        assert (await place.chat(headers=KEY)).status == 500
        assert (await place.chat(headers=KEY)).said == "answer 2"
        assert (await place.chat(headers=KEY)).replayed
        assert place.outcomes() == ["failed", "answered"]


async def test_what_the_client_did_not_wait_for_is_asked_anew(tmp_path: Path) -> None:
    async with a_place(tmp_path) as place:
        place.talker.hold = asyncio.Event()
        left = asyncio.create_task(place.chat(headers=KEY))
        await place.talker.came.get()
        left.cancel()
        again = asyncio.create_task(place.chat(headers=KEY))
        await place.talker.came.get()
        place.talker.hold.set()
        assert ((await again).said, place.outcomes()) == ("answer 2", ["cancelled", "answered"])


async def test_a_gateway_that_was_started_anew_knows_it(tmp_path: Path) -> None:
    async with a_place(tmp_path) as place:
        await place.chat(headers=KEY)
    async with a_place(tmp_path) as place:
        assert ((await place.chat(headers=KEY)).said, place.talker.asked) == ("answer 1", 0)


@pytest.mark.parametrize("stream", [True, False])
async def test_openais_client_is_given_it_too(tmp_path: Path, *, stream: bool) -> None:
    async with a_place(tmp_path) as place, openai.AsyncOpenAI(base_url=f"{place.url}/v1", api_key="none") as client:
        for _ in range(2):
            answer = await client.chat.completions.create(
                model="big:7b",
                messages=[{"role": "user", "content": "Hi."}],
                stream=stream,
                extra_body={"session": "gpt", "request_key": "one"},
            )
            if isinstance(answer, openai.AsyncStream):
                said = "".join([chunk.choices[0].delta.content or "" async for chunk in answer])
            else:
                said = answer.choices[0].message.content or ""
            assert said == "answer 1"
        assert place.talker.asked == 1


@pytest.mark.parametrize(
    ("more", "headers", "words"),
    [
        ({"request_key": ""}, {}, "request_key: a text of 1 to 255"),
        ({"request_key": 7}, {}, "request_key: a text"),
        ({"request_key": "é"}, {}, "request_key: a text"),
        ({"request_key": "k", "session": None}, {}, "name a session"),
        ({"request_key": "k"}, KEY, "differ"),
        ({}, {"Idempotency-Key": '"open'}, "in double quotes"),
        ({}, {"Idempotency-Key": "x" * 256}, "1 to 255"),
    ],
)
async def test_keys_that_are_none(tmp_path: Path, more: dict[str, Any], headers: dict[str, str], words: str) -> None:
    async with a_place(tmp_path) as place:
        refused = await place.chat(headers=headers, **more)
        assert (refused.status, words in refused.lines[0]["error"], place.talker.asked) == (400, True, 0)


async def test_without_a_session_the_header_is_passed_over(tmp_path: Path) -> None:
    """Some clients send it with everything, and nothing of such a request is kept."""
    async with a_place(tmp_path) as place:
        for number in (1, 2):
            assert (await place.chat(headers=KEY, session=None)).said == f"answer {number}"


async def test_a_client_that_leaves_while_its_answer_is_being_stored_has_one_turn(tmp_path: Path) -> None:
    """Nothing is stored twice, and the answer that it did not see is there when it asks again."""
    async with a_place(tmp_path) as place:
        for number in range(20):
            body = {"model": "big:7b", "session": f"s{number}", "messages": [{"role": "user", "content": "Hi."}]}
            answer = await place.client.post(f"{place.url}/api/chat", json=body, headers=KEY)
            await answer.content.readline()
            answer.close()  # the last line, held back, is on its way to the disk now
            again = await place.chat(headers=KEY, session=f"s{number}")
            outcomes = place.outcomes(f"s{number}")
            assert outcomes.count("answered") == 1
            assert outcomes == (["answered"] if again.replayed else ["cancelled", "answered"])


# Alone ---------------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255))
def test_every_key_in_quotes_is_read_back(key: str) -> None:
    quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if key.strip(" ") == key:
        assert request_key_of({}, {"idempotency-key": quoted}, "chat", "s") == key
    else:
        with pytest.raises(Refusal):
            request_key_of({}, {"idempotency-key": quoted}, "chat", "s")


def test_the_digest_knows_what_was_asked_and_not_how_it_is_delivered() -> None:
    body = {"messages": [{"role": "user", "content": "\ud800"}], "stream": True}
    ask = Ask("chat", "/api/chat", body, "m", BY_NAME)
    reordered = Ask("chat", "/api/chat", {"stream": False, "messages": body["messages"]}, "m", BY_NAME)
    assert request_digest(ask) == request_digest(reordered)
    routed = [Ask("chat", "/api/chat", body, model, "the rule says so") for model in ("m", "n")]
    assert len({request_digest(each) for each in routed}) == 1
    assert request_digest(routed[0]) != request_digest(ask)
