"""A request as a line of a trace of the format `jsonl`; `docs/traces.md` says what each field means. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

CHAT, GENERATE, EMBED, LOAD, UNLOAD = "chat", "generate", "embed", "load", "unload"
KINDS = (CHAT, GENERATE, EMBED, LOAD, UNLOAD)
OK, ERROR, LEFT, LOST, UNREACHABLE, INTERRUPTED = "ok", "error", "left", "lost", "unreachable", "interrupted"
OUTCOMES = (OK, ERROR, LEFT, LOST, UNREACHABLE, INTERRUPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRequest:
    """What is known about a request that has ended; None is not known, and is not written.

    `at_ns` is when it came, since 1970; the other times are durations, those before `load_ns` seen from outside, the
    rest the server's own counters. `estimated` names the token counts that nobody counted. `keep_alive` is the value of
    the request, as sent.
    """

    at_ns: int
    kind: str = CHAT
    model: str | None = None
    session: str | None = None
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    shared_prefix_tokens: int | None = None
    estimated: tuple[str, ...] | None = None
    options: Mapping[str, Any] | None = None
    keep_alive: int | float | str | None = None
    priority: int | None = None
    stream: bool | None = None
    endpoint: str | None = None
    status: int | None = None
    outcome: str = OK
    error: str | None = None
    cold: bool | None = None
    ttft_ns: int | None = None
    e2e_ns: int | None = None
    load_ns: int | None = None
    prompt_eval_ns: int | None = None
    eval_ns: int | None = None
    total_ns: int | None = None
    service_ns: int | None = None
    text: str | None = None
    system: str | None = None
    answer: str | None = None


FIELDS = tuple(field.name for field in fields(LoggedRequest))
_values = attrgetter(*FIELDS)
_written = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=dict).encode  # `dumps` makes one a line


def line_of(request: LoggedRequest) -> bytes:
    """The request as one line of the file, with its line end: compact JSON in ASCII, fields in the order above."""
    known = {name: value for name, value in zip(FIELDS, _values(request), strict=True) if value is not None}
    return _written(known).encode() + b"\n"
