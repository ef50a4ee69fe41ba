"""The load engine against a scripted host: who is asked when, who gives up, what is recorded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.ollama.fake_host import FakeHost, Seen, Wire, chat_line, last_line
from tests.replay.load_parts import MS, S, plan, play, request
from toolkit.replay.terms import LoadTerms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from toolkit.replay.records import Run

PS: dict[str, list[object]] = {"models": []}


def host(chat: Callable[[Seen, Wire], Awaitable[None]]) -> FakeHost:
    """Answers /api/ps and /api/version, and chats as the script says."""

    async def script(seen: Seen, wire: Wire) -> None:
        if seen.path == "/api/chat":
            await chat(seen, wire)
        else:
            await wire.record(PS if seen.path == "/api/ps" else {"version": "0.32.15"})

    return FakeHost(script)


async def quick(_: Seen, wire: Wire) -> None:
    await wire.head()
    await wire.line(chat_line("Hel"))
    await wire.line(chat_line("lo"))
    await wire.line(last_line())
    await wire.end()


async def never(_: Seen, wire: Wire) -> None:
    await wire.gone()


async def half(_: Seen, wire: Wire) -> None:
    await wire.head()
    await wire.line(chat_line("Hel"))
    await wire.gone()


def chats(served: FakeHost) -> list[Seen]:
    return [seen for seen in served.seen if seen.path == "/api/chat"]


def outcomes(run: Run) -> dict[str, str]:
    return {record.id: record.outcome for record in run.records}


async def test_every_request_is_kept_with_every_time() -> None:
    async with host(quick) as served:
        run = await play(served.url, plan(request("a", 0), request("b", 5), request("c", after="a", think_ms=20)))
    assert outcomes(run) == {"a": "ok", "b": "ok", "c": "ok"}
    assert run.complete
    for record in run.records:
        assert record.sent_ns is not None
        assert record.token_ns is not None
        assert record.done_ns is not None
        assert len(record.token_ns) == 2
        assert record.intended_ns <= record.sent_ns <= record.token_ns[0] <= record.token_ns[1] <= record.done_ns
        assert record.first_token_ns == record.token_ns[0]
        assert (record.phase, record.temperature, record.output_tokens) == ("measure", "hit", 3)
    first, _, last = run.records
    assert last.intended_ns >= (first.done_ns or 0) + 20 * MS
    assert run.client is not None


async def test_an_open_loop_sends_whatever_the_host_does() -> None:
    """Nothing is answered until the last request has arrived: a client that waits would never send it."""
    came = asyncio.Event()
    waiting = 0

    async def chat(seen: Seen, wire: Wire) -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 20:
            came.set()
        await came.wait()
        await quick(seen, wire)

    async with host(chat) as served:
        run = await play(served.url, plan(*(request(str(number), number) for number in range(20))))
    assert set(outcomes(run).values()) == {"ok"}


async def test_a_deadline_is_a_failure_and_counts_from_the_intention() -> None:
    async with host(half) as served:
        run = await play(served.url, plan(request("a", 0)), LoadTerms(deadline_ns=80 * MS))
    (record,) = run.records
    assert record.outcome == "failed"
    assert record.error == "no whole answer within its deadline of 0.08 s"
    assert record.deadline_ns == 80 * MS
    assert record.sent_ns is not None
    assert record.done_ns is None


async def test_who_has_no_token_when_the_patience_ends_leaves_and_who_has_one_stays() -> None:
    gone = asyncio.Event()

    async def chat(seen: Seen, wire: Wire) -> None:
        if "leaves" in seen.json["messages"][0]["content"]:
            await wire.gone()
            gone.set()
            return
        await wire.head()
        await wire.line(chat_line("Hel"))
        await gone.wait()
        await asyncio.sleep(0.02)
        await wire.line(last_line())
        await wire.end()

    both = plan(
        request("leaves", 0, text="leaves", patience_ms=120), request("stays", 0, text="stays", patience_ms=120)
    )
    async with host(chat) as served:
        run = await play(served.url, both)
        await asyncio.wait_for(gone.wait(), 10)
    assert outcomes(run) == {"leaves": "cancelled", "stays": "ok"}
    assert run.records[0].error == "left after 0.12 s without a first token"


async def test_the_drain_has_an_end() -> None:
    async with host(never) as served:
        run = await play(served.url, plan(request("a", 0), request("b", 10)), LoadTerms(drain_ns=60 * MS))
    assert outcomes(run) == {"a": "unanswered", "b": "unanswered"}
    assert all(record.error == "still under way when the drain was over" for record in run.records)
    assert run.complete


async def test_after_the_stop_only_conversations_go_on_and_each_phase_is_labelled() -> None:
    requests = (
        request("cold", 0),
        request("talk", 50, session="s", text="one"),
        request("turn", after="talk", think_ms=100, session="s", text="two"),
        request("next", after="cold", think_ms=400),
        request("late", 300),
    )
    async with host(quick) as served:
        run = await play(served.url, plan(*requests), LoadTerms(warmup_ns=40 * MS, stop_ns=100 * MS, drain_ns=S))
    assert {record.id: record.phase for record in run.records} == {"cold": "warmup", "talk": "measure", "turn": "drain"}


async def test_lateness_in_the_warm_up_makes_no_run_void() -> None:
    """The only request is sent half a second late, and in no figure; so the self-check leaves it out, too."""
    async with host(quick) as served:
        run = await play(served.url, plan(request("cold", 0)), LoadTerms(warmup_ns=S), began_ns_ago=S // 2)
    assert run.client is not None
    assert (run.records[0].sent_ns or 0) >= S // 2
    assert run.client.schedule_lag_max_ns == 0


async def test_a_conversation_brings_its_history() -> None:
    talk = plan(request("a", 0, session="s", text="one"), request("b", after="a", session="s", text="two"))
    async with host(quick) as served:
        await play(served.url, talk)
        _, second = chats(served)
    assert [message["content"] for message in second.json["messages"]] == ["one", "Hello", "two"]


async def test_a_full_queue_and_a_broken_stream_are_told_apart() -> None:
    async def chat(seen: Seen, wire: Wire) -> None:
        if len(chats(served)) == 1:
            await wire.record({"error": "server busy"}, 503)
        else:
            await wire.head()
            await wire.line(chat_line("Hel"))
            wire.close()
        del seen

    async with host(chat) as served:
        run = await play(served.url, plan(request("a", 0), request("b", 50)))
    assert outcomes(run) == {"a": "rejected", "b": "failed"}
    assert run.records[1].first_token_ns is not None
    assert run.complete  # the host still answers: it was a bad moment, not its end


async def test_who_comes_while_another_waits_for_the_load_has_joined() -> None:
    both_here = asyncio.Event()

    async def chat(_: Seen, wire: Wire) -> None:
        if len(chats(served)) == 2:
            both_here.set()
        await both_here.wait()
        await wire.head()
        await wire.line(chat_line("Hel"))
        await wire.line(last_line(load_duration=500 * MS))
        await wire.end()

    async with host(chat) as served:
        run = await play(served.url, plan(request("a", 0), request("b", 20)))
    assert [record.temperature for record in run.records] == ["cold", "joined"]


async def test_memory_is_looked_at_before_a_request_only_for_strategies_that_read_it() -> None:
    class Reads:
        name = "reads"
        reads_memory = True

        def __init__(self) -> None:
            self.seen: list[int] = []

        def before(self, access: object, view: object) -> Directive:
            del access, view
            return Directive()

        def after(self, access: object, answer: object) -> None:
            """Nothing to learn."""

    from toolkit.cache.strategy import Directive  # noqa: PLC0415 - only this test needs it

    many = plan(*(request(str(number), number) for number in range(30)))
    async with host(quick) as served:
        await play(served.url, many)
        blind = sum(seen.path == "/api/ps" for seen in served.seen)
        await play(served.url, many, strategy=Reads())
        looking = sum(seen.path == "/api/ps" for seen in served.seen) - blind
    assert blind < 10
    assert looking >= 30


async def test_an_interrupted_run_keeps_what_it_has() -> None:
    arrived = asyncio.Event()

    async def chat(_: Seen, wire: Wire) -> None:
        arrived.set()
        await wire.gone()

    async with host(chat) as served:
        task = asyncio.create_task(play(served.url, plan(request("a", 0), request("b", 60_000))))
        await arrived.wait()
        task.cancel()
        run = await task
    assert outcomes(run) == {"a": "cancelled"}
    assert not run.complete
