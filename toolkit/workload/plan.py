"""A plan: every request that a run will make, decided before the first is sent.

A scenario file or a trace becomes a plan once; each strategy, host and repetition then plays the same plan. Open-loop
requests carry an absolute time. Requests that follow another one (a turn of a conversation, the next request of one
of N closed-loop users) carry its id and a think time, because their moment depends on when the host answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """One request to make.

    Exactly one of `at_ns` and `after` is set. `text` is the last user message (what the router sees), `system` a
    system prompt. `prompt_tokens` counts everything the model must read, earlier turns included;
    `shared_prefix_tokens` of them were already part of the previous request of the same `session`. `model` is a name
    asked for explicitly, or None to let the router decide from `text`; `label` is the role the author of the scenario
    expected (`code`, `fast`, `primary`), used to score the router and never to steer it.
    """

    id: str
    at_ns: int | None
    after: str | None
    think_ns: int
    text: str
    system: str | None
    prompt_tokens: int
    shared_prefix_tokens: int
    output_tokens: int
    model: str | None
    label: str | None
    session: str | None
    service_ns: int | None = None
    """How long the answer takes once the model is there, where a trace knows it; the twin then uses it."""
    patience_ns: int | None = None
    """How long after its intended moment somebody waits for the first token before they leave; None: for ever."""
    options: tuple[tuple[str, Any], ...] = ()
    """Runner options (`num_ctx`, …) that this request brings, over those of the config; sorted by name."""
    keep_alive_ns: int | None = None
    """What the client of a recorded request asked for; strategies decide for themselves."""
    priority: int = 0
    """Higher is more urgent, for disciplines that know of it."""


@dataclass(frozen=True, slots=True)
class Slo:
    """A promise to people: at least `share` of the requests see `metric` (`ttft` or `e2e`) within `limit_ns`."""

    metric: str
    limit_ns: int
    share: float


@dataclass(frozen=True, slots=True)
class Plan:
    """All requests of a run, in the order of the file or of intended arrival; ids are unique.

    `duration_ns` is how long arrivals last (answers may come later). `source` names the file, `source_sha256` its
    bytes, so that unlike runs are not compared. `notes` are sentences a reader of the report must know ("77 models
    mapped by rank to 3").
    """

    name: str
    description: str
    requests: tuple[PlannedRequest, ...]
    duration_ns: int
    seed: int
    slos: tuple[Slo, ...]
    source: str
    source_sha256: str
    notes: tuple[str, ...]
