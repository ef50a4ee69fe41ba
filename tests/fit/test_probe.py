"""Whether fused steps would run on the devices of their layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.fit.flash import flash_plan
from toolkit.fit.probe import ATTENTION, FlashPlan, fuses
from toolkit.fit.setting import Setting
from toolkit.fit.spec import spec_of
from toolkit.fit.split import split_of
from toolkit.ollama.gguf import read_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from toolkit.fit.spec import Spec

ON = FlashPlan(on=True, on_gpu=True, values_lie=False)


@pytest.mark.shared
@pytest.mark.parametrize(("slots", "fused"), [(1, True), (3, True), (4, False)])
def test_norms_of_heads_take_attention_away_from_a_layer_on_the_host(shared_dir: Path, slots: int, fused: bool) -> None:
    """Eight query heads: with four slots their norm has 32 rows, the GPU takes it, and attention with it."""
    model = spec_of(read_file(shared_dir / "ollama/golden/memory/headers/gemma3n_e4b.gguf"), 1)
    setting = Setting(4096, slots, n_gpu_layers=0)
    assert fuses(model, setting, split_of(model, setting), ATTENTION, ON) is fused
    assert flash_plan(model, setting, split_of(model, setting)).on is fused


def test_with_all_layers_on_gpus_only_the_kernel_counts(spec: Callable[[str], Spec]) -> None:
    model = spec("qwen2.5:7b")
    for gpus in (1, 3):
        setting = Setting(4096, 4, n_gpu=gpus)
        split = split_of(model, setting)
        assert fuses(model, setting, split, ATTENTION, ON)
        assert not fuses(model, setting, split, ATTENTION, FlashPlan(on=True, on_gpu=False, values_lie=False))
