"""The end of an answer is held back until it is stored, however the bytes come, and whatever becomes of the disk."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from toolkit.config.remembering import ContextSection
from toolkit.gateway.ask import Ask
from toolkit.gateway.context.composer import Composer
from toolkit.gateway.context.summariser import Summariser
from toolkit.gateway.course import Course
from toolkit.gateway.refusal import Refusal, Why
from toolkit.gateway.remembering import Memory, Remembering
from toolkit.gateway.reply import held
from toolkit.gateway.sessions import SessionStore
from toolkit.ollama.errors import StreamBrokeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from toolkit.gateway.reply import Opened, Reply

LINES = (
    b'{"message":{"role":"assistant","content":"a \\"done\\":true trap "},"done":false}\n',
    b'{"message":{"role":"assistant","content":"and more"},"done":false}\n',
    b'{"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":40,"eval_count":3}\n',
)
WHOLE = b"".join(LINES)


class Answer:
    """A reply of the host in these pieces, and then maybe an end before its time."""

    def __init__(self, ask: Ask, pieces: tuple[bytes, ...], status: int, *, breaks: bool) -> None:
        self.course, self.status, self.content_type = Course(ask, 0), status, "application/x-ndjson"
        self._pieces, self._breaks = iter(pieces), breaks

    async def pour(self, take: Callable[[bytes], bool | None]) -> bool:
        for piece in self._pieces:
            if take(piece):
                return False
        if self._breaks:
            raise StreamBrokeError("the connection broke")
        self.course.outcome = "ok" if self.status == 200 else "error"
        return True


class Host:
    """Answers every request with these pieces."""

    def __init__(self, *pieces: bytes, status: int = 200, breaks: bool = False) -> None:
        self.pieces, self.status, self.breaks = pieces, status, breaks

    @asynccontextmanager
    async def asks(self, ask: Ask, opened: Opened = held) -> AsyncIterator[Answer]:
        answer = Answer(ask, self.pieces, self.status, breaks=self.breaks)
        opened(answer)
        yield answer


@asynccontextmanager
async def remembering(path: Path, host: Host) -> AsyncIterator[tuple[Remembering, SessionStore]]:
    store = SessionStore.open(path / "s.db")
    composer = Composer(ContextSection(), store)
    memory = Memory(store, composer, Summariser(store, composer, None))
    try:
        yield Remembering(host, memory, {}, lambda _: None, lambda: 0), store
    finally:
        await store.aclose()


async def chunks_of(reply: Reply) -> AsyncIterator[bytes]:
    """The pieces one by one, as a client gets them that asks for each."""
    taken: list[bytes] = []

    def take(piece: bytes) -> bool:
        taken.append(piece)
        return True

    is_over = False
    while not is_over:
        is_over = await reply.pour(take)
        while taken:
            yield taken.pop(0)


def ask(*, stream: bool = True) -> Ask:
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}], "stream": stream}
    return Ask("chat", "/api/chat", body, "m", "asked for by name", session="s")


async def full(store: SessionStore) -> None:
    await store.change(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchone())
    await store.change(lambda connection: connection.execute("SELECT 1").fetchone())


@pytest.mark.parametrize("size", [1, 2, 7, 60, 10_000])
async def test_the_last_line_comes_only_when_it_is_stored(tmp_path: Path, size: int) -> None:
    """In whatever pieces the host's bytes come; nothing is added to them and nothing is lost."""
    pieces = tuple(WHOLE[start : start + size] for start in range(0, len(WHOLE), size))
    async with remembering(tmp_path, Host(*pieces)) as (memory, store), memory.asks(ask()) as reply:
        got = b""
        async for chunk in chunks_of(reply):
            got += chunk
            if got.count(b"\n") == len(LINES):
                assert len((await store.history("s")).messages) == 2
        assert got == WHOLE
        assert (await store.history("s")).messages[1].message.content == 'a "done":true trap and more'


