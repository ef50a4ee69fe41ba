"""Holds N streamed chats all the time, and tells from both ends' own clocks how long the way between them took.

`python tests/benchmarks/stream_client.py URL STREAMS SECONDS [SESSIONS]` talks to `known_times.py`, directly or through
a gateway. The server's last line says when it had read the request, and when it sent the first and the last token. So

    added = (read by the server - sent by the client) + (first token here - first token sent)

is what lies between the two, and nothing of the model's own time. Bare sockets and a protocol: an HTTP library would
measure itself. One JSON line comes out: `added` in ms for each request, when it was sent, when its first token came.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import re
import sys
import time
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import uvloop

WARMUP_S = 3.0
"""Connections are opened, and all streams begin, spread over this time; what was sent in it is left out."""
_FIRST = b'"done":false'
_END = b"0\r\n\r\n"
_MOMENTS = re.compile(rb'"moments":\[(\d+),(\d+),(\d+)\]')
_WORDS = ("window", "river", "please", "explain", "quickly", "green", "seven", "because", "letter", "morning")
_MOST_KEPT = 4096


@dataclass(frozen=True)
class Habits:
    """How the people behind the streams are.

    Answers have so many tokens, evenly distributed, so ends and beginnings come at random moments. Then they rest, by
    default at most for one token's time, so no request comes together with the end of the answer before.
    """

    tokens: tuple[int, int] = (64, 192)
    rest_s: tuple[float, float] = (0.0, 0.025)
    sessions: int | None = None


@dataclass
class Seen:
    """What one client saw of all its requests; times in ms."""

    added: list[float] = field(default_factory=list)
    up: list[float] = field(default_factory=list)
    down: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    sent_ns: list[int] = field(default_factory=list)
    first_ns: list[int] = field(default_factory=list)
    failed: int = 0
    answered: int = 0
    last_failure: str = ""
    under_way: int = 0


class Stream(asyncio.Protocol):
    """One connection, one request after the other."""

    def __init__(self, number: int, host: str, seen: Seen, habits: Habits) -> None:
        self._random = random.Random(number)
        self._host = host
        self._seen = seen
        self._habits = habits
        self._session = None if habits.sessions is None else f"stream-{number % habits.sessions}"
        self._transport: asyncio.Transport | None = None
        self._kept = b""
        self._first_ns = self._token_ns = self._sent_ns = 0
        self.counts = self.stopped = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        if not self.stopped:
            self._seen.failed += 1
            self._seen.last_failure = "the connection was lost"

    def data_received(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        if not self._first_ns and _FIRST in data:
            self._first_ns = now_ns
        if _FIRST in data:
            self._token_ns = now_ns
        self._kept = (self._kept + data)[-_MOST_KEPT:]
        if self._kept.endswith(_END):
            self._ended()

    def stop(self) -> None:
        """Leave."""
        self.stopped = True
        if self._transport is not None:
            self._transport.close()

    def _send(self) -> None:
        if self.stopped or self._transport is None:
            return
        words = " ".join(self._random.choices(_WORDS, k=50))
        body: dict[str, object] = {
            "messages": [{"role": "user", "content": words}],
            "options": {"num_predict": self._random.randint(*self._habits.tokens)},
        }
        if self._session is not None:
            body["session"] = self._session
        data = json.dumps(body).encode()
        head = f"POST /api/chat HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
        self._kept, self._first_ns = b"", 0
        self._measured = self.counts
        self._seen.under_way += 1
        self._sent_ns = time.monotonic_ns()
        self._transport.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)

    def _ended(self) -> None:
        seen, moments = self._seen, _MOMENTS.search(self._kept)
        seen.under_way -= 1
        seen.answered += 1
        if moments is None or not self._first_ns:
            seen.failed += 1
            seen.last_failure = self._kept[-300:].decode("utf-8", "replace")
        elif self._measured and not self.stopped:
            read_ns, first_ns, last_ns = map(int, moments.groups())
            up_ns, down_ns = read_ns - self._sent_ns, self._first_ns - first_ns
            seen.added.append((up_ns + down_ns) / 1e6)
            seen.up.append(up_ns / 1e6)
            seen.down.append(down_ns / 1e6)
            seen.last.append((self._token_ns - last_ns) / 1e6)
            seen.sent_ns.append(self._sent_ns)
            seen.first_ns.append(self._first_ns)
        asyncio.get_running_loop().call_later(self._random.uniform(*self._habits.rest_s), self._send)


async def opened(url: str, streams: int, seen: Seen, habits: Habits, spread_s: float = WARMUP_S) -> list[Stream]:
    """Streams that begin spread over some time; returns at its end."""
    loop, place = asyncio.get_running_loop(), urlsplit(url)
    assert place.hostname is not None
    assert place.port is not None
    made = [Stream(number, place.netloc, seen, habits) for number in range(streams)]
    begin_s = loop.time()
    for number, each in enumerate(made):
        await asyncio.sleep(begin_s + spread_s * number / streams - loop.time())
        await loop.create_connection(lambda each=each: each, place.hostname, place.port)  # type: ignore[misc]  # the default binds it
    await asyncio.sleep(begin_s + spread_s - loop.time())
    return made


async def measure(url: str, streams: int, seconds: float, sessions: int | None) -> tuple[Seen, list[int]]:
    """Hold so many streams for so long; what was seen, and how many were under way at each of many moments."""
    loop, seen = asyncio.get_running_loop(), Seen()
    made = await opened(url, streams, seen, Habits(sessions=sessions))
    held: list[int] = []
    for each in made:
        each.counts = True
    until_s = loop.time() + seconds
    while loop.time() < until_s:
        held.append(seen.under_way)
        await asyncio.sleep(0.1)
    for each in made:
        each.stop()
    await asyncio.sleep(0.1)
    return seen, held


def main() -> None:
    """Measure and print."""
    url, streams, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    sessions = int(sys.argv[4]) if sys.argv[4:] else None
    gc.freeze()
    gc.disable()
    seen, held = uvloop.run(measure(url, streams, seconds, sessions))
    rounded = {name: [round(each, 4) for each in getattr(seen, name)] for name in ("added", "up", "down", "last")}
    moments = {"sent_ns": seen.sent_ns, "first_ns": seen.first_ns}
    json.dump({"streams": streams, "held": min(held), "failed": seen.failed, **rounded, **moments}, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
