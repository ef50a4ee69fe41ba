"""One request to a real host: send it, read its times, give it up when nobody waits any more, and say what it was."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from toolkit.ollama.timed_chat import texts_of
from toolkit.ollama.types import ChatMessage, ChatRequest
from toolkit.replay.live_record import RESIDENT_BELOW_NS, Sending, answered_record, given_up_record, temperature_of
from toolkit.replay.make_room import Patience, make_room
from toolkit.replay.prefix_cache import PrefillSpeeds
from toolkit.replay.prompts import Conversations

if TYPE_CHECKING:
    from toolkit.ollama.answer_stream import AnswerStream
    from toolkit.ollama.types import TimedAnswer
    from toolkit.replay.dispatch import Dispatch
    from toolkit.replay.engine import LoadClient
    from toolkit.replay.live_record import Sighting
    from toolkit.replay.looks import HostLooks
    from toolkit.replay.records import RequestRecord

NS_PER_S = 1_000_000_000


class Asking:
    """Asks for one run, whose times count from `start_ns` of `time.monotonic_ns`."""

    def __init__(self, client: LoadClient, start_ns: int, looks: HostLooks) -> None:
        self._client = client
        self._start_ns = start_ns
        self._looks = looks
        self._talks = Conversations()
        self._speeds: dict[str, PrefillSpeeds] = {}
        self._sent_ns: dict[str, int] = {}  # request id → when it was sent, while it is under way
        self._leaders: dict[str, tuple[str, AnswerStream[TimedAnswer]]] = {}  # model → who waits for it first

    def _now_ns(self) -> int:
        return time.monotonic_ns() - self._start_ns

    def waits_for(self, model: str) -> bool:
        """Whether a request of ours for this model is under way without a token: it may be loading."""
        leader = self._leaders.get(model)
        return leader is not None and not leader[1].has_token

    async def make_room(self, dispatch: Dispatch) -> None:
        """Perform the unloads that come before the request. Raises OllamaError."""
        await make_room(self._client, dispatch.directive.unload_before, Patience())

    def sent(self, sending: Sending) -> Sending:
        """The same with the moment of sending, if it came to that."""
        return replace(sending, sent_ns=self._sent_ns.get(sending.dispatch.request.id))

    def forget(self, dispatch: Dispatch) -> None:
        """The request has ended, however it did."""
        self._sent_ns.pop(dispatch.request.id, None)
        leader = self._leaders.get(dispatch.model)
        if leader is not None and leader[0] == dispatch.request.id:
            del self._leaders[dispatch.model]

    async def ask(self, sending: Sending, seen: Sighting) -> RequestRecord:
        """Send and read to the end, or until the deadline or the patience is over. Raises OllamaError."""
        dispatch = sending.dispatch
        request = dispatch.request
        stream = self._client.stream_timed_chat(self._chat(dispatch))
        if not self.waits_for(dispatch.model):
            self._leaders[dispatch.model] = (request.id, stream)
        sent_ns = self._sent_ns[request.id] = self._now_ns()
        if sending.deadline_ns is None and request.patience_ns is None:
            async with stream:
                answer = await stream.finish()
            return await self._answered(sending, seen, sent_ns, answer)
        try:
            answer = await self._in_time(sending, stream)
        except TimeoutError:
            return self._given_up(self.sent(sending), stream)
        return await self._answered(sending, seen, sent_ns, answer)

    async def _in_time(self, sending: Sending, stream: AnswerStream[TimedAnswer]) -> TimedAnswer:
        """Read the answer under both limits; TimeoutError when one is over."""
        loop = asyncio.get_running_loop()
        zero_s = loop.time() - self._now_ns() / NS_PER_S
        deadline_s = None if sending.deadline_ns is None else zero_s + sending.deadline_ns / NS_PER_S
        patience_ns = sending.dispatch.request.patience_ns
        async with asyncio.timeout_at(deadline_s) as limit:
            leaving = None
            if patience_ns is not None:
                leaves_s = zero_s + (sending.dispatch.intended_ns + patience_ns) / NS_PER_S
                leaving = loop.call_at(leaves_s, _leave, limit, stream)
            try:
                async with stream:
                    return await stream.finish()
            finally:
                if leaving is not None:
                    leaving.cancel()

    def _given_up(self, sending: Sending, stream: AnswerStream[TimedAnswer]) -> RequestRecord:
        patience_ns = sending.dispatch.request.patience_ns
        waited_ns = self._now_ns() - sending.dispatch.intended_ns
        if patience_ns is not None and not stream.has_token and waited_ns >= patience_ns:
            why = f"left after {patience_ns / NS_PER_S:g} s without a first token"
            return given_up_record(sending, "cancelled", why, None)
        limit_ns = (sending.deadline_ns or 0) - sending.dispatch.intended_ns
        return given_up_record(
            sending, "failed", f"no whole answer within its deadline of {limit_ns / NS_PER_S:g} s", None
        )

    async def _answered(self, sending: Sending, seen: Sighting, sent_ns: int, answer: TimedAnswer) -> RequestRecord:
        dispatch, counters = sending.dispatch, answer.counters
        request = dispatch.request
        if request.session is not None and request.text:
            text, thinking = texts_of(answer.lines)
            self._talks.answered(request, ChatMessage("assistant", text, thinking or None))
        load_ns = counters.load_ns or 0
        context_after = seen.context_length
        if seen.listed and not seen.being_loaded and load_ns >= RESIDENT_BELOW_NS:
            rows = await self._looks.since(sent_ns + load_ns)
            context_after = next((row.context_length for row in rows if row.name == dispatch.model), None)
        temperature = temperature_of(seen, load_ns, context_after)
        speeds = self._speeds.get(dispatch.model)
        if speeds is None:
            speeds = self._speeds[dispatch.model] = PrefillSpeeds()
        loaded = temperature in {"cold", "reload"}
        is_cached = speeds.is_cached(counters.prompt_eval_count, counters.prompt_eval_ns, after_load=loaded)
        sent = Sending(dispatch, sending.phase, sent_ns, sending.deadline_ns)
        return answered_record(sent, answer, start_ns=self._start_ns, temperature=temperature, is_cached=is_cached)

    def _chat(self, dispatch: Dispatch) -> ChatRequest:
        options = {**dispatch.options, "num_predict": dispatch.request.output_tokens}
        messages = self._talks.messages(dispatch.request)
        return ChatRequest(dispatch.model, messages, keep_alive_ns=dispatch.directive.keep_alive_ns, options=options)


def _leave(limit: asyncio.Timeout, stream: AnswerStream[TimedAnswer]) -> None:
    """The patience is over: whoever has no token yet goes."""
    if not stream.has_token:
        limit.reschedule(0)
