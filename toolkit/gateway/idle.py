"""What the gateway does when nobody wants anything: summaries, vectors, the removal of old sessions."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from toolkit.config.scalars import canonical_model_name
from toolkit.errors import HostError, HotswapError
from toolkit.gateway.ask import Ask
from toolkit.gateway.context.room import effective_context
from toolkit.gateway.refusal import Refusal
from toolkit.gateway.reply import whole_body
from toolkit.gateway.sessions.wire import message_data

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.gateway.context.summariser import Summariser
    from toolkit.gateway.fleet import Fleet
    from toolkit.gateway.remembering import Memory
    from toolkit.gateway.reply import Asks
    from toolkit.ollama.types import ChatMessage

LOOK_S = 0.5
IDLE_LOOKS = 4
"""So many looks in a row without anybody there: the pause between two questions of a conversation is not idle time."""
RETENTION_EVERY_S = 3600.0
_OK = 200
_LOWEST = -1


class FastWriter:
    """Has summaries written by a model through the gateway's own queue, behind everybody else."""

    def __init__(self, dispatcher: Asks, model: str, most_tokens: int, context_of: Callable[[str], int | None]) -> None:
        self.model = canonical_model_name(model)
        self._dispatcher = dispatcher
        self._most_tokens = most_tokens
        self._context_of = context_of

    @property
    def room_tokens(self) -> int:
        """See `Writer`."""
        return effective_context(running=self._context_of(self.model)) - self._most_tokens

    async def write(self, messages: Sequence[ChatMessage], most_tokens: int) -> str:
        """See `Writer`."""
        body = {
            "messages": list(map(message_data, messages)),
            "stream": False,
            "options": {"num_predict": most_tokens},
        }
        why = "a summary in idle time"
        ask = Ask("chat", "/api/chat", body, self.model, why, "hotswap", _LOWEST, endpoint="summary")
        try:
            async with self._dispatcher.asks(ask) as reply:
                document = await whole_body(reply)
                if reply.status != _OK:
                    raise HostError(f"no summary: {self.model} answers {reply.status}")
        except Refusal as refusal:
            raise HostError(f"no summary: {refusal}") from refusal
        try:
            content = json.loads(document)["message"]["content"]
        except (ValueError, KeyError, TypeError):
            content = None
        if not isinstance(content, str):
            raise HostError(f"no summary: {self.model} answers no message")
        return content


class HostEmbedder:
    """Has vectors made by an embedding model of the host; see `Embedder`."""

    def __init__(self, dispatcher: Asks, model: str) -> None:
        self.model = canonical_model_name(model)
        self._dispatcher = dispatcher

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """See `Embedder`."""
        body = {"input": list(texts), "truncate": True}
        ask = Ask("embed", "/api/embed", body, self.model, "search by meaning", "hotswap", endpoint="search")
        try:
            async with self._dispatcher.asks(ask) as reply:
                document = await whole_body(reply)
        except Refusal as refusal:
            raise HostError(f"no vectors: {refusal}") from refusal
        try:
            vectors = json.loads(document)["embeddings"]
        except (ValueError, KeyError, TypeError):
            vectors = None
        if not isinstance(vectors, list) or len(vectors) != len(texts):
            raise HostError(f"no vectors: {self.model} answers {reply.status}")
        return vectors


class IdleWork:
    """See the module. Nothing is begun while a request is under way, and what is begun yields to one that waits.

    Summaries are written only while the fast model is in memory: they are never the reason for a swap.
    """

    def __init__(self, fleet: Fleet, memory: Memory, writer_model: str, keep_ns: int | None) -> None:
        self._fleet = fleet
        self._memory = memory
        self._writer_model = canonical_model_name(writer_model)
        self._keep_ns = keep_ns

    async def run(self) -> None:
        """For ever."""
        with suppress(HotswapError):
            await self._memory.composer.recall()
        with suppress(HotswapError):  # then it is searched by words; `hotswap context show` says why
            await self._memory.composer.warm()
        await asyncio.gather(self._work(self._memory.summariser), self._remove_old())

    async def _work(self, summariser: Summariser) -> None:
        quiet = 0
        while True:
            await asyncio.sleep(LOOK_S)
            quiet = quiet + 1 if self._is_idle() else 0
            if quiet >= IDLE_LOOKS and summariser.waiting and self._can_write():
                await self._yielding(summariser)

    async def _yielding(self, summariser: Summariser) -> None:
        """One piece of work, given up as soon as somebody waits."""
        work = asyncio.ensure_future(summariser.work_once())
        try:
            while not (await asyncio.wait({work}, timeout=LOOK_S))[0]:
                if any(backend.gate.waiting for backend in self._fleet.backends):
                    break
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError, HotswapError):  # it is offered again with the next answer
                await work

    async def _remove_old(self) -> None:
        while self._keep_ns is not None:
            with suppress(HotswapError):  # a full disk or a lock: tried again
                await self._memory.sessions.remove_unused(self._keep_ns)
            await asyncio.sleep(RETENTION_EVERY_S)

    def _is_idle(self) -> bool:
        return not any(each.gate.waiting or each.gate.running_by_model().total() for each in self._fleet.backends)

    def _can_write(self) -> bool:
        name = self._fleet.name_of(self._writer_model)
        return any(name in backend.resident() for backend in self._fleet.backends)
