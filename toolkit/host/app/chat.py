"""`/api/chat`: from a decoded request to a turn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from toolkit.host.app.completion import Completion, Finish, Order, Piece
from toolkit.host.app.exchange import Answer, error_answer
from toolkit.host.app.inference import (
    MOST_TOP_LOGPROBS,
    InHand,
    Part,
    RefusedError,
    Turn,
    merged_options,
    native_answer,
    read_body,
    read_model,
    refer,
    refuse_cloud,
    refuse_remote,
    require,
    schedule,
    settle_think,
)
from toolkit.host.app.prompts import blank_message, chat_prompt, without_old_thinking
from toolkit.host.app.schemas import CHAT
from toolkit.host.speech.template import PromptValues
from toolkit.host.speech.template_parse import TemplateError
from toolkit.host.speech.thinking import ThinkingSplitter
from toolkit.host.speech.toolcalls import ToolCallFinder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from toolkit.host.app.engine import Lease
    from toolkit.host.app.exchange import Call
    from toolkit.host.app.services import Services


@dataclass(frozen=True, slots=True)
class ChatEndpoint:
    """The handler."""

    services: Services

    async def __call__(self, call: Call) -> Answer:
        """Answer one request."""
        try:
            body = await call.body()
            request = read_body(CHAT, body)
            turn = await start_chat(self.services, request, body=body)
        except RefusedError as refused:
            return error_answer(refused.status, refused.message)
        stream = request["stream"] is not False
        return await native_answer(self.services, call, turn, chat=True, stream=stream, tools=bool(request["tools"]))


async def start_chat(
    services: Services, request: dict[str, Any], *, body: bytes = b"", relaxed_thinking: bool = False
) -> Turn:
    """Check a decoded chat request, get its model, and begin the answer. Raises RefusedError."""
    if not 0 <= request["top_logprobs"] <= MOST_TOP_LOGPROBS:
        raise RefusedError(400, "top_logprobs must be between 0 and 20")
    asked = request["model"]
    reference = refer(asked, 400, "model is required")
    refuse_cloud(reference)
    model = read_model(services, reference)
    if model is None:
        raise RefusedError(404, f"model '{asked}' not found")
    messages = request["messages"] or []
    if not messages and request["keep_alive"] == 0:
        services.engine.unload(model)
        return Turn(asked, single=Part(done=True, reason="unload"))
    refuse_remote(reference, model, asked)
    tools = tuple(request["tools"] or ())
    think = settle_think(model, request["think"], asked, relaxed=relaxed_thinking)
    wanted = ["completion"] + ["tools"] * bool(tools) + ["thinking"] * ("thinking" in model.capabilities)
    require(model, wanted, asked, "chat")
    options = merged_options(model, request["options"])
    lease = await schedule(services, model, request["options"], request["keep_alive"], shift=request["shift"])
    if not messages:
        lease.release()
        return Turn(asked, single=Part(done=True, reason="load"))
    try:
        return _begin(InHand(services, model, lease, request, options, think, body))
    except BaseException:
        lease.release()
        raise


def _begin(hand: InHand) -> Turn:
    request, model, services = hand.request, hand.model, hand.services
    messages = [*model.messages, *request["messages"]]
    if request["messages"][0]["role"] != "system" and model.system:
        messages.insert(0, blank_message("system", model.system))
    messages = without_old_thinking(model, messages)
    values = PromptValues(tuple(messages), tuple(request["tools"] or ()), think=hand.think)
    try:
        prompt, images = chat_prompt(services, model, values, hand.lease.num_ctx, truncate=hand.truncate)
    except TemplateError as error:
        raise RefusedError(500, str(error)) from error
    if request["_debug_render_only"]:
        return hand.shown(prompt, images, role="")  # the message of this answer is empty, its role too
    order = Order(
        model=model,
        prompt=prompt,
        options=hand.options,
        last_user=next((m["content"] for m in reversed(messages) if m["role"] == "user"), ""),
        format=request["format"],
        raw_format=hand.raw_format(),
        images=images,
        truncate=hand.truncate,
        logprobs=request["logprobs"],
        top_logprobs=request["top_logprobs"],
        native=services.line.jinja and model.native_chat,
        tools=values.tools,
    )
    talk = _Talk(services, hand.lease, order, values)
    return Turn(request["model"], parts=talk.parts(), lease=hand.lease)


@dataclass(slots=True)
class _Talk:
    """The parsers between what the runner writes and what the client gets."""

    services: Services
    lease: Lease
    order: Order
    values: PromptValues
    splitter: ThinkingSplitter | None = None
    finder: ToolCallFinder | None = None
    thought: list[str] = field(default_factory=list)

    async def parts(self) -> AsyncIterator[Part]:
        """The answer; with a format and a thinking model in two runs, thinking first."""
        template = self.order.model.template
        opening, closing = template.thinking_tags
        if self.values.think and opening and closing and not self.order.native:
            self.splitter = ThinkingSplitter(opening, closing)
            if self.order.prompt.strip().endswith(opening):
                self.splitter.add(opening)
        if self.order.tools and not self.order.native:
            self.finder = ToolCallFinder(template.tool_tag, self.order.tools)
        try:
            if self.order.format is not None and self.splitter is not None:
                async for part in self._think_then_answer():
                    yield part
                return
            async for part in self._run(self.order):
                yield part
        finally:
            self.lease.release()

    async def _think_then_answer(self) -> AsyncIterator[Part]:
        free = replace(self.order, format=None, raw_format=None)
        async for part in self._run(free):
            if self.thought and part.content and not part.done:
                if part.thinking:
                    part.content = ""
                    yield part
                break
            yield part
            if part.done:
                return
        message = {**blank_message("assistant", ""), "thinking": "".join(self.thought)}
        values = PromptValues((*self.values.messages, message), self.values.tools, think=self.values.think)
        model, context = self.order.model, self.lease.num_ctx
        prompt, _ = chat_prompt(self.services, model, values, context, truncate=self.order.truncate)
        async for part in self._run(replace(self.order, prompt=prompt)):
            yield part

    async def _run(self, order: Order) -> AsyncIterator[Part]:
        async for event in Completion(self.services, self.lease, order).run():
            part = self._part(event)
            if part is not None:
                yield part

    def _part(self, event: Piece | Finish) -> Part | None:
        """What becomes of a piece; None while it is held back."""
        if isinstance(event, Finish):
            part = Part(done=True, reason=event.reason, finish=event)
        else:
            part = Part(content=event.text, logprobs=event.logprobs)
        if self.splitter is not None:
            thinking, content = self.splitter.add(part.content)
            if not thinking and not content and not part.done:
                return None
            part.thinking, part.content = thinking, content
            self.thought += [thinking] if thinking else []
        return part if self.finder is None else self._find_calls(self.finder, part)

    def _find_calls(self, finder: ToolCallFinder, part: Part) -> Part | None:
        calls, content = finder.add(part.content)
        if content:
            part.content = content
        elif calls:
            part.tool_calls = [{"id": self.services.call_id(), **call} for call in calls]
            part.content = ""
        elif not part.thinking:
            if part.done:
                part.content = finder.rest()
                return part
            part.content = ""
            return part if part.logprobs else None
        return part
