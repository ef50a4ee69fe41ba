"""Requests that come again: a client that lost an answer of a session asks once more, under the same key. Pure.

The key is `Idempotency-Key`, as draft-ietf-httpapi-idempotency-key-header describes it, or the field `request_key`. It
belongs to its session. What was answered under it is said again, word for word, and no model is asked. A repeat that
comes while the first is still being answered waits for it: the draft would have it refused with 409, but whoever asks
again wants the answer, and requests of one session wait for each other anyway. Another request under the same key is
refused with 422. What was not answered to its end was not answered, and is asked anew.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from toolkit.gateway.ask import BY_NAME
from toolkit.gateway.course import Course
from toolkit.gateway.http import as_json
from toolkit.gateway.refusal import Refusal, Why
from toolkit.gateway.sessions.wire import call_data
from toolkit.ollama.wire import JSON, NDJSON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolkit.gateway.ask import Ask, Kind
    from toolkit.gateway.sessions.records import Exchange

HEADER: Final = "idempotency-key"
FIELD: Final = "request_key"
REPLAYED: Final = "idempotent-replayed"
"""The header that tells an answer said again from a new one; its name is what other services use."""
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
_STRING = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_ESCAPED = re.compile(r"\\(.)")
SHAPE_OF_KEY: Final = "1 to 255 characters of ASCII, best a random UUID"
_DELIVERY: Final = frozenset({"stream", "model"})
"""Not compared: how the answer is delivered; the model is compared as the client named it, not as it was routed."""
_FOUND: Final = {"hit": "hit", "cold": "cold", "reload": "reload"}
_NS_PER_S = 1_000_000_000


def request_key_of(body: Mapping[str, Any], headers: Mapping[str, str], kind: Kind, session: str | None) -> str | None:
    """The client's name of the request, None if it gave none.

    The header alone is passed over where no session keeps answers, since some clients send it with everything.

    Raises:
        Refusal: a key of the wrong form, two keys, or the field `request_key` where no answers are kept.
    """
    given, sent = body.get(FIELD), headers.get(HEADER)
    if given is not None and (kind != "chat" or session is None):
        raise Refusal(Why.BAD_REQUEST, f"{FIELD}: only answers of a session are kept; name a session in a chat")
    if given is not None and not is_request_key(given):
        raise Refusal(Why.BAD_REQUEST, f"{FIELD}: a text of {SHAPE_OF_KEY}")
    known = None if sent is None else _unquoted(sent.strip())
    if session is None:
        return None
    if given is not None and known is not None and given != known:
        raise Refusal(Why.BAD_REQUEST, f"{FIELD} and the header Idempotency-Key differ; send one of them")
    return given if known is None else known


def is_request_key(given: Any) -> bool:
    """Whether it has the form of a key."""
    return isinstance(given, str) and _KEY.fullmatch(given) is not None


def request_digest(ask: Ask) -> str:
    """What has to be the same if a request is the same: SHA-256 of all that the client asks for, but its delivery."""
    asked = {name: value for name, value in ask.body.items() if name not in _DELIVERY}
    model = ask.model if ask.reason == BY_NAME else ""
    return hashlib.sha256(json.dumps([ask.kind, model, asked], sort_keys=True).encode()).hexdigest()


def check_same(stored: Exchange, digest: str) -> None:
    """Raises Refusal if the key that comes again was another request's."""
    if stored.request_digest not in (None, digest):
        text = "this key of the session was used for another request; take a new key for each request"
        raise Refusal(Why.KEY_REUSED, text)


class StoredReply:
    """An answer out of the session, in the shape in which a host would give it."""

    status = 200

    def __init__(self, ask: Ask, stored: Exchange) -> None:
        self._stored = stored
        self._streams = ask.streams
        self.content_type = NDJSON if ask.streams else JSON
        self.course = Course(replace(ask, model=stored.model, reason=stored.reason), 0)
        self.course.found = _FOUND.get(stored.found or "")  # type: ignore[assignment] # one of the three, or None
        self.course.replayed = True

    async def pour(self, take: Callable[[bytes], bool | None]) -> bool:
        """The whole answer; a stream has it in one line, and the counters in its last."""
        said, last = self._said(), self._last()
        if not self._streams:
            take(as_json({**self._head(), "message": said, **last}))
            return True
        if said != {"role": "assistant", "content": ""}:
            take(as_json({**self._head(), "message": said, "done": False}) + b"\n")
        take(as_json({**self._head(), "message": {"role": "assistant", "content": ""}, **last}) + b"\n")
        return True

    def _head(self) -> dict[str, Any]:
        ended_ns = self._stored.started_ns + (self._stored.total_ns or 0)
        at = datetime.fromtimestamp(ended_ns / _NS_PER_S, UTC)
        return {"model": self._stored.model, "created_at": at.isoformat().replace("+00:00", "Z")}

    def _said(self) -> dict[str, Any]:
        answer = self._stored.answer
        if answer is None:
            return {"role": "assistant", "content": ""}
        said: dict[str, Any] = {"role": "assistant", "content": answer.content}
        if answer.thinking:
            said["thinking"] = answer.thinking
        if answer.tool_calls:
            said["tool_calls"] = list(map(call_data, answer.tool_calls))
        return said

    def _last(self) -> dict[str, Any]:
        stored = self._stored
        counters = {
            "total_duration": stored.total_ns,
            "load_duration": stored.load_ns,
            "prompt_eval_count": stored.prompt_tokens,
            "eval_count": stored.answer_tokens,
        }
        known = {name: value for name, value in counters.items() if value is not None}
        return {"done": True, "done_reason": stored.done_reason or "stop", **known}


def _unquoted(sent: str) -> str:
    """The key in the header: a string in quotes, as the draft has it, or as it is, as most clients write it."""
    quoted = _STRING.fullmatch(sent)
    key = _ESCAPED.sub(r"\1", quoted[1]) if quoted else sent
    if (not quoted and sent.startswith('"')) or _KEY.fullmatch(key) is None:
        raise Refusal(Why.BAD_REQUEST, f'Idempotency-Key: "KEY" in double quotes; {SHAPE_OF_KEY}')
    return key
