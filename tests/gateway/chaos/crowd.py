"""Fifty clients, each with one message after the other, a deadline, and the patience to ask again."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CLIENTS = 50
PAUSE_S = 0.2
NOT_FOUND = 404
"""The only answer after which asking again is no use."""
DEADLINE_S = 4.0
LATE_S = 8.0
"""How much later than its deadline a client may be told: the test's own loop and a busy machine, not the gateway."""

End = Literal["answered", "refused", "error", "lost", "silent", "garbage"]
"""answered: to the end. refused: a status with a sentence. error: a stream whose last word is a sentence. lost: the
connection broke, or there was none. silent: nothing more came long after the deadline. garbage: none of these."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one attempt came to."""

    end: End
    text: str
    status: int | None
    took_s: float


@dataclass(slots=True)
class Message:
    """One thing that a client says until it is answered, always under the same key. `session` None: a plain call."""

    client: int
    model: str
    text: str
    key: str
    session: str | None
    streams: bool
    openai: bool
    told: list[Told] = field(default_factory=list)

    @property
    def answer(self) -> str | None:
        return next((told.text for told in self.told if told.end == "answered"), None)


class Crowd:
    """All clients of one phase. Seeded: who says what to which model, and when he begins."""

    def __init__(self, url: str, name: str, models: Sequence[str], seed: int, each: int) -> None:
        self._url = url
        self._rng = random.Random(f"{name}-{seed}")
        self._is_over = False
        self._each = each
        self.name = name
        self.messages: list[Message] = []
        self._plans = [self._plan(client, models) for client in range(CLIENTS)]

    @property
    def attempts(self) -> list[Told]:
        return [told for message in self.messages for told in message.told]

    def ends(self) -> Counter[str]:
        """How many attempts ended how."""
        return Counter(told.end for told in self.attempts)

    def is_over(self) -> None:
        """Nobody begins anything more; what is under way comes to its end."""
        self._is_over = True

    async def talk(self, *, until: Callable[[], bool] | None = None) -> None:
        """All clients at once, each until it has said all, or `is_over`. `until`: nobody gives up before that."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, trust_env=False) as http:
            await asyncio.gather(*(self._client(http, plan, until or (lambda: True)) for plan in self._plans))

    def _plan(self, client: int, models: Sequence[str]) -> tuple[float, list[Message]]:
        kind = client % 5
        session = f"{self.name}-{client}" if kind < 3 else None
        said = [
            Message(
                client,
                self._rng.choice(models),
                f"{self.name} client {client} message {number}",
                str(uuid.UUID(int=self._rng.getrandbits(128))),
                session,
                streams=kind != 1,
                openai=kind in {2, 4},
            )
            for number in range(self._each)
        ]
        return self._rng.uniform(0, 0.3), said

    async def _client(
        self, http: aiohttp.ClientSession, plan: tuple[float, list[Message]], until: Callable[[], bool]
    ) -> None:
        delay_s, messages = plan
        await asyncio.sleep(delay_s)
        for message in messages:
            if self._is_over:
                return
            self.messages.append(message)
            while message.answer is None and not (self._is_over and until()):
                told = await self._attempt(http, message)
                message.told.append(told)
                if told.status == NOT_FOUND:
                    break
                if told.end != "answered":
                    await asyncio.sleep(PAUSE_S)

    async def _attempt(self, http: aiohttp.ClientSession, message: Message) -> Told:
        began_s = time.monotonic()
        status: int | None = None
        try:
            async with asyncio.timeout(DEADLINE_S + LATE_S):
                path = "/v1/chat/completions" if message.openai else "/api/chat"
                async with http.post(f"{self._url}{path}", json=_body(message), headers=_headers(message)) as answer:
                    status = answer.status
                    end, text = _judged(status, await answer.read(), message)
        except TimeoutError:
            end, text = "silent", ""
        except aiohttp.ClientPayloadError as error:
            end, text = "lost", f"in the middle: {error}"
        except (aiohttp.ClientError, ConnectionError) as error:
            end, text = "lost", str(error)
        return Told(end, text, status, time.monotonic() - began_s)


def _body(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": message.model,
        "messages": [{"role": "user", "content": message.text}],
        "stream": message.streams,
    }
    if message.openai:
        body["max_tokens"] = 12
    else:
        body["options"] = {"num_predict": 12}
    return body


def _headers(message: Message) -> dict[str, str]:
    headers = {"X-Hotswap-Deadline": f"{DEADLINE_S:g}"}
    if message.session is not None:
        headers |= {"X-Hotswap-Session": message.session, "Idempotency-Key": message.key}
    return headers


def _judged(status: int, body: bytes, message: Message) -> tuple[End, str]:
    """What the client makes of a whole answer: half a line anywhere is garbage."""
    try:
        if status >= 400:
            return "refused", _sentence(json.loads(body))
        if message.openai:
            return _events(body) if message.streams else ("garbage", "")
        return _lines(body)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        return "garbage", f"{error}: {body[-200:]!r}"


def _lines(body: bytes) -> tuple[End, str]:
    records = [json.loads(line) for line in body.splitlines() if line.strip()]
    last = records[-1]
    if "error" in last:
        return "error", _sentence(last)
    if last["done"] is not True:
        return "garbage", "no last line"
    return "answered", "".join(record["message"]["content"] for record in records)


def _events(body: bytes) -> tuple[End, str]:
    events = [line.removeprefix(b"data: ") for line in body.splitlines() if line.strip()]
    if events[-1] != b"[DONE]":
        return "error", _sentence(json.loads(events[-1]))
    choices = [record["choices"] for record in map(json.loads, events[:-1])]
    return "answered", "".join(choice[0]["delta"].get("content") or "" for choice in choices if choice)


def _sentence(record: dict[str, Any]) -> str:
    """The text of an error; there must be one."""
    error = record["error"]
    text = error["message"] if isinstance(error, dict) else error
    if not isinstance(text, str) or not text:
        raise ValueError("an error without a sentence")
    return text
