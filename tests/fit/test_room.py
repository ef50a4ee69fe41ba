"""Verdicts for one model: really, in Ollama's eyes, and how much spills."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from toolkit.fit.advise import cheapest_changes, largest_context
from toolkit.fit.gpus import gpus_of
from toolkit.fit.room import Room, Verdict, fit, fits_whole, speed_left, spill, with_automatic_batch
from toolkit.fit.setting import Setting
from toolkit.fit.start import holds

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.fit.spec import Spec

    Published = Callable[[str], Spec]

CARD = Room(gpus_of("rtx4090"))


@pytest.mark.parametrize(
    ("model", "num_ctx", "gpus", "verdict"),
    [
        ("qwen2.5:7b", 32768, "rtx4090", Verdict.FITS),
        ("qwen2.5:32b", 4096, "rtx4090", Verdict.EVICTS),
        ("qwen2.5:32b", 32768, "rtx4090", Verdict.SPILLS),
        ("qwen2.5:32b", 32768, "2xrtx4090", Verdict.FITS),
        ("llama3.3:70b", 4096, "gtx1060", Verdict.SPILLS),
        ("llama3.3:70b", 131072, "0.4GiB", Verdict.TOO_LARGE),
    ],
)
def test_verdicts(spec: Published, model: str, num_ctx: int, gpus: str, verdict: Verdict) -> None:
    room = Room(gpus_of(gpus))
    setting = with_automatic_batch(spec(model), Setting(num_ctx), room)
    assert fit(spec(model), setting, room).verdict is verdict


def test_as_many_layers_as_possible_are_kept(spec: Published) -> None:
    """One more layer would not fit."""
    model, setting = spec("qwen2.5:32b"), Setting(32768)
    spilled, part = spill(model, setting, CARD)
    assert holds(part, CARD.free_bytes, CARD.overhead_bytes + CARD.margin_bytes)
    assert part.split.offloaded == len(model.blocks) + 1 - spilled
    _, less = spill(model, setting, replace(CARD, overhead_bytes=CARD.overhead_bytes + (1 << 30)))
    assert less.split.offloaded < part.split.offloaded


def test_speed_falls_off_a_cliff(spec: Published) -> None:
    found = fit(spec("qwen2.5:32b"), Setting(32768), CARD)
    share = found.spilled_layers / (len(found.spec.blocks) + 1)
    assert found.speed_left is not None
    assert found.speed_left < 0.6 < 1 - share
    assert speed_left(found.whole, found.whole, CARD) == pytest.approx(1)
    assert fit(spec("qwen2.5:32b"), Setting(32768), Room(gpus_of("24GiB"))).speed_left is None


def test_the_longest_context_fits_and_the_next_one_does_not(spec: Published) -> None:
    model = spec("qwen2.5:32b")
    longest = largest_context(model, Setting(4096), CARD)
    assert longest is not None
    for num_ctx, verdict in ((longest, True), (longest + 256, False)):
        setting = with_automatic_batch(model, Setting(num_ctx), CARD)
        assert fits_whole(model, setting, CARD) is verdict
    assert largest_context(spec("llama3.3:70b"), Setting(4096), CARD) is None
    assert largest_context(spec("qwen2.5:7b"), Setting(4096), CARD) == 32768


def test_every_proposed_change_of_settings_really_helps(spec: Published) -> None:
    model = spec("qwen2.5:32b")
    changes = cheapest_changes(model, with_automatic_batch(model, Setting(32768), CARD), CARD)
    assert [change.kind for change in changes] == ["cache", "context", "weights", "gpu", "gpu"]
    assert changes[0].text == "KV cache in q8_0"
    assert fits_whole(model, Setting(32768, kv_type="q8_0"), CARD)
    assert cheapest_changes(spec("qwen2.5:7b"), Setting(4096), CARD) == ()


def test_a_cache_that_cannot_be_quantised_on_the_gpu_is_not_proposed(spec: Published) -> None:
    changes = cheapest_changes(spec("deepseek-coder-v2:16b"), Setting(163840), CARD)
    assert "cache" not in {change.kind for change in changes}


def test_a_server_with_old_cards_has_flash_attention_off_and_a_small_batch(spec: Published) -> None:
    old = replace(CARD.gpus[0], compute_major=5, total_bytes=8 << 30)
    setting = with_automatic_batch(spec("qwen2.5:0.5b"), Setting(32768), Room((old,)))
    assert (setting.flash_attn, setting.batch) == ("off", 256)
