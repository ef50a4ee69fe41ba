"""What a client can say about one request to a real host, as a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.ollama.errors import CanceledError, OllamaError, ServerBusyError
from toolkit.replay.records import RequestRecord

if TYPE_CHECKING:
    from toolkit.ollama.types import ChatAnswer, Counters, Times
    from toolkit.replay.dispatch import Dispatch
    from toolkit.replay.records import Outcome, Temperature

RESIDENT_BELOW_NS = 150_000_000
"""A `load_duration` below this found its model in memory.

A resident model takes about 3 ms; the quickest load takes one poll of its runner's health, 250 ms.
"""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What `/api/ps` said just before: whether the model was listed, and whether a request of ours was loading it."""

    listed: bool
    being_loaded: bool
    context_length: int | None


def answered_record(
    dispatch: Dispatch, seen: Sighting, sent_ns: int, answer: ChatAnswer, *, start_ns: int, context_after: int | None
) -> RequestRecord:
    """The record of an answer; `start_ns` is the run's start on the clock of the answer's times.

    The first token and the end are the client's; when the model was in hand is the server's `load_duration` after
    sending. Queue, eviction and load are one sum there, so each of them is None.
    """
    times, counters = answer.times, answer.counters
    load_ns = counters.load_ns or 0
    done_ns = None if times.done_ns is None else times.done_ns - start_ns
    ready_ns = sent_ns + load_ns
    return _record(
        dispatch,
        sent_ns,
        ready_ns=ready_ns if done_ns is None else min(ready_ns, done_ns),
        first_token_ns=None if times.first_token_ns is None else times.first_token_ns - start_ns,
        done_ns=done_ns,
        temperature=_temperature(seen, load_ns, context_after),
        counters=counters,
        outcome="ok",
        error=None,
    )


def failed_record(dispatch: Dispatch, sent_ns: int | None, error: OllamaError | None, start_ns: int) -> RequestRecord:
    """The record of a request without an answer; without an error it was we who gave it up."""
    times: Times | None = None if error is None or error.progress is None else error.progress.times
    first = None if times is None or times.first_token_ns is None else times.first_token_ns - start_ns
    return _record(
        dispatch,
        sent_ns,
        ready_ns=None,
        first_token_ns=first,
        done_ns=None,
        temperature=None,
        counters=None,
        outcome=_outcome(error),
        error=None if error is None else str(error),
    )


def _outcome(error: OllamaError | None) -> Outcome:
    if error is None or isinstance(error, CanceledError):
        return "cancelled"
    return "rejected" if isinstance(error, ServerBusyError) else "failed"


def _temperature(seen: Sighting, load_ns: int, context_after: int | None) -> Temperature:
    if load_ns < RESIDENT_BELOW_NS:
        return "hit"
    if seen.being_loaded:
        return "joined"
    changed = seen.listed and context_after is not None and context_after != seen.context_length
    return "reload" if changed else "cold"


def _record(
    dispatch: Dispatch,
    sent_ns: int | None,
    *,
    ready_ns: int | None,
    first_token_ns: int | None,
    done_ns: int | None,
    temperature: Temperature | None,
    counters: Counters | None,
    outcome: Outcome,
    error: str | None,
) -> RequestRecord:
    request, directive = dispatch.request, dispatch.directive
    made_room = bool(directive.unload_before) and sent_ns is not None
    return RequestRecord(
        id=request.id,
        session=request.session,
        intended_ns=dispatch.intended_ns,
        sent_ns=sent_ns,
        ready_ns=ready_ns,
        first_token_ns=first_token_ns,
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
    )
