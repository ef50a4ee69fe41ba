"""A run of `hotswap replay`, real or simulated, as a recording: the same requests, unloads and preloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.measure.recording import Recording, Sent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from toolkit.replay.records import RequestRecord, Run

UNLOAD_NS = 1_000_000
"""How long before its request an unload is taken to have been sent."""


def recording_of(run: Run) -> Recording:
    """What the run's records say; they have no log, and a request that was never sent is left out."""
    context = dict(run.provenance.options).get("num_ctx")
    num_ctx = int(context) if context and context.isdecimal() else None
    sent = [one for record in _with_history(run.records) for one in _sent(*record, num_ctx)]
    ordered = sorted(sent, key=lambda one: one["sent_ns"])
    requests = tuple(Sent(number=number, **one) for number, one in enumerate(ordered))
    return Recording(requests, (), (), dict(run.provenance.environment), has_log=False)


def _with_history(records: Iterable[RequestRecord]) -> Iterator[tuple[RequestRecord, int]]:
    """Each record with the tokens that its conversation had on the same model before."""
    before: dict[tuple[str, str], int] = {}
    for record in sorted(records, key=lambda record: record.sent_ns or 0):
        key = (record.session or record.id, record.model)
        yield record, min(before.get(key, 0), record.prompt_tokens or 0)
        before[key] = (record.prompt_tokens or 0) + (record.output_tokens or 0)


def _sent(record: RequestRecord, continued_tokens: int, num_ctx: int | None) -> Iterator[dict[str, Any]]:
    if record.sent_ns is None:
        return
    end_ns = record.done_ns if record.done_ns is not None else record.sent_ns
    first_ns = record.first_token_ns if record.first_token_ns is not None else end_ns
    yield from (_plain(model, "unload", record.sent_ns - UNLOAD_NS) for model in record.unloaded_before)
    yield {
        **_plain(record.model, "chat", record.sent_ns),
        "keep_alive": _keep_alive(record.keep_alive_ns),
        "num_ctx": num_ctx,
        "headers_ns": first_ns,
        "first_byte_ns": first_ns,
        "end_ns": end_ns,
        "answered": record.outcome == "ok" and record.done_ns is not None,
        "counters": _counters(record),
        "continued_tokens": continued_tokens,
        "session": record.session,
    }
    if record.done_ns is not None:
        yield from (_plain(model, "load", record.done_ns) for model in record.preloaded_after)


def _plain(model: str, kind: str, at_ns: int) -> dict[str, Any]:
    """A call whose answer nobody kept."""
    return {
        "model": model, "kind": kind, "keep_alive": None, "num_ctx": None, "sent_ns": at_ns, "headers_ns": at_ns,
        "first_byte_ns": at_ns, "end_ns": at_ns, "answered": False, "counters": {}, "load_average": None,
        "listed_before": None,
    }  # fmt: skip


def _keep_alive(duration_ns: int | None) -> str | int | None:
    if duration_ns is None:
        return None
    return -1 if duration_ns < 0 else f"{duration_ns}ns"


def _counters(record: RequestRecord) -> dict[str, int]:
    counters = {
        "load_duration": record.server_load_ns,
        "prompt_eval_count": record.prompt_tokens,
        "prompt_eval_duration": record.prefill_ns,
        "eval_count": record.output_tokens,
        "eval_duration": record.decode_ns,
    }
    return {name: value for name, value in counters.items() if value is not None}
