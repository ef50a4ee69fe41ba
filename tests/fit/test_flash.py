"""When flash attention runs, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from toolkit.fit.flash import flash_plan, has_kernel
from toolkit.fit.probe import FlashPlan
from toolkit.fit.setting import Setting
from toolkit.fit.split import split_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.fit.spec import Spec


@pytest.mark.parametrize(
    ("model", "options", "plan"),
    [
        ("qwen2.5:7b", {"flash_attn": "auto", "kv_type": "f16"}, FlashPlan(on=True, on_gpu=True, values_lie=False)),
        ("qwen2.5:7b", {"flash_attn": "off", "kv_type": "f16"}, FlashPlan(on=False, on_gpu=True, values_lie=True)),
        (
            "deepseek-coder-v2:16b",
            {"flash_attn": "auto", "kv_type": "f16"},
            FlashPlan(on=False, on_gpu=False, values_lie=False),
        ),
        (
            "deepseek-coder-v2:16b",
            {"flash_attn": "auto", "kv_type": "q8_0"},
            FlashPlan(on=True, on_gpu=False, values_lie=False),
        ),
        (
            "deepseek-coder-v2:16b",
            {"flash_attn": "on", "kv_type": "f16"},
            FlashPlan(on=True, on_gpu=False, values_lie=False),
        ),
        (
            "deepseek-coder-v2:16b",
            {"flash_attn": "auto", "kv_type": "f16", "n_gpu_layers": 0},
            FlashPlan(on=True, on_gpu=False, values_lie=False),
        ),
    ],
)
def test_plans(spec: Callable[[str], Spec], model: str, options: dict[str, Any], plan: FlashPlan) -> None:
    setting = Setting(4096, **options)
    assert flash_plan(spec(model), setting, split_of(spec(model), setting)) == plan


def test_head_sizes_decide_about_a_kernel(spec: Callable[[str], Spec]) -> None:
    assert has_kernel(spec("gemma3:4b"))
    assert not has_kernel(spec("deepseek-coder-v2:16b"))
