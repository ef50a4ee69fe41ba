"""What `hotswap context show` does: opens the sessions, and composes as the gateway would."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.cli.options import load_given_config
from toolkit.cli.sessions import open_given_sessions
from toolkit.config.scalars import canonical_model_name
from toolkit.experiment.host import asked_host
from toolkit.gateway.by_model import OptionsByModel
from toolkit.gateway.context.composer import Composer, Wanted, history_needed
from toolkit.gateway.context.room import answer_room, effective_context
from toolkit.gateway.running_context import gateway_addresses, running_context
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
    host: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a session's model would be sent; `context_is` says where the size of its context comes from."""

    session_id: str
    model: str
    context_is: str
    composition: Composition


def composed(ref: str, given: Given, file: Path | None, config: str | None) -> Shown:
    """What would be sent next in a session.

    Raises:
        UsageError: no such session, the message does not fit, or --host is no address.
    """
    settings = load_given_config(config, quiet=True).config
    with open_given_sessions(file, config) as book:
        row = book.find(ref)
        last = [turn.exchange.model for turn in book.turns(row.id) if turn.exchange.outcome == "answered"][-1:]
    model = given.model or (last or [settings.llm.roles["primary"].name])[0]
    return asyncio.run(_compose(book.path, row.id, settings, model, given))


async def _compose(path: Path, session_id: str, settings: Config, model: str, given: Given) -> Shown:
    options = OptionsByModel({entry.name: entry.options for entry in settings.llm.models.values()})
    own = options.of(canonical_model_name(model))
    asked, running, context_is = await _context(settings, model, given, _whole(own.get("num_ctx")))
    context_tokens = effective_context(asked=asked, running=running)
    answer_tokens = answer_room(context_tokens, settings.gateway.context.answer_tokens, _whole(own.get("num_predict")))
    request = () if given.message is None else (ChatMessage("user", given.message),)
    sessions = SessionStore.open(path, history_messages=history_needed(settings.gateway.context))
    try:
        composer = Composer(settings.gateway.context, sessions)
        await composer.recall()
        await composer.warm()
        history = await sessions.history(session_id)
        composition = await composer.compose(history, request, Wanted(model, context_tokens, answer_tokens))
        return Shown(session_id, model, context_is, composition)
    finally:
        await sessions.aclose()


async def _context(
    settings: Config, model: str, given: Given, configured: int | None
) -> tuple[int | None, int | None, str]:
    """The context that the request would carry, else the one that a host has loaded the model with; and which it is."""
    if given.num_ctx is not None:
        return given.num_ctx, None, "that of --num-ctx"
    if configured is not None:
        return configured, None, "num_ctx of the config's options of the model"
    address = asked_host(given.host, settings)
    addresses = gateway_addresses(settings) if address is None else (address,)
    found = await running_context(settings, os.environ, addresses, model)
    return None, found.tokens, found.why


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
