"""What a session promises: everything is kept, in order, for whichever model answers next."""

from __future__ import annotations

import asyncio
import stat
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.gateway.sessions.examples import NS_PER_S, STARTED_NS, TOOL_RESULT, WITH_EVERYTHING, exchange
from toolkit.errors import UsageError
from toolkit.gateway.sessions import SessionsError, SessionsFullError, SessionStore, Summary
from toolkit.gateway.sessions.reading import read_turns
from toolkit.gateway.sessions.searching import MOST_RANKED
from toolkit.ollama.types import ChatMessage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from toolkit.gateway.sessions.records import Hit, Said


@asynccontextmanager
async def opened(path: Path, **more: Any) -> AsyncIterator[SessionStore]:
    store = SessionStore.open(path, **more)
    try:
        yield store
    finally:
        await store.aclose()


async def said(store: SessionStore, session: str, *texts: str) -> None:
    for text in texts:
        async with store.turn(session) as turn:
            await turn.record(exchange(text, f"answer to {text}"))


def contents(history: Any) -> list[str]:
    return [each.message.content for each in history.messages]


async def test_the_next_turn_sees_what_was_said_and_an_opened_file_too(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        await said(store, "a", "one", "two")
        async with store.turn("a") as turn:
            assert contents(turn.history) == ["one", "answer to one", "two", "answer to two"]
        async with store.turn("b") as turn:
            assert turn.history.messages == ()
    async with opened(tmp_path / "s.db") as store:
        assert contents(await store.history("a")) == ["one", "answer to one", "two", "answer to two"]


async def test_every_field_comes_back_as_it_was(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        for each in (WITH_EVERYTHING, TOOL_RESULT):
            async with store.turn("a") as turn:
                assert turn.number is None
                await turn.record(each)
        history = await store.history("a")
        assert history.system == "Be brief."
        assert [each.message for each in history.messages] == [
            *WITH_EVERYTHING.said,
            WITH_EVERYTHING.answer,
            *TOOL_RESULT.said,
            TOOL_RESULT.answer,
        ]
        assert [each.position for each in history.messages] == [0, 1, 2, 3, 4]
        first, second = await store.change(lambda connection: list(read_turns(connection, "a")))
    assert (first.number, first.exchange, first.positions) == (0, WITH_EVERYTHING, (0, 1, 2))
    assert (second.number, second.exchange, second.positions) == (1, TOOL_RESULT, (3, 4))


async def test_text_that_utf8_cannot_hold_does_not_lose_the_answer(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        async with store.turn("a") as turn:
            await turn.record(exchange("half \ud83d of a pair", "fine\0 too"))
        assert contents(await store.history("a")) == ["half ? of a pair", "fine\0 too"]


async def test_what_was_not_answered_is_kept_but_no_history(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        async with store.turn("a") as turn:
            await turn.record(exchange("lost", "half an ans", outcome="cancelled"))
        async with store.turn("a") as turn:
            await turn.record(exchange("broken", None, outcome="failed", error="the host is gone"))
        await said(store, "a", "one")
        history = await store.history("a")
        turns = await store.change(lambda connection: list(read_turns(connection, "a")))
        assert await store.search("half") == ()
    assert contents(history) == ["one", "answer to one"]
    assert history.messages[-1].end_bytes == len("one" + "answer to one")
    assert [turn.exchange.outcome for turn in turns] == ["cancelled", "failed", "answered"]
    assert turns[1].exchange.error == "the host is gone"


async def test_requests_of_one_session_are_answered_in_the_order_of_their_arrival(tmp_path: Path) -> None:
    """Each sees all answers before its own, although all came at once and the first are the slowest."""
    seen: dict[int, int] = {}

    async def ask(store: SessionStore, number: int) -> None:
        async with store.turn("a") as turn:
            seen[number] = len(turn.history.messages)
            for _ in range(20 - number):
                await asyncio.sleep(0)
            await turn.record(exchange(str(number)))

    async with opened(tmp_path / "s.db") as store:
        await asyncio.gather(*(ask(store, number) for number in range(20)))
        history = await store.history("a")
    assert seen == {number: 2 * number for number in range(20)}
    assert contents(history)[::2] == [str(number) for number in range(20)]


async def test_another_session_does_not_wait(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store, store.turn("a"):
        await asyncio.wait_for(said(store, "b", "one"), 10)


async def test_a_client_that_leaves_gives_its_turn_away(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        entered = asyncio.Event()

        async def stay() -> None:
            async with store.turn("a"):
                entered.set()
                await asyncio.Event().wait()

        async def wait() -> None:
            async with store.turn("a"):
                raise AssertionError

        holder = asyncio.create_task(stay())
        await entered.wait()
        waiter = asyncio.create_task(wait())
        await asyncio.sleep(0)
        waiter.cancel()
        holder.cancel()
        await asyncio.gather(waiter, holder, return_exceptions=True)
        await asyncio.wait_for(said(store, "a", "next"), 10)
        assert contents(await store.history("a")) == ["next", "answer to next"]


async def test_a_client_that_leaves_while_its_answer_is_stored_does_not_undo_it(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        begun = asyncio.Event()

        async def ask() -> None:
            async with store.turn("a") as turn:
                begun.set()
                await turn.record(exchange("one"))

        client = asyncio.create_task(ask())
        await begun.wait()
        await asyncio.sleep(0)
        client.cancel()
        with pytest.raises(asyncio.CancelledError):
            await client
        async with store.turn("a") as turn:  # the turn came only when that was on the disk
            assert contents(turn.history) == ["one", "yes"]


async def test_a_request_that_comes_again_is_known(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        async with store.turn("a", "key-1") as turn:
            assert turn.answered is None
            await turn.record(exchange("one", "first", request_key="key-1"))
        async with store.turn("a", "key-1") as turn:
            assert turn.answered is not None
            assert turn.answered.exchange.answer is not None
            assert turn.answered.exchange.answer.content == "first"
        async with store.turn("b", "key-1") as turn:
            assert turn.answered is None
        async with store.turn("a") as turn:
            with pytest.raises(SessionsError, match="UNIQUE"):
                await turn.record(exchange("one", "second", request_key="key-1"))
        assert contents(await store.history("a")) == ["one", "first"]


@pytest.mark.parametrize("bad", ["", " ", "/x", "x/", "a b", "é", "a" * 129, "-x", "a\n"])
async def test_an_id_that_is_none_is_refused(tmp_path: Path, bad: str) -> None:
    async with opened(tmp_path / "s.db") as store:
        with pytest.raises(UsageError, match="session's id"):
            async with store.turn(bad):
                pass


async def test_only_the_newest_are_read_and_the_others_counted(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db", history_messages=4) as store:
        await said(store, "a", *map(str, range(5)))
        history = await store.history("a")
    assert contents(history) == ["3", "answer to 3", "4", "answer to 4"]
    assert history.omitted == 6


async def test_search_finds_words_phrases_and_accents_and_no_query_is_an_error(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        await said(store, "a", "The Café in Zürich opens at nine", "nothing here")
        await said(store, "b", "at nine the cafe closes")
        hits = await store.search("cafe nine")
        assert {hit.session_id for hit in hits} == {"a", "b"}
        assert [hit.position for hit in await store.search('"opens at"')] == [0, 1]
        assert "[Café]" in hits[0].snippet or "[cafe]" in hits[0].snippet
        for odd in (
            '"',
            "AND",
            "a OR (",
            "content:x",
            "*",
            "NEAR(",
            "nine*",
            "';DROP TABLE messages;--",
            "\0",
            "^",
            "{}",
        ):
            assert isinstance(await store.search(odd), tuple)
        assert len(await store.search("nine", 1)) == 1
        related = await store.related("b", "when does the cafe open?", 5)
        assert [each.content for each in related] == ["at nine the cafe closes", "answer to at nine the cafe closes"]


def turns_of(hits: tuple[Hit | Said, ...]) -> list[int]:
    """The turns that were hit, each once; an answer here repeats its question."""
    return list(dict.fromkeys(hit.position // 2 for hit in hits))


async def test_scripts_without_spaces_are_found_by_parts_of_their_runs(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        cat, dentist = "我的猫叫米卡", "明天九点去看牙医"
        await said(store, "a", cat, "fine 👍", dentist)
        await said(store, "b", "私の姉はリヨンに住んでいます")
        assert turns_of(await store.search("米卡")) == [0]
        assert await store.search("米卡 牙医") == ()
        assert {hit.session_id for hit in await store.search("リヨン")} == {"b"}
        assert turns_of(await store.related("a", "几点去看牙医", 5)) == [2]
        assert turns_of(await store.related("a", "猫", 5)) == [0]
        assert await store.related("a", "👍👍", 5) == ()


async def test_words_that_every_question_has_find_nothing_by_themselves(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        await said(store, "a", "We paint the kitchen green", "The dentist expects me at nine")
        assert await store.related("a", "What did you say about that?", 5) == ()
        assert turns_of(await store.related("a", "When does the dentist want me?", 5)) == [1]


async def test_what_matters_is_sought_in_one_session_and_only_before_a_position(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        await said(store, "a", "a green window", "green and green, and a river", "the river is green")
        await said(store, "b", "a green river")
        assert turns_of(await store.related("a", "Green?", 6)) == [1, 0, 2]
        assert turns_of(await store.related("a", "Green river?", 6, before=4)) == [1, 0]
        assert await store.related("nobody", "Green?", 6) == ()


async def test_where_a_word_is_everywhere_the_rare_ones_find_what_is_old(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        async with store.turn("a") as turn:
            await turn.record(exchange("the cat is called Minka", "noted"))
        async with store.turn("a") as turn:  # one turn may bring many messages, and is stored at once
            more = [ChatMessage("user", f"number {each} has no name") for each in range(MOST_RANKED)]
            await turn.record(replace(exchange("x", "noted"), said=tuple(more)))
        (first, *_) = await store.related("a", "which name or number has the cat?", 5)
        assert first.position == 0
        assert len(await store.related("a", "number?", 5)) == 5


async def test_a_removed_session_leaves_nothing_behind(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        await said(store, "a", "zanzibar")
        await said(store, "b", "one")
        assert await store.add_summary("a", Summary(1, "about an island", "fast", 1))
        assert await store.remove("a")
        assert not await store.remove("a")
        assert await store.search("zanzibar") == ()
        assert (await store.history("a")).messages == ()
        assert not await store.add_summary("a", Summary(1, "too late", "fast", 1))
        assert [row.id for row in await store.sessions()] == ["b"]


async def test_retention_takes_what_was_not_used(tmp_path: Path) -> None:
    now = [STARTED_NS]
    async with opened(tmp_path / "s.db", clock_ns=lambda: now[0]) as store:
        await said(store, "old", "one")
        now[0] += 10 * NS_PER_S
        await said(store, "new", "one")
        assert await store.remove_unused(20 * NS_PER_S) == ()
        assert await store.remove_unused(5 * NS_PER_S) == ("old",)
        assert [row.id for row in await store.sessions()] == ["new"]


async def test_the_list_says_who_answered_and_what_it_began_with(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        for model in ("fast", "big", "big"):
            async with store.turn("a") as turn:
                await turn.record(exchange("How do I\nboil " + "very " * 20 + "hard eggs?", "so", model=model))
        (row,) = await store.sessions()
    assert (row.turns, row.messages, row.models) == (3, 6, (("big", 2), ("fast", 1)))
    assert row.title.startswith("How do I boil very")
    assert row.title.endswith("…")


async def test_a_full_disk_is_one_clear_error_and_over_when_there_is_room(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        await said(store, "a", "before")
        await store.change(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchone())
        async with store.turn("a") as turn:
            with pytest.raises(SessionsFullError, match="the disk is full, and nothing of this was stored"):
                await turn.record(exchange("x" * 200_000))
        await store.change(lambda connection: connection.execute("PRAGMA max_page_count = 100000").fetchone())
        await said(store, "a", "after")
        assert contents(await store.history("a")) == ["before", "answer to before", "after", "answer to after"]


async def test_a_change_that_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        results = await asyncio.gather(
            said(store, "a", "one"),
            store.change(lambda _: 1 // 0),
            store.change(lambda connection: connection.execute("INSERT INTO sessions (key) VALUES (NULL)")),
            said(store, "b", "two"),
            return_exceptions=True,
        )
        assert [type(each).__name__ for each in results] == [
            "NoneType",
            "ZeroDivisionError",
            "SessionsError",
            "NoneType",
        ]
        assert {row.id for row in await store.sessions()} == {"a", "b"}


async def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    async with opened(tmp_path / "deep" / "s.db") as store:
        await said(store, "a", "one")
        modes = [stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "deep").iterdir()]
    assert len(modes) == 3
    assert set(modes) == {0o600}


async def test_after_the_end_nothing_is_taken(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        pass
    with pytest.raises(SessionsError, match="closed already"):
        await store.change(lambda _: None)
