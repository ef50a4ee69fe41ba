"""What a client asks of a model, once it is read: plain values, whatever API it came by."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from toolkit.config.scalars import canonical_model_name
from toolkit.gateway.refusal import Refusal, Why
from toolkit.gateway.sessions.records import OWN_ID, SHAPE_OF_ID
from toolkit.ollama.keep_alive import KeepAliveError, parse_keep_alive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.routing.router import Router

Kind = Literal["chat", "generate", "embed"]
PRIORITIES: Final = {"low": -1, "normal": 0, "high": 1}
AUTO: Final = "auto"
BY_NAME: Final = "asked for by name"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to a model. `body` is what goes to the host's `path`, but for what the gateway decides.

    `model` is as the client wrote it, or as the router chose; `caller` is the name of the client's key.
    """

    kind: Kind
    path: str
    body: Mapping[str, Any] = field(repr=False)
    model: str
    reason: str
    caller: str = "anyone"
    priority: int = 0
    session: str | None = None
    request_key: str | None = None
    endpoint: str = ""
    texts: bool = False
    name: str = ""
    """The model's name as `/api/ps` shows it; made of `model` where it is not given. See `Fleet.as_installed`."""

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", canonical_model_name(self.model.strip()))

    @property
    def streams(self) -> bool:
        """Whether the answer comes in pieces."""
        return self.kind != "embed" and self.body.get("stream") is not False

    @property
    def leaves_after(self) -> bool:
        """Whether the client itself wants the model to leave after the answer."""
        try:
            return parse_keep_alive(self.body.get("keep_alive")) == 0
        except KeepAliveError:
            return False

    @property
    def is_unload(self) -> bool:
        """Whether it only asks the model to leave: no prompt, and a keep_alive of 0."""
        return self.is_bare and self.leaves_after

    @property
    def is_bare(self) -> bool:
        """Whether there is nothing to answer: the model is only loaded, or asked to leave."""
        if self.kind == "chat":
            return not self.body.get("messages")
        return self.kind == "generate" and not self.body.get("prompt") and not self.body.get("images")


def choose_model(asked: Any, said: str | None, router: Router) -> tuple[str, str]:
    """The model and the reason: the named one, or the router's choice by the last user message.

    Raises:
        Refusal: no model is named, and there is nothing to choose by.
    """
    if asked is not None and not isinstance(asked, str):
        raise Refusal(Why.BAD_REQUEST, "model: write a name, or leave it out to have one chosen")
    name = (asked or "").strip()
    if name and name.lower() != AUTO:
        return name, BY_NAME
    if said is None:
        raise Refusal(Why.BAD_REQUEST, "model is required: there is no user message to choose one by")
    decision = router.route(said)
    return decision.model, decision.reason


def last_user_text(messages: Any) -> str | None:
    """The text of the last message of the user; a content of parts counts with its texts."""
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, list):
                parts = [part.get("text") for part in content if isinstance(part, dict)]
                return "\n".join(part for part in parts if isinstance(part, str))
            return content if isinstance(content, str) else ""
    return None


def session_of(body: Mapping[str, Any], headers: Mapping[str, str]) -> str | None:
    """The session: the body's `session`, else `X-Hotswap-Session`. Raises Refusal if one of them is none."""
    sent = headers.get("x-hotswap-session")
    for given in (sent, body.get("session")):
        if given is not None and (not isinstance(given, str) or re.fullmatch(OWN_ID, given) is None):
            raise Refusal(Why.BAD_REQUEST, f"session: {SHAPE_OF_ID}")
    named: str | None = body.get("session")
    return sent if named is None else named


def priority_of(text: str | None) -> int:
    """`X-Hotswap-Priority`: low, normal or high; empty is normal. Raises Refusal for anything else."""
    if not text:
        return PRIORITIES["normal"]
    priority = PRIORITIES.get(text.strip().lower() or "normal")
    if priority is None:
        raise Refusal(Why.BAD_REQUEST, f"X-Hotswap-Priority is one of {', '.join(PRIORITIES)}")
    return priority
