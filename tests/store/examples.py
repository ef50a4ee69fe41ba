"""A run whose numbers one can follow in the head."""

from __future__ import annotations

from dataclasses import replace

from toolkit.replay.records import ClientHealth, Provenance, RequestRecord, ResidencySpan, Run

PROVENANCE = Provenance(
    "1", "twin", "0.32", "v0.32", (("a", "d" * 64),), (("a num_ctx", "4096"),), (("OLLAMA_DEBUG", "1"),), "gpu", "day",
    "0", 1, 1, None, ("n",),
)  # fmt: skip
LIVE = replace(PROVENANCE, host="http://127.0.0.1:1", started_at="2026-11-28T01:00:00+00:00")
RECORD = RequestRecord(
    id="1", session=None, intended_ns=5, sent_ns=6, ready_ns=7, first_token_ns=8, done_ns=9, model_asked=None,
    model="modèle", label=None, reason="default", rule=None, keep_alive_ns=-1, unloaded_before=("b",),
    preloaded_after=(), temperature="cold", queue_ns=0, evict_ns=None, load_ns=1, slot_ns=0, prefill_ns=1, decode_ns=1,
    server_load_ns=1, prompt_tokens=10, output_tokens=10, evicted=(), outcome="ok", error=None,
)  # fmt: skip
STREAMED = replace(RECORD, id="2", phase="warmup", token_ns=(8, 9), prompt_cached=True, deadline_ns=30)
SPAN = ResidencySpan("modèle", 6, 7, None, None, 1, 2, None)
HEALTH = ClientHealth(1, 2, 3, 4, 0.5, 6, ("the event loop was late",))
RUN = Run("ram", 2, (RECORD, STREAMED), (SPAN,), 20, complete=True, provenance=PROVENANCE, client=HEALTH)
