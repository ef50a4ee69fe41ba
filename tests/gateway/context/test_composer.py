"""The composition with its surroundings: a session file, search by words and by meaning, summaries in idle time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.gateway.context.stories import user
from tests.gateway.sessions.examples import exchange
from toolkit.config.remembering import ContextSection
from toolkit.errors import HostError, HotswapError, UsageError
from toolkit.gateway.context.composer import Composer, Wanted
from toolkit.gateway.context.embedding import PackagedEmbedder, nearest, packaged_embedder, packed
from toolkit.gateway.context.excerpts import HEADING, fused
from toolkit.gateway.context.parts import WindowReport
from toolkit.gateway.context.summariser import MOST_WAITING, Summariser
from toolkit.gateway.context.summary import due, request_for
from toolkit.gateway.sessions import SessionStore, Summary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from toolkit.ollama.types import ChatMessage

SMALL = Wanted("fast", 1_500, 300)


class Letters:
    """Texts mean the same to it if they begin with the same letter."""

    model = "letters"

    def __init__(self, delay_s: float = 0.0, *, fails: bool = False) -> None:
        self.delay_s, self.fails, self.asked = delay_s, fails, 0

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        self.asked += 1
        if self.fails:
            raise HostError("no host")
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        return [[float(text[:1].lower() == letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]


class Notes:
    """Writes a summary that says what it was given."""

    model = "fast"
    room_tokens = 4_000

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def write(self, messages: Sequence[ChatMessage], most_tokens: int) -> str:
        self.asked.append(messages[-1].content)
        return f"notes {len(self.asked)}, at most {most_tokens}"


@asynccontextmanager
async def a_session(path: Path, turns: int = 40) -> AsyncIterator[SessionStore]:
    """A long talk about potatoes that began with a cat."""
    store = SessionStore.open(path)
    try:
        for number in range(turns):
            text = "Zoe, my cat, is black." if number == 0 else f"Potatoes need salt and water, round {number}. " * 3
            async with store.turn("s") as turn:
                await turn.record(exchange(text, f"Indeed, that is so, {number}. " * 3))
        yield store
    finally:
        await store.aclose()


def told(composition: Any) -> str:
    return next((each.content for each in composition.messages if each.content.startswith(HEADING)), "")


async def test_older_messages_are_found_by_words(tmp_path: Path) -> None:
    async with a_session(tmp_path / "s.db") as store:
        composer = Composer(ContextSection(), store)
        composition = await composer.compose(await store.history("s"), [user("Which colour has my cat?")], SMALL)
        assert "user: Zoe, my cat, is black." in told(composition)
        short = await composer.compose(await store.history("s"), [user("Which cat?")], Wanted("fast", 100_000, 300))
        assert short.report.window.dropped == 32  # there is room, but 64 are the most, and half of them go at once


async def test_and_by_meaning_where_there_is_an_embedder(tmp_path: Path) -> None:
    """`Zebra` shares no word with `Zoe`, and means the same to one who knows the first letter only."""
    async with a_session(tmp_path / "s.db") as store:
        composer = Composer(ContextSection(), store, Letters())
        question = [user("zebra")]
        assert told(await composer.compose(await store.history("s"), question, SMALL)) == ""
        made = [await composer.embed_session("s", 32) for _ in range(4)]
        assert made == [32, 32, 16, 0]
        composition = await composer.compose(await store.history("s"), question, SMALL)
        assert told(composition) == f"{HEADING}\n- user: Zoe, my cat, is black."


@pytest.mark.parametrize("embedder", [Letters(30.0), Letters(fails=True)])
async def test_an_embedder_that_is_slow_or_fails_delays_no_answer(tmp_path: Path, embedder: Letters) -> None:
    async with a_session(tmp_path / "s.db") as store:
        await Composer(ContextSection(), store, Letters()).embed_session("s")
        composition = await Composer(ContextSection(), store, embedder).compose(
            await store.history("s"), [user("zebra cat")], SMALL
        )
        assert embedder.asked == 1
        assert "my cat" in told(composition)  # by words


def test_vectors_of_another_model_or_none_at_all_are_left_out() -> None:
    question = packed([1.0, 0.0])
    assert question is not None
    assert packed([0.0, 0.0]) is None
    assert packed([float("nan")]) is None
    vectors = [(1, packed([3.0, 0.1])), (2, packed([0.0, 1.0])), (3, packed([1.0, 0.0, 0.0])), (4, packed([9.0, 9.0]))]
    found = nearest(question, [(position, data) for position, data in vectors if data is not None], 5)
    assert [position for position, _ in found] == [1, 4]
    assert nearest(question, [], 5) == ()


def test_rankings_are_fused_by_rank_not_by_score() -> None:
    assert list(fused([[7, 3], [3, 9]])) == [3, 7, 9]


def test_without_the_extra_the_packaged_model_is_one_clear_sentence() -> None:
    with pytest.raises(UsageError, match=r"needs the extra \[semantic\].*or write search: words"):
        packaged_embedder()


class Encoder:
    """In the place of the packaged model; `broken` as torch is without its libraries."""

    def __init__(self, *, broken: bool = False) -> None:
        self.loads = 0
        self._broken = broken

    def load(self) -> Encoder:
        self.loads += 1
        if self._broken:
            raise OSError("libcudart.so.13: cannot open shared object file")
        return self

    def encode(self, texts: list[str], *, show_progress_bar: bool) -> list[list[float]]:
        assert not show_progress_bar
        return [[float(text.lower().count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]


async def test_the_packaged_model_is_loaded_once_when_it_is_first_used() -> None:
    encoder = Encoder()
    embedder = PackagedEmbedder(encoder.load)
    assert encoder.loads == 0
    (vector,), (other,) = await asyncio.gather(embedder.embed(["abba"]), embedder.embed(["c"]))
    assert (vector[:3], other[:3]) == ([2.0, 2.0, 0.0], [0.0, 0.0, 1.0])
    assert encoder.loads == 1


async def test_a_packaged_model_that_does_not_work_says_why_and_words_do() -> None:
    embedder = PackagedEmbedder(Encoder(broken=True).load)
    with pytest.raises(HotswapError, match=r"does not work here \(OSError: libcudart.*search: words"):
        await embedder.embed(["x"])


async def test_tokens_are_learned_and_outlive_the_process(tmp_path: Path) -> None:
    async with a_session(tmp_path / "s.db", 3) as store:
        composer = Composer(ContextSection(), store)
        composition = await composer.compose(await store.history("s"), [user("x")], SMALL)
        composer.learn("fast", composition.report, 700)
        assert composer.book.of("fast").bound(composition.report.weight) >= 700
        async with store.turn("s") as turn:
            await turn.record(exchange("x", prompt_weight=composition.report.weight, prompt_tokens=700))
        other = Composer(ContextSection(), store)
        await other.recall()
        assert other.book.of("fast") == composer.book.of("fast")


async def test_what_falls_out_is_summarised_before_it_does(tmp_path: Path) -> None:
    """As often as the window moves, each summary out of the one before it; and then it is sent."""
    async with a_session(tmp_path / "s.db") as store:
        notes = Notes()
        composer = Composer(ContextSection(), store)
        summariser = Summariser(store, composer, notes)
        first = await composer.compose(await store.history("s"), [user("and?")], SMALL)
        assert first.report.window.untold > 0
        summariser.offer("s", first.report.window)
        while await summariser.work_once():
            pass
        assert notes.asked
        assert "Zoe, my cat" in notes.asked[0]
        assert all("notes 1" in asked for asked in notes.asked[1:2])
        second = await composer.compose(await store.history("s"), [user("and?")], SMALL)
        assert second.report.window.untold == 0
        assert second.report.summary_through is not None
        assert "## What was said before, in short\nnotes" in second.messages[0].content
        asked = len(notes.asked)
        summariser.offer("s", second.report.window)
        while await summariser.work_once():
            pass
        assert len(notes.asked) == asked  # nothing is told twice


async def test_a_summary_that_fails_or_a_session_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    class Broken(Notes):
        async def write(self, messages: Sequence[ChatMessage], most_tokens: int) -> str:  # noqa: ARG002 - it fails
            raise HostError("no host")

    async with a_session(tmp_path / "s.db") as store:
        composer = Composer(ContextSection(), store)
        summariser = Summariser(store, composer, Broken())
        window = (await composer.compose(await store.history("s"), [user("x")], SMALL)).report.window
        summariser.offer("s", window)
        summariser.offer("gone", window)
        assert await summariser.work_once()
        with pytest.raises(HostError):
            await summariser.work_once()
        assert not await summariser.work_once()
        for number in range(MOST_WAITING + 9):
            summariser.offer(str(number), window)
        assert summariser.waiting == MOST_WAITING


async def test_a_long_job_is_told_in_pieces(tmp_path: Path) -> None:
    async with a_session(tmp_path / "s.db") as store:
        history = await store.history("s")
    window = WindowReport(60, 70, 0.2, 60, 60)
    job = due(history, window)
    assert job is not None
    assert (job.messages[0].position, job.through) == (0, 59)
    asked = request_for(job, 500, 100)
    assert asked is not None
    assert 0 < asked[0].through < 59
    assert request_for(job, 50, 100) is None
    nearly_full = due(history, WindowReport(0, 10, 0.9, 0, 0))
    assert nearly_full is not None
    assert nearly_full.through == 9
    assert due(history, WindowReport(0, 10, 0.3, 0, 0)) is None
    assert Summary(1, "", "", 0).through == 1
