"""`LLMClient` with the real router, cache manager and client, against a host on loopback that keeps models in mind."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.ollama.fake_host import FakeHost, Seen, Wire, chat_line, last_line
from toolkit.cache.manager import CacheManager
from toolkit.cache.registry import StrategyContext, build_strategy
from toolkit.cache.room import SlotRoom
from toolkit.cache.strategy import Access, Answer, Directive, HostView
from toolkit.errors import InputError
from toolkit.llm.client import LLMClient
from toolkit.llm.parts import Question
from toolkit.ollama.client import OllamaClient
from toolkit.ollama.errors import ModelMissingError, UnreachableError
from toolkit.ollama.timeouts import Timeouts
from toolkit.ollama.types import ChatMessage
from toolkit.replay.make_room import Patience
from toolkit.routing.router import Router, Rule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from toolkit.llm.parts import Cache

QUICK = Patience(poll_ns=1_000_000, settle_ns=0, limit_ns=5_000_000_000)
ROUTER = Router([Rule("(?i)rust", "coder:16b")], {"primary": "big:32b", "fast": "small:7b"})
LOAD_NS, RESIDENT_NS = 2_000_000_000, 3_000_000


class SmallHost:
    """As many models as it has places; the counters say whether the model was there. Its answers echo the prompt."""

    def __init__(self, places: int = 3) -> None:
        self.loaded: list[str] = []
        self.log: list[str] = []
        self.places = places
        self.missing: set[str] = set()
        self.hold = asyncio.Event()
        self.hold.set()
        self.asked = asyncio.Event()

    async def script(self, seen: Seen, wire: Wire) -> None:
        if seen.path == "/api/ps":
            rows = [{"name": name, "size": 2, "size_vram": 2, "digest": name} for name in self.loaded]
            await wire.record({"models": rows})
            return
        body = seen.json
        model = body["model"]
        if model in self.missing:
            await wire.record({"error": f"model '{model}' not found"}, 404)
        elif seen.path == "/api/generate":
            await self._steer(wire, model, unloads=body.get("keep_alive") == 0)
        else:
            await self._chat(wire, model, body)

    async def _steer(self, wire: Wire, model: str, *, unloads: bool) -> None:
        self.log.append(f"{'unload' if unloads else 'load'} {model}")
        if unloads:
            self.loaded = [name for name in self.loaded if name != model]
        else:
            self._load(model)
        reason = "unload" if unloads else "load"
        await wire.record({"model": model, "response": "", "done": True, "done_reason": reason})

    async def _chat(self, wire: Wire, model: str, body: dict[str, Any]) -> None:
        self.log.append(f"chat {model} {body.get('keep_alive')}")
        load_ns = RESIDENT_NS if model in self.loaded else LOAD_NS
        self.asked.set()
        await self.hold.wait()
        self._load(model)
        await wire.head()
        await wire.line(chat_line(body["messages"][-1]["content"]))
        await wire.line(last_line(load_duration=load_ns))
        await wire.end()

    def _load(self, model: str) -> None:
        if model not in self.loaded:
            self.loaded = [*self.loaded, model][-self.places :]


def manager(strategy: str = "ram", places: int = 3) -> CacheManager:
    return CacheManager(build_strategy(strategy, StrategyContext(max_models=places, room=SlotRoom(places))), places)


def llm_for(url: str, cache: Cache | None = None, **more: Any) -> LLMClient:
    return LLMClient(OllamaClient(url), ROUTER, cache or manager(), patience=QUICK, **more)


async def test_a_text_goes_to_the_model_that_the_router_chooses() -> None:
    small = SmallHost()
    async with FakeHost(small.script) as host, llm_for(host.url) as llm:
        short = await llm.chat("hi")
        rule = await llm.chat("a loop in Rust")
        long = await llm.chat("x" * 200)
        named = await llm.chat(Question((ChatMessage("user", "hi"),), model="other:1b"))
    assert [(one.route.model, one.route.rule) for one in (short, rule, long, named)] == [
        ("small:7b", None), ("coder:16b", 1), ("big:32b", None), ("other:1b", None),
    ]  # fmt: skip
    assert "shorter than 100" in short.route.reason
    assert named.route.reason == "asked for by name"
    assert (short.text, rule.text) == ("hi", "a loop in Rust")
    assert small.log == ["chat small:7b 30m", "chat coder:16b 30m", "chat big:32b 30m", "chat other:1b 30m"]
    assert short.directive == Directive(keep_alive_ns=1_800_000_000_000)


async def test_the_last_user_message_decides() -> None:
    small = SmallHost()
    talk = [ChatMessage("user", "in Rust"), ChatMessage("assistant", "ok"), ChatMessage("user", "hi"),
            ChatMessage("tool", "in Rust")]  # fmt: skip
    async with FakeHost(small.script) as host, llm_for(host.url) as llm:
        assert (await llm.chat(talk)).route.model == "small:7b"
        assert [message["content"] for message in host.seen[-1].json["messages"]] == ["in Rust", "ok", "hi", "in Rust"]


@pytest.mark.parametrize(
    ("prompt", "why"),
    [((), "no message to answer"), ((ChatMessage("system", "be kind"),), "no user message to choose a model by")],
)
async def test_nothing_to_answer_or_to_route_by(prompt: tuple[ChatMessage, ...], why: str) -> None:
    async with llm_for("http://127.0.0.1:1") as llm:
        with pytest.raises(InputError, match=why):
            await llm.chat(prompt)
        assert llm.usage().models == ()


async def test_options_of_the_model_and_of_the_question() -> None:
    small = SmallHost()
    options = {"small": {"num_ctx": 8192, "seed": 1}}
    async with FakeHost(small.script) as host, llm_for(host.url, options=options) as llm:
        await llm.chat(Question((ChatMessage("user", "hi"),), model="small:latest", options={"seed": 2}, think=False))
        await llm.chat("hi")
    first, second = (seen.json for seen in host.seen if seen.path == "/api/chat")
    assert first["options"] == {"num_ctx": 8192, "seed": 2}
    assert first["think"] is False
    assert "options" not in second


async def test_usage_tells_hits_from_loads_and_counts_tokens() -> None:
    small = SmallHost()
    async with FakeHost(small.script) as host, llm_for(host.url) as llm:
        found = [(await llm.chat(text)).found for text in ("hi", "hi", "x" * 200, "hi")]
        usage = llm.usage()
    assert found == ["loads", "hits", "loads", "hits"]
    big, fast = usage.models
    assert (big.model, big.requests, big.loads, big.hits, big.under_way) == ("big:32b", 1, 1, 0, 0)
    assert (fast.requests, fast.loads, fast.hits, fast.prompt_tokens, fast.output_tokens) == (3, 1, 2, 21, 9)
    assert usage.total.requests == 4


async def test_a_question_that_waits_for_anothers_load_has_joined_it() -> None:
    small = SmallHost()
    small.hold.clear()
    async with FakeHost(small.script) as host, llm_for(host.url) as llm:
        first = asyncio.create_task(llm.chat("one"))
        await small.asked.wait()
        small.asked.clear()
        second = asyncio.create_task(llm.chat("two"))
        await small.asked.wait()
        small.hold.set()
        assert [(await first).found, (await second).found] == ["loads", "joined"]
        assert (llm.usage().total.loads, llm.usage().total.joined) == (1, 1)


async def test_the_strategys_unloads_come_before_the_load() -> None:
    """One place, and a strategy that frees it itself: the victim has left before the next model is asked for."""
    small = SmallHost(places=1)
    async with FakeHost(small.script) as host, llm_for(host.url, manager("lru-unload", 1)) as llm:
        await llm.chat("hi")
        await llm.chat("in Rust")
    assert [entry.rpartition(" ")[0] if entry.startswith("chat") else entry for entry in small.log] == [
        "chat small:7b", "unload small:7b", "chat coder:16b",
    ]  # fmt: skip
    last_ps = max(number for number, seen in enumerate(host.seen) if seen.path == "/api/ps")
    assert host.seen[last_ps + 1].path == "/api/chat"


async def test_models_of_others_are_seen_by_looking_at_the_host() -> None:
    small = SmallHost(places=1)
    small.loaded = ["stranger:70b"]
    cache = manager("lru-unload", 1)
    async with FakeHost(small.script) as host, llm_for(host.url, cache) as llm:
        await llm.chat("hi")
    assert small.log[0] == "unload stranger:70b"
    assert cache.stats().unexpected == 1


class Scripted:
    """A cache that gives these directives, and notes what it is told."""

    def __init__(self, *directives: Directive) -> None:
        self.directives = list(directives)
        self.told: list[tuple[str, bool, int | None]] = []

    def directive_for(self, access: Access) -> Directive:  # noqa: ARG002 - the script knows
        return self.directives.pop(0)

    def finished(self, access: Access, answer: Answer) -> None:
        self.told.append((access.model, answer.ok, answer.load_ns))

    def reconcile(self, view: HostView, seen_ns: int) -> None:
        """Not asked for here."""


async def test_preloads_follow_the_answer_and_their_failure_costs_nobody() -> None:
    small = SmallHost()
    small.missing = {"gone:1b"}
    cache = Scripted(Directive(preload_after=("gone:1b", "coder:16b")), Directive(keep_alive_ns=0), Directive(-1))
    async with FakeHost(small.script) as host, llm_for(host.url, cache) as llm:
        await llm.chat("hi")
        await llm.settled()
        await llm.chat("hi")
        await llm.chat("hi")
        usage = {one.model: one for one in llm.usage().models}
    assert small.log == ["chat small:7b None", "load coder:16b", "chat small:7b 0", "chat small:7b -1"]
    assert (usage["gone:1b"].preloads, usage["gone:1b"].preload_errors, usage["gone:1b"].requests) == (1, 1, 0)
    assert (usage["coder:16b"].preloads, usage["coder:16b"].preload_errors) == (1, 0)
    assert cache.told == [("small:7b", True, LOAD_NS), ("small:7b", True, RESIDENT_NS), ("small:7b", True, RESIDENT_NS)]


async def test_a_failed_question_is_counted_and_told_to_the_cache() -> None:
    small = SmallHost()
    small.missing = {"small:7b"}
    cache = Scripted(Directive(preload_after=("coder:16b",)))
    async with FakeHost(small.script) as host, llm_for(host.url, cache) as llm:
        with pytest.raises(ModelMissingError, match="ollama pull small:7b"):
            await llm.chat("hi")
        await llm.settled()
        assert (llm.usage().total.errors, llm.usage().total.under_way) == (1, 0)
    assert cache.told == [("small:7b", False, None)]
    assert small.log == []


async def test_a_request_that_cannot_be_written_is_counted_and_told_too() -> None:
    cache = Scripted(Directive())
    async with FakeHost(SmallHost().script) as host, llm_for(host.url, cache) as llm:
        with pytest.raises(InputError, match="half a character"):
            await llm.chat("\ud83d")
        assert (llm.usage().total.errors, llm.usage().total.under_way) == (1, 0)
    assert [ok for _, ok, _ in cache.told] == [False]


async def test_a_host_that_is_down() -> None:
    cache = Scripted(Directive())
    async with llm_for("http://127.0.0.1:1", cache) as llm:
        with pytest.raises(UnreachableError, match="is ollama serve running"):
            await llm.chat("hi")
        assert llm.usage().total.errors == 1


async def test_a_cancelled_question_closes_its_connection_and_is_counted() -> None:
    reached, gone = asyncio.Event(), asyncio.Event()

    async def script(seen: Seen, wire: Wire) -> None:
        if seen.path == "/api/ps":
            await wire.record({"models": []})
            return
        await wire.head()
        await wire.line(chat_line("a"))
        reached.set()
        await wire.gone()
        gone.set()

    cache = Scripted(Directive())
    async with FakeHost(script) as host, llm_for(host.url, cache) as llm:
        task = asyncio.create_task(llm.chat("hi"))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (llm.usage().total.cancelled, llm.usage().total.under_way) == (1, 0)
        async with asyncio.timeout(5):
            await gone.wait()
    assert [ok for _, ok, _ in cache.told] == [False]


async def test_a_stream() -> None:
    small = SmallHost()
    async with FakeHost(small.script) as host, llm_for(host.url) as llm:
        async with llm.stream("hi") as stream:
            with pytest.raises(RuntimeError, match="not finished"):
                _ = stream.answer
            assert [event.text async for event in stream] == ["hi", ""]
        assert (stream.answer.text, stream.answer.found, stream.answer.route.model) == ("hi", "loads", "small:7b")
        assert llm.usage().total.loads == 1


async def test_a_stream_left_early_is_cancelled() -> None:
    small = SmallHost()
    async with FakeHost(small.script) as host, llm_for(host.url) as llm:
        async with llm.stream("hi") as stream:
            await anext(stream)
        assert (llm.usage().total.cancelled, llm.usage().total.under_way) == (1, 0)


async def test_a_slow_listing_does_not_keep_a_question() -> None:
    """A host whose `/api/ps` hangs is asked once, waited for a moment, and the question goes all the same."""
    small = SmallHost()

    async def script(seen: Seen, wire: Wire) -> None:
        if seen.path == "/api/ps":
            await wire.gone()
        else:
            await small.script(seen, wire)

    async with FakeHost(script) as host, llm_for(host.url) as llm:
        assert (await llm.chat("hi")).text == "hi"


async def test_looks_at_the_host_are_shared_and_rare() -> None:
    small = SmallHost()
    now_ns = 0
    async with FakeHost(small.script) as host, llm_for(host.url, clock_ns=lambda: now_ns) as llm:
        await asyncio.gather(*(llm.chat("hi") for _ in range(20)))
        assert [seen.path for seen in host.seen].count("/api/ps") == 1
        now_ns = 1_000_000_000
        await llm.chat("hi")
        assert [seen.path for seen in host.seen].count("/api/ps") == 2


async def test_32_threads_and_tasks_of_many_loops_share_one_client() -> None:
    small = SmallHost(places=2)
    cache = manager("lru-unload", 2)
    start = threading.Barrier(32)
    prompts = ["hi", "in Rust", "x" * 150]

    def by_thread(llm: LLMClient, number: int) -> list[str]:
        start.wait()
        return [llm.ask(f"{prompts[(number + turn) % 3]} {number}.{turn}").text for turn in range(6)]

    def by_loop(llm: LLMClient, number: int) -> list[str]:
        async def tasks() -> list[str]:
            asked = (llm.chat(f"{prompts[(number + turn) % 3]} {number}.{turn}") for turn in range(6))
            return [answer.text for answer in await asyncio.gather(*asked)]

        start.wait()
        return asyncio.run(tasks())

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(32) as pool:
        async with FakeHost(small.script) as host, llm_for(host.url, cache) as llm:
            workers: list[Callable[[LLMClient, int], list[str]]] = [by_thread, by_loop]
            asked: list[Awaitable[list[str]]] = [
                loop.run_in_executor(pool, workers[number % 2], llm, number) for number in range(32)
            ]
            said = await asyncio.gather(*asked)
            usage = llm.usage()
    assert said == [[f"{prompts[(number + turn) % 3]} {number}.{turn}" for turn in range(6)] for number in range(32)]
    total = usage.total
    assert (total.requests, total.under_way, total.errors, total.cancelled) == (192, 0, 0, 0)
    assert total.hits + total.joined + total.loads == 192
    assert {one.model: one.requests for one in usage.models} == {"big:32b": 64, "coder:16b": 64, "small:7b": 64}
    assert (total.prompt_tokens, total.output_tokens) == (192 * 7, 192 * 3)
    assert cache.stats().accesses == 192
    assert cache.view(0).in_flight == ()


async def test_closing_ends_questions_under_way_with_a_clear_error() -> None:
    small = SmallHost()
    small.hold.clear()
    async with FakeHost(small.script) as host:
        llm = LLMClient(OllamaClient(host.url, timeouts=Timeouts()), ROUTER, Scripted(Directive()), patience=QUICK)
        task = asyncio.create_task(asyncio.to_thread(llm.ask, "hi"))
        await small.asked.wait()
        await llm.aclose()
        with pytest.raises(RuntimeError, match="closed while a call was under way"):
            await task
        assert (llm.usage().total.cancelled, llm.usage().total.under_way) == (1, 0)
        with pytest.raises(RuntimeError, match="this client is closed"):
            await llm.chat("hi")