async def test_what_is_no_end_is_passed_on_at_once(tmp_path: Path) -> None:
    async with remembering(tmp_path, Host(*LINES)) as (memory, store), memory.asks(ask()) as reply:
        chunks = chunks_of(reply)
        assert [await anext(chunks), await anext(chunks)] == list(LINES[:2])
        assert (await store.history("s")).messages == ()
        assert [chunk async for chunk in chunks] == [LINES[2]]


async def test_a_full_disk_ends_a_stream_with_an_error_in_place_of_its_end(tmp_path: Path) -> None:
    async with remembering(tmp_path, Host(*LINES)) as (memory, store):
        await full(store)
        body = {"model": "m", "messages": [{"role": "user", "content": "x" * 3_000}], "stream": True}
        asked = Ask("chat", "/api/chat", body, "m", "r" * 500_000, session="s")
        async with memory.asks(asked) as reply:
            lines = b"".join([chunk async for chunk in chunks_of(reply)]).splitlines()
        assert b'"done":true}' not in b"".join(lines)
        assert "the disk is full, and nothing of this was stored" in json.loads(lines[-1])["error"]
        assert (await store.history("s")).messages == ()


async def test_a_full_disk_refuses_a_document(tmp_path: Path) -> None:
    async with remembering(tmp_path, Host(WHOLE)) as (memory, store):
        await full(store)
        body = {"model": "m", "messages": [{"role": "user", "content": "x" * 3_000}], "stream": False}
        asked = Ask("chat", "/api/chat", body, "m", "r" * 500_000, session="s")
        with pytest.raises(Refusal, match="the disk is full") as refused:
            async with memory.asks(asked) as reply:
                assert [chunk async for chunk in chunks_of(reply)] == []
        assert refused.value.why is Why.STORE_FAILED


async def test_an_answer_that_breaks_is_kept_as_failed_and_the_error_goes_on(tmp_path: Path) -> None:
    async with remembering(tmp_path, Host(LINES[0], breaks=True)) as (memory, store):
        with pytest.raises(StreamBrokeError):
            async with memory.asks(ask()) as reply:
                assert [chunk async for chunk in chunks_of(reply)]
        assert (await store.history("s")).messages == ()
        (row,) = await store.sessions()
        assert (row.turns, row.messages) == (1, 2)


async def test_what_the_host_refuses_is_passed_on_and_kept_as_failed(tmp_path: Path) -> None:
    document = b'{"error":"model \'m\' not found"}'
    async with remembering(tmp_path, Host(document, status=404)) as (memory, store):
        async with memory.asks(ask()) as reply:
            assert reply.status == 404
            assert [chunk async for chunk in chunks_of(reply)] == [document]
        (row,) = await store.sessions()
        assert (row.turns, row.messages) == (1, 1)


async def test_a_stream_without_an_end_is_no_answer(tmp_path: Path) -> None:
    async with remembering(tmp_path, Host(*LINES[:2])) as (memory, store):
        async with memory.asks(ask()) as reply:
            assert b"".join([chunk async for chunk in chunks_of(reply)]) == LINES[0] + LINES[1]
        assert (await store.history("s")).messages == ()


async def test_a_key_reaches_no_session_of_another(tmp_path: Path) -> None:
    async with remembering(tmp_path, Host(*LINES)) as (memory, store):
        for caller in ("alice", "bob", "anyone"):
            async with memory.asks(replace(ask(), caller=caller)) as reply:
                assert [chunk async for chunk in chunks_of(reply)]
        assert {row.id: row.turns for row in await store.sessions()} == {"alice/s": 1, "bob/s": 1, "s": 1}
        with pytest.raises(Refusal, match="session's id"):
            async with memory.asks(replace(ask(), caller="bob", session="alice/s")):
                pass


async def test_where_no_sessions_are_kept_a_session_is_refused() -> None:
    with pytest.raises(Refusal, match=r"gateway\.sessions\.file"):
        async with Remembering(Host(), None, {}, lambda _: None, lambda: 0).asks(ask()):
            pass
