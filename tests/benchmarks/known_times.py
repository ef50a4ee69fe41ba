"""A server that streams chat answers at known times and says when it sent what; no more, so that it costs little.

`python tests/benchmarks/known_times.py URL_FILE` serves on a free loopback port. The last line of an answer carries, in
place of the server's counters, moments on the machine's monotonic clock: `prompt_eval_duration` when the request was
read, `prompt_eval_count` when the first token was sent, `eval_duration` when the last one was.

`GET /known/own` says how much processor time the server has used, and how late it sent first tokens (p99): a client
cannot be judged by a server that is behind itself.

`… URL_FILE FIRST_S GAP_S` sets the pace of the tokens. The counters are then such as a server gives, and the moments
stand in a field of their own, `moments`: read, first, last. A request's `num_predict` is the number of its tokens.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import uvloop

TOKENS = 33
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
SHAPE = b'{"model":"m:1b","created_at":"2026-11-22T20:48:51.844897690Z","message":{"role":"assistant","content":"'
TOKEN = SHAPE + b' token"},"done":false}\n'
PIECE = b"%x\r\n%s\r\n" % (len(TOKEN), TOKEN)
LAST = SHAPE + (
    b'"},"done":true,"done_reason":"stop","total_duration":1,"load_duration":3000000,'
    b'"prompt_eval_duration":%d,"prompt_eval_count":%d,"eval_duration":%d,"eval_count":%d%s}\n'
)
MODELS = (b"m:1b", b"code:1b", b"fast:1b")
DIGEST = b"0" * 64
_ASKED = re.compile(rb'"num_predict": ?(\d+)')


@dataclass(frozen=True)
class Pace:
    """When tokens come: the first so long after the request, the others so long after the one before."""

    first_s: float = 0.02137  # in no simple proportion to any rate of arrivals
    gap_s: float = 0.00831
    in_counters: bool = True


class Answering(asyncio.Protocol):
    """One connection; one request at a time on it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pace: Pace, late_s: list[float]) -> None:
        self._loop = loop
        self._pace = pace
        self._late_s = late_s
        self._held = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._fd = transport.get_extra_info("socket").fileno()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, end, body = self._held.partition(b"\r\n\r\n")
        if not end:
            return
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if len(body) < int(length or b"0"):
            return
        self._held = b""
        if head.startswith(b"POST /api/chat"):
            self._read_ns = time.monotonic_ns()
            self._sent = 0
            asked = _ASKED.search(body)
            self._tokens = TOKENS if asked is None else int(asked[1])
            self._prompt_tokens = len(body) // 4
            self._next_s = self._loop.time() + self._pace.first_s
            self._loop.call_at(self._next_s, self._tick)
        else:
            self._plain(head)

    def _plain(self, head: bytes) -> None:
        path = head.split(b" ", 2)[1]
        row = b'{"name":"%s","model":"%s","digest":"%s","size":9,"size_vram":9,"context_length":8192,"details":{}}'
        models = b'{"models":[%s]}' % b",".join(row % (name, name, DIGEST) for name in MODELS)
        answers = {b"/api/version": b'{"version":"0.32.15"}', b"/api/ps": models, b"/api/tags": models}
        if path == b"/known/own":
            answers[path] = json.dumps({"cpu_s": time.process_time(), "late_ms": _p99_ms(self._late_s)}).encode()
        body = answers.get(path, b'{"model":"m:1b","done":true,"done_reason":"unload"}')
        assert self._transport is not None
        kind = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(kind % len(body) + body)

    def _tick(self) -> None:
        transport = self._transport
        if transport is None:
            return
        if self._sent == 0:
            self._first_ns = time.monotonic_ns()
            self._late_s.append(time.monotonic() - self._next_s)
            self._write(transport, HEAD + PIECE)
        elif self._sent < self._tokens:
            if self._sent == self._tokens - 1:
                self._last_ns = time.monotonic_ns()
            self._write(transport, PIECE)
        else:
            last = self._last_line()
            self._write(transport, b"%x\r\n%s\r\n0\r\n\r\n" % (len(last), last))
            return
        self._sent += 1
        self._next_s += self._pace.gap_s
        self._loop.call_at(self._next_s, self._tick)

    def _write(self, transport: asyncio.Transport, data: bytes) -> None:
        """At once: the loop would write at the end of its turn, behind all others, and the moment would be wrong."""
        try:
            sent = os.write(self._fd, data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            transport.write(data[sent:])

    def _last_line(self) -> bytes:
        moments = self._read_ns, self._first_ns, self._last_ns
        if self._pace.in_counters:
            return LAST % (*moments, self._tokens, b"")
        prompt_ns, answer_ns = self._first_ns - self._read_ns, self._last_ns - self._first_ns
        moments_json = b',"moments":[%d,%d,%d]' % moments
        return LAST % (prompt_ns, self._prompt_tokens, answer_ns, self._tokens, moments_json)


def _p99_ms(times_s: list[float]) -> float | None:
    return round(1e3 * sorted(times_s)[int(0.99 * len(times_s))], 3) if times_s else None


async def serve(ready: Path, pace: Pace) -> None:
    loop = asyncio.get_running_loop()
    late_s: list[float] = []
    server = await loop.create_server(lambda: Answering(loop, pace, late_s), "127.0.0.1", 0, backlog=4096)
    beside = ready.with_suffix(".new")
    beside.write_text(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n", encoding="utf-8")
    beside.replace(ready)
    await server.serve_forever()


if __name__ == "__main__":
    given = sys.argv[2:]
    paced = Pace(float(given[0]), float(given[1]), in_counters=False) if given else Pace()
    uvloop.run(serve(Path(sys.argv[1]), paced))
