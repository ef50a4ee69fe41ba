"""What a run leaves behind: one immutable record a request, the spans in which models were in memory, and provenance.

All times are integer nanoseconds since the start of the run, on one clock. Absent is None, never 0: a request that
was refused has no first token, and a real host does not tell how its load splits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Temperature = Literal["hit", "joined", "cold", "reload"]
"""How a request found its model.

- `hit`: in memory and ready.
- `joined`: not ready at arrival, but served without a load of its own: it waited for somebody else's load or unload.
- `cold`: this request had the model loaded.
- `reload`: the model was in memory with other runner options, and was loaded again.
"""

Outcome = Literal["ok", "rejected", "failed", "cancelled", "unanswered"]

Phase = Literal["warmup", "measure", "drain"]
"""The part of a run in which a request arrived: warm-up is kept and labelled, never thrown away."""


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request from intention to last token.

    `intended_ns` is when it should have been sent, `sent_ns` when it was: latency is measured from the intention
    first. `ready_ns` is when it had a loaded model in hand. The parts of the wait: `queue_ns` (waiting for others),
    `evict_ns` (unloads and the wait for memory, caused by this request), `load_ns` (its own load); `slot_ns` (waiting
    for a slot of the runner) comes after `ready_ns`, then `prefill_ns` and `decode_ns`. `server_load_ns` is the
    answer's own `load_duration`. `token_ns` is when each piece of a streamed answer came (None where nobody looked),
    `prompt_cached` whether the counters show that the server had part of the prompt in its prefix cache, `deadline_ns`
    when the client would have given up. `reason` says why the router chose the model, `rule` the number of the custom
    rule (1-based) if one did. `keep_alive_ns`, `unloaded_before`, `preloaded_after` are the strategy's directive as
    performed. `evicted` are the victims that the server chose for this request, as far as known.
    """

    id: str
    session: str | None
    intended_ns: int
    sent_ns: int | None
    ready_ns: int | None
    first_token_ns: int | None
    done_ns: int | None
    model_asked: str | None
    model: str
    label: str | None
    reason: str
    rule: int | None
    keep_alive_ns: int | None
    unloaded_before: tuple[str, ...]
    preloaded_after: tuple[str, ...]
    temperature: Temperature | None
    queue_ns: int | None
    evict_ns: int | None
    load_ns: int | None
    slot_ns: int | None
    prefill_ns: int | None
    decode_ns: int | None
    server_load_ns: int | None
    prompt_tokens: int | None
    output_tokens: int | None
    evicted: tuple[str, ...]
    outcome: Outcome
    error: str | None
    phase: Phase = "measure"
    token_ns: tuple[int, ...] | None = None
    prompt_cached: bool | None = None
    deadline_ns: int | None = None


@dataclass(frozen=True, slots=True)
class ResidencySpan:
    """A model in memory, or on its way into or out of it.

    `load_start_ns` ≤ `ready_ns` ≤ `unload_start_ns` ≤ `gone_ns`; None where it did not come to that.

    `vram_bytes` and `size_bytes` as `/api/ps` shows them. `cause` says why it left: `expired`, `evicted`, `unloaded`,
    `reload`, `failed`, or None while it is there.
    """

    model: str
    load_start_ns: int
    ready_ns: int | None
    unload_start_ns: int | None
    gone_ns: int | None
    vram_bytes: int
    size_bytes: int
    cause: str | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Everything that must be equal before two runs may be compared, and what a reader needs to repeat this one.

    `plan_sha256` is that of the requests as they were played. `host` is `twin` or the base URL; `server_version` as
    `/api/version` says; `profile` the scheduler profile; `models` pairs of (name, digest); `options` and
    `environment` sorted pairs. `started_at` is an ISO time for real hosts and None in virtual time, so that equal
    runs give equal bytes.
    """

    toolkit_version: str
    host: str
    server_version: str
    profile: str
    models: tuple[tuple[str, str], ...]
    options: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    hardware: str
    plan: str
    plan_sha256: str
    seed: int
    repeat: int
    started_at: str | None
    notes: tuple[str, ...]
    toolkit_commit: str | None = None
    """Of a checkout; None where the toolkit was installed from a package."""


@dataclass(frozen=True, slots=True)
class ClientHealth:
    """Whether the client kept up with its own plan. A run with a reason in `void` says nothing about the server.

    Schedule lag is from a request's intended moment to its sending, loop lag how much later than asked the event loop
    woke up; `cpu_share` is the client's processor time over the wall time of the run, of one core; `gc_ns` is what
    the garbage collector took.
    """

    schedule_lag_p99_ns: int
    schedule_lag_max_ns: int
    loop_lag_p99_ns: int
    loop_lag_max_ns: int
    cpu_share: float
    gc_ns: int
    void: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One plan played once under one strategy.

    `complete` is False when the host died or the user interrupted; what was measured is kept.
    """

    strategy: str
    repetition: int
    records: tuple[RequestRecord, ...]
    residency: tuple[ResidencySpan, ...]
    end_ns: int
    complete: bool
    provenance: Provenance
    client: ClientHealth | None = None
    """None in virtual time, where the client takes no time."""
