"""What `hotswap context show` does: opens the sessions, and composes as the gateway would."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.cli.options import load_given_config
from toolkit.cli.sessions import open_given_sessions
from toolkit.config.scalars import canonical_model_name
from toolkit.gateway.context.composer import Composer, Wanted, history_needed
from toolkit.gateway.context.room import answer_room, effective_context
from toolkit.gateway.sessions import SessionStore
from toolkit.ollama.types import ChatMessage

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.config.models import Config
    from toolkit.gateway.context import Composition


@dataclass(frozen=True, slots=True)
class Given:
    """What the command was told; None for what it was not."""

    message: str | None
    model: str | None
    num_ctx: int | None


def composed(ref: str, given: Given, file: Path | None, config: str | None) -> tuple[str, str, Composition]:
    """The session's id, the model, and what it would be sent.

    Raises:
        UsageError: no such session, or the message does not fit.
    """
    settings = load_given_config(config, quiet=True).config
    with open_given_sessions(file, config) as book:
        row = book.find(ref)
        last = [turn.exchange.model for turn in book.turns(row.id) if turn.exchange.outcome == "answered"][-1:]
    model = given.model or (last or [settings.llm.roles["primary"].name])[0]
    return row.id, model, asyncio.run(_compose(book.path, row.id, settings, model, given))


async def _compose(path: Path, session_id: str, settings: Config, model: str, given: Given) -> Composition:
    options = {canonical_model_name(entry.name): entry.options for entry in settings.llm.models.values()}
    own = options.get(canonical_model_name(model), {})
    context_tokens = effective_context(asked=given.num_ctx or _whole(own.get("num_ctx")))
    answer_tokens = answer_room(context_tokens, settings.gateway.context.answer_tokens, _whole(own.get("num_predict")))
    request = () if given.message is None else (ChatMessage("user", given.message),)
    sessions = SessionStore.open(path, history_messages=history_needed(settings.gateway.context))
    try:
        composer = Composer(settings.gateway.context, sessions)
        await composer.recall()
        await composer.warm()
        history = await sessions.history(session_id)
        return await composer.compose(history, request, Wanted(model, context_tokens, answer_tokens))
    finally:
        await sessions.aclose()


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
