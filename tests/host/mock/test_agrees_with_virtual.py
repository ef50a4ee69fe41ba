"""The mock and the virtual driver decide alike: one story for both, and the same loads, victims and reasons."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.config.twin import TwinSection
from toolkit.host.footprints import footprints_of
from toolkit.host.from_config import twin_from_config
from toolkit.host.mock import MockTwin, mock_ollama
from toolkit.host.mock.ledger import Ledger
from toolkit.host.twin import TwinTiming, Work
from toolkit.host.virtual import CHAT, UNLOAD, Ask, VirtualHost

MODELS = ("qwen2.5:32b", "deepseek-coder-v2:16b", "qwen2.5:7b")
KEEP_ALIVES = (None, "30m", "2m", 0, -1)
NS_PER_S = 1_000_000_000

Step = tuple[str, str, str | int | None, int | None, int]
"""What (chat or unload), model, keep_alive, num_ctx, then a pause in seconds."""


def decisions(ledger: Ledger | MockTwin) -> tuple[list[object], ...]:
    return (
        [(load.model, load.num_ctx, load.vram_bytes) for load in ledger.loads],
        [(eviction.model, eviction.reason, eviction.needed_by) for eviction in ledger.evictions],
        [(unload.model, unload.reason) for unload in ledger.unloads],
        list(ledger.loaded),
    )


def in_virtual_time(steps: list[Step]) -> tuple[list[object], ...]:
    """On the heap of events, one request after the other."""
    spec = twin_from_config(TwinSection())
    host: VirtualHost
    ledger = Ledger(lambda: host.now_ns)
    host = VirtualHost(
        spec.hardware,
        [model.spec for model in spec.models],
        timing=TwinTiming(spec, "any"),
        footprints=footprints_of(spec),
        observer=ledger,
    )
    for number, (kind, model, keep_alive, num_ctx, pause_s) in enumerate(steps):
        options = () if num_ctx is None else (("num_ctx", num_ctx),)
        done: list[object] = []
        asked_kind, asked_keep_alive = (CHAT, keep_alive) if kind == "chat" else (UNLOAD, 0)
        work = Work(20, 0, 50, None)
        host.submit(
            Ask(f"r{number}", model, asked_kind, keep_alive=asked_keep_alive, options=options, work=work),
            on_done=done.append,
        )
        while not done:
            host.run(host.now_ns + NS_PER_S // 4)
        host.run(host.now_ns + (pause_s + 6) * NS_PER_S)
    return decisions(ledger)


def in_the_mock(steps: list[Step]) -> tuple[list[object], ...]:
    """Through HTTP."""
    with mock_ollama() as twin, httpx.Client(base_url=twin.url, timeout=86_400) as client:
        for kind, model, keep_alive, num_ctx, pause_s in steps:
            body: dict[str, object] = {"model": model, "keep_alive": 0}
            if kind == "chat":
                body = {"model": model, "prompt": "hi", "keep_alive": keep_alive}
                body["options"] = {} if num_ctx is None else {"num_ctx": num_ctx}
            client.post("/api/generate", json=body).raise_for_status()
            twin.advance(pause_s + 6)
        return decisions(twin)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("chat", "chat", "chat", "unload")),
        st.sampled_from(MODELS),
        st.sampled_from(KEEP_ALIVES),
        st.sampled_from((None, 4096, 16384)),
        st.sampled_from((0, 20, 600)),
    ),
    max_size=6,
)


@settings(max_examples=30)
@given(STEPS)
def test_both_drivers_decide_alike(steps: list[Step]) -> None:
    assert in_the_mock(steps) == in_virtual_time(steps)


@pytest.mark.parametrize("order", [MODELS, MODELS[::-1], (*MODELS, *MODELS)])
def test_both_evict_the_same_victims(order: tuple[str, ...]) -> None:
    steps: list[Step] = [("chat", model, "30m", None, 0) for model in order]
    found = in_the_mock(steps)
    assert found == in_virtual_time(steps)
    assert found[1], "nothing was evicted, so nothing was shown"
