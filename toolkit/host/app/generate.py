"""`/api/generate`: from a decoded request to a turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.host.app.completion import Completion, Finish, Order, runner_error
from toolkit.host.app.exchange import Answer, ConnectionCutError, error_answer
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
from toolkit.host.app.prompts import blank_message, chat_prompt
from toolkit.host.app.schemas import GENERATE
from toolkit.host.speech.template import PromptValues, Template
from toolkit.host.speech.template_parse import TemplateError
from toolkit.host.speech.thinking import ThinkingSplitter
from toolkit.host.speech.tokens import TokenRangeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from toolkit.host.app.exchange import Call
    from toolkit.host.app.services import Services
    from toolkit.host.library.models import InstalledModel


@dataclass(frozen=True, slots=True)
class GenerateEndpoint:
    """The handler."""

    services: Services

    async def __call__(self, call: Call) -> Answer:
        """Answer one request."""
        try:
            body = await call.body()
            request = read_body(GENERATE, body)
            turn = await start_generate(self.services, request, body=body)
        except RefusedError as refused:
            return error_answer(refused.status, refused.message)
        stream = request["stream"] is not False
        return await native_answer(self.services, call, turn, chat=False, stream=stream, tools=False)


async def start_generate(services: Services, request: dict[str, Any], *, body: bytes = b"") -> Turn:
    """Check a decoded request, get its model, and begin the answer. Raises RefusedError."""
    if not 0 <= request["top_logprobs"] <= MOST_TOP_LOGPROBS:
        raise RefusedError(400, "top_logprobs must be between 0 and 20")
    asked = request["model"]
    reference = refer(asked, 404, f"model '{asked}' not found")
    refuse_cloud(reference)
    model = read_model(services, reference)
    if model is None:
        raise RefusedError(404, f"model '{asked}' not found")
    refuse_remote(reference, model, asked)
    if not request["prompt"] and request["keep_alive"] == 0:
        services.engine.unload(model)
        return Turn(asked, single=Part(done=True, reason="unload"))
    if request["raw"] and (request["template"] or request["system"] or request["context"]):
        raise RefusedError(400, "raw mode does not support template, system, or context")
    think = settle_think(model, request["think"], asked, relaxed=False)
    wanted = ["completion"] + ["insert"] * bool(request["suffix"]) + ["thinking"] * ("thinking" in model.capabilities)
    require(model, wanted, asked, "generate")
    options = merged_options(model, request["options"])
    lease = await schedule(services, model, request["options"], request["keep_alive"], shift=request["shift"])
    if not request["prompt"]:
        lease.release()
        return Turn(asked, single=Part(done=True, reason="load"))
    try:
        return _begin(InHand(services, model, lease, request, options, think, body))
    except BaseException:
        lease.release()
        raise


def _begin(hand: InHand) -> Turn:
    request = hand.request
    images = len(request["images"] or ())
    prompt = request["prompt"]
    if not request["raw"]:
        try:
            prompt = _prompt(hand)
        except TemplateError as error:
            raise RefusedError(500, str(error)) from error
    if request["_debug_render_only"]:
        return hand.shown(prompt, images, role="assistant")
    order = Order(
        model=hand.model,
        prompt=prompt,
        options=hand.options,
        last_user=request["prompt"],
        format=request["format"],
        raw_format=hand.raw_format(),
        images=images,
        truncate=hand.truncate,
        logprobs=request["logprobs"],
        top_logprobs=request["top_logprobs"],
    )
    return Turn(request["model"], parts=_parts(hand, order), lease=hand.lease)


def _prompt(hand: InHand) -> str:
    """The prompt: what a former answer's context says, then the messages through the template."""
    services, model, request = hand.services, hand.model, hand.request
    own = Template.parse(request["template"]) if request["template"] else None
    if request["suffix"]:
        values = PromptValues(prompt=request["prompt"], suffix=request["suffix"], think=hand.think)
    else:
        messages: list[dict[str, Any]] = []
        system = request["system"] or model.system
        messages += [blank_message("system", system)] if system else []
        messages += model.messages if request["context"] is None else ()
        user = {**blank_message("user", request["prompt"]), "images": request["images"]}
        values = PromptValues((*messages, user), think=hand.think)
    before = _detokenized(services, model, request["context"]) if request["context"] is not None else ""
    if values.messages and own is None:
        prompt, _ = chat_prompt(services, model, values, hand.lease.num_ctx, truncate=hand.truncate)
        return before + prompt
    return before + (own or model.template).render(values, services.today())


def _detokenized(services: Services, model: InstalledModel, context: list[int]) -> str:
    try:
        return services.speech.tokenizer(model).decode(context)
    except TokenRangeError as error:
        if not services.line.native_errors:
            # The old server ended here, whole; the client saw its connection closed.
            raise ConnectionCutError from error
        place = f"vector::_M_range_check: __n (which is {error.token}) >= this->size() (which is {error.size})"
        raise RefusedError(500, "detokenize error: " + runner_error(500, place, "server_error")) from error


async def _parts(hand: InHand, order: Order) -> AsyncIterator[Part]:
    services = hand.services
    opening, closing = order.model.template.thinking_tags
    splitter = None
    if hand.think and opening and closing:
        splitter = ThinkingSplitter(opening, closing)
        if order.prompt.strip().endswith(opening):
            splitter.add(opening)
    completion = Completion(services, hand.lease, order)
    try:
        async for event in completion.run():
            if isinstance(event, Finish):
                part = Part(done=True, reason=event.reason, finish=event)
                if not hand.request["raw"]:
                    part.context = services.speech.tokenizer(order.model).encode(order.prompt + completion.written)
            else:
                part = Part(content=event.text, logprobs=event.logprobs)
            if splitter is not None:
                part.thinking, part.content = splitter.add(part.content)
            yield part
    finally:
        hand.lease.release()
