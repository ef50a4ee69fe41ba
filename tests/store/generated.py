"""Runs of every kind, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from toolkit.replay.records import ClientHealth, Provenance, RequestRecord, ResidencySpan, Run

NS = st.integers(0, 1 << 50)
MAYBE_NS = st.none() | NS
COUNT = st.none() | st.integers(0, 1 << 40)
TEXT = st.text(max_size=8)
NAMES = st.lists(TEXT, max_size=3).map(tuple)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple)

RECORDS = st.builds(
    RequestRecord,
    id=TEXT,
    session=st.none() | TEXT,
    intended_ns=NS,
    sent_ns=MAYBE_NS,
    ready_ns=MAYBE_NS,
    first_token_ns=MAYBE_NS,
    done_ns=MAYBE_NS,
    model_asked=st.none() | TEXT,
    model=TEXT,
    label=st.none() | TEXT,
    reason=TEXT,
    rule=st.none() | st.integers(1, 9),
    keep_alive_ns=st.none() | st.integers(-1, 1 << 62),
    unloaded_before=NAMES,
    preloaded_after=NAMES,
    temperature=st.none() | st.sampled_from(("hit", "joined", "cold", "reload")),
    queue_ns=MAYBE_NS,
    evict_ns=MAYBE_NS,
    load_ns=MAYBE_NS,
    slot_ns=MAYBE_NS,
    prefill_ns=MAYBE_NS,
    decode_ns=MAYBE_NS,
    server_load_ns=MAYBE_NS,
    prompt_tokens=COUNT,
    output_tokens=COUNT,
    evicted=NAMES,
    outcome=st.sampled_from(("ok", "rejected", "failed", "cancelled", "unanswered")),
    error=st.none() | TEXT,
    phase=st.sampled_from(("warmup", "measure", "drain")),
    token_ns=st.none() | st.lists(NS, max_size=5).map(tuple),
    prompt_cached=st.none() | st.booleans(),
    deadline_ns=MAYBE_NS,
)
SPANS = st.builds(
    ResidencySpan,
    model=TEXT,
    load_start_ns=NS,
    ready_ns=MAYBE_NS,
    unload_start_ns=MAYBE_NS,
    gone_ns=MAYBE_NS,
    vram_bytes=NS,
    size_bytes=NS,
    cause=st.none() | TEXT,
)
PROVENANCES = st.builds(
    Provenance,
    toolkit_version=TEXT,
    host=TEXT,
    server_version=TEXT,
    profile=TEXT,
    models=PAIRS,
    options=PAIRS,
    environment=PAIRS,
    hardware=TEXT,
    plan=TEXT,
    plan_sha256=TEXT,
    seed=st.integers(0, 1 << 60),
    repeat=st.integers(1, 9),
    started_at=st.none() | TEXT,
    notes=NAMES,
    toolkit_commit=st.none() | TEXT,
)
HEALTHS = st.builds(
    ClientHealth,
    schedule_lag_p99_ns=NS,
    schedule_lag_max_ns=NS,
    loop_lag_p99_ns=NS,
    loop_lag_max_ns=NS,
    cpu_share=st.floats(0, 1),
    gc_ns=NS,
    void=NAMES,
)
RUNS = st.builds(
    Run,
    strategy=TEXT,
    repetition=st.integers(0, 9),
    records=st.lists(RECORDS, max_size=4).map(tuple),
    residency=st.lists(SPANS, max_size=3).map(tuple),
    end_ns=NS,
    complete=st.booleans(),
    provenance=PROVENANCES,
    client=st.none() | HEALTHS,
)
