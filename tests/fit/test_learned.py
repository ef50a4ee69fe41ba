"""What a host has shown corrects the arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.fit.estimate import estimate
from toolkit.fit.learned import Observation, learn
from toolkit.fit.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.fit.spec import Spec

MIB = 1 << 20


def seen(model: Spec, num_ctx: int, extra_mib: int) -> Observation:
    setting = Setting(num_ctx)
    return Observation(model.name, model, setting, estimate(model, setting).shown_vram_bytes + extra_mib * MIB)


def test_the_median_difference_of_a_model_is_its_correction(spec: Callable[[str], Spec]) -> None:
    model = spec("qwen2.5:7b")
    learned = learn([seen(model, 2048, 90), seen(model, 4096, 100), seen(model, 8192, 900)])
    correction = learned.correction("qwen2.5:7b")
    assert correction is not None
    assert (correction.delta_bytes, correction.observations) == (100 * MIB, 3)
    assert correction.sentence(1000 * MIB) == "+100 MiB (+10.0%), seen 3 times on this host"


def test_a_model_never_seen_learns_from_the_others(spec: Callable[[str], Spec]) -> None:
    learned = learn([seen(spec("qwen2.5:7b"), 2048, -30), seen(spec("llama3.1:8b"), 2048, 50)])
    correction = learned.correction("gemma3:4b")
    assert correction is not None
    assert (correction.delta_bytes, correction.observations) == (-30 * MIB, 0)
    assert "learned from other models" in correction.sentence(0)


def test_nothing_seen_is_no_correction() -> None:
    assert learn([]).correction("m") is None
