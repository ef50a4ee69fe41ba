"""What a client can say about one request to a real host, as a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.ollama.errors import CanceledError, OllamaError, ServerBusyError
from toolkit.replay.records import RequestRecord

if TYPE_CHECKING:
    from toolkit.ollama.types import Counters, TimedAnswer
    from toolkit.replay.dispatch import Dispatch
    from toolkit.replay.records import Outcome, Phase, Temperature

RESIDENT_BELOW_NS = 150_000_000
"""A `load_duration` below this found its model in memory.

A resident model takes about 3 ms; the quickest load takes one poll of its runner's health, 250 ms.
"""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was known before sending: whether the model was listed when last looked, and with which context.

    `being_loaded`: a request of ours for it, sent earlier, had not got its first token.
    """

    listed: bool
    being_loaded: bool
    context_length: int | None


@dataclass(frozen=True, slots=True)
class Sending:
    """One request as far as it came before its answer. Times since the start of the run."""

    dispatch: Dispatch
    phase: Phase
    sent_ns: int | None
    deadline_ns: int | None


def answered_record(
    sending: Sending,
    answer: TimedAnswer,
    *,
    start_ns: int,
    temperature: Temperature,
    is_cached: bool | None,
) -> RequestRecord:
    """The record of an answer; `start_ns` is the run's start on the clock of the answer's times.

    Tokens and the end are the client's; when the model was in hand is the server's `load_duration` after sending.
    Queue, eviction and load are one sum there, so each of them is None.
    """
    tokens = tuple([at_ns - start_ns for at_ns in answer.token_ns])
    done_ns = None if answer.times.done_ns is None else answer.times.done_ns - start_ns
    ready_ns = answer.times.sent_ns - start_ns + (answer.counters.load_ns or 0)
    return _record(
        sending,
        ready_ns=ready_ns if done_ns is None else min(ready_ns, done_ns),
        tokens=tokens,
        done_ns=done_ns,
        temperature=temperature,
        counters=answer.counters,
        outcome="ok",
        error=None,
        is_cached=is_cached,
    )


def failed_record(sending: Sending, error: OllamaError | None, start_ns: int) -> RequestRecord:
    """The record of a request that the host failed; without an error it was we who were interrupted."""
    progress = None if error is None else error.progress
    first = None if progress is None else progress.times.first_token_ns
    outcome: Outcome = "failed"
    if error is None or isinstance(error, CanceledError):
        outcome = "cancelled"
    elif isinstance(error, ServerBusyError):
        outcome = "rejected"
    tokens = None if first is None else (first - start_ns,)
    return _unanswered(sending, outcome, None if error is None else str(error), tokens)


def given_up_record(sending: Sending, outcome: Outcome, why: str, first_token_ns: int | None) -> RequestRecord:
    """The record of a request that the client gave up: its patience, its deadline or the drain had ended."""
    return _unanswered(sending, outcome, why, None if first_token_ns is None else (first_token_ns,))


def temperature_of(seen: Sighting, load_ns: int, context_after: int | None) -> Temperature:
    """How a request found its model, as far as a client can know.

    By the server's `load_duration` first. Whoever waited for a model that an earlier request of ours was still waiting
    for has joined it. A reload shows in the context that `/api/ps` lists before and after.
    """
    if load_ns < RESIDENT_BELOW_NS:
        return "hit"
    if seen.being_loaded:
        return "joined"
    changed = seen.listed and context_after is not None and context_after != seen.context_length
    return "reload" if changed else "cold"


def _unanswered(sending: Sending, outcome: Outcome, why: str | None, tokens: tuple[int, ...] | None) -> RequestRecord:
    return _record(
        sending,
        ready_ns=None,
        tokens=tokens,
        done_ns=None,
        temperature=None,
        counters=None,
        outcome=outcome,
        error=why,
        is_cached=None,
    )


def _record(
    sending: Sending,
    *,
    ready_ns: int | None,
    tokens: tuple[int, ...] | None,
    done_ns: int | None,
    temperature: Temperature | None,
    counters: Counters | None,
    outcome: Outcome,
    error: str | None,
    is_cached: bool | None,
) -> RequestRecord:
    dispatch, sent_ns = sending.dispatch, sending.sent_ns
    request, directive = dispatch.request, dispatch.directive
    made_room = bool(directive.unload_before) and sent_ns is not None
    return RequestRecord(
        id=request.id,
        session=request.session,
        intended_ns=dispatch.intended_ns,
        sent_ns=sent_ns,
        ready_ns=ready_ns,
        first_token_ns=tokens[0] if tokens else None,
        done_ns=done_ns,
        model_asked=request.model,
        model=dispatch.model,
        label=request.label,
        reason=dispatch.reason,
        rule=dispatch.rule,
        keep_alive_ns=directive.keep_alive_ns,
        unloaded_before=directive.unload_before,
        preloaded_after=directive.preload_after if outcome == "ok" else (),
        temperature=temperature,
        queue_ns=None,
        evict_ns=sent_ns - dispatch.intended_ns if made_room and sent_ns is not None else None,
        load_ns=None,
        slot_ns=None,
        prefill_ns=None if counters is None else counters.prompt_eval_ns,
        decode_ns=None if counters is None else counters.eval_ns,
        server_load_ns=None if counters is None else counters.load_ns,
        prompt_tokens=None if counters is None else counters.prompt_eval_count,
        output_tokens=None if counters is None else counters.eval_count,
        evicted=(),
        outcome=outcome,
        error=error,
        phase=sending.phase,
        token_ns=tokens if outcome == "ok" else None,
        prompt_cached=is_cached,
        deadline_ns=sending.deadline_ns,
    )
