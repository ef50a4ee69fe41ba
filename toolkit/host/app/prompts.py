"""Makes the prompt of a chat: what a template sees, and what is left out where the context is too small."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolkit.host.speech.thinking import ThinkingSplitter

if TYPE_CHECKING:
    from toolkit.host.app.services import Services
    from toolkit.host.library.models import InstalledModel
    from toolkit.host.speech.template import PromptValues

_IMAGE_TOKENS = 768
"""What the server counts for an image when it cuts a history."""
_JINJA_TURN = re.compile(r"<\|im_start\|>")


def blank_message(role: str, content: str) -> dict[str, Any]:
    """A message with nothing but text."""
    return {"role": role, "content": content, "thinking": "", "images": None, "tool_calls": None, "tool_name": "",
            "tool_call_id": ""}  # fmt: skip


def render(services: Services, model: InstalledModel, values: PromptValues) -> str:
    """The prompt for these messages. Raises TemplateError."""
    if services.line.jinja and model.native_chat:
        return native_prompt(model, values)
    return model.template.render(values, services.today())


def native_prompt(model: InstalledModel, values: PromptValues) -> str:
    """The prompt of a model with a Jinja template: ChatML, which all such models of the twin are taken to speak."""
    del model
    turns = "".join(f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n" for message in values.messages)
    return f"{turns}<|im_start|>assistant\n"


def chat_prompt(
    services: Services, model: InstalledModel, values: PromptValues, num_ctx: int, *, truncate: bool
) -> tuple[str, int]:
    """The prompt of a chat and the number of its images.

    Oldest messages are left out until the rest fits the context; system messages and the last one always stay.
    Raises TemplateError.
    """
    messages = values.messages
    tokenizer = services.speech.tokenizer(model)
    first = 0
    system: tuple[dict[str, Any], ...] = ()
    if truncate and messages:
        for place in range(len(messages)):
            system = tuple(message for message in messages[:place] if message["role"] == "system")
            kept = replace(values, messages=(*system, *messages[place:]))
            count = len(tokenizer.encode(render(services, model, kept)))
            if model.projectors:
                count += _IMAGE_TOKENS * sum(len(message["images"] or ()) for message in messages[place:])
            first = place
            if count <= num_ctx:
                break
    kept_messages, images = _with_image_tags(messages[first:], len(messages[:first]))
    prompt = render(services, model, replace(values, messages=(*system, *kept_messages)))
    return prompt, images


def _with_image_tags(messages: tuple[dict[str, Any], ...], _skipped: int) -> tuple[tuple[dict[str, Any], ...], int]:
    """Images leave a mark in the text of their message."""
    count = 0
    out: list[dict[str, Any]] = []
    for message in messages:
        prefix, content = "", message["content"]
        for _image in message["images"] or ():
            tag = f"[img-{count}]"
            count += 1
            if "[img]" in content:
                content = content.replace("[img]", tag, 1)
            else:
                prefix += tag
        out.append({**message, "content": prefix + content} if message["images"] else message)
    return tuple(out), count


def without_old_thinking(model: InstalledModel, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For some families: thinking is taken out of answers before the last question."""
    if model.config.get("model_family") != "qwen3" and model.name.model != "deepseek-r1":
        return messages
    last_user = max((place for place, message in enumerate(messages) if message["role"] == "user"), default=-1)
    out: list[dict[str, Any]] = []
    for place, message in enumerate(messages):
        if message["role"] == "assistant" and place < last_user:
            _, content = ThinkingSplitter("<think>", "</think>").add(message["content"])
            out.append({**message, "content": content})
        else:
            out.append(message)
    return out
