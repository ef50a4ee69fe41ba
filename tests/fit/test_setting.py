"""Options, and the context that the engine makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.errors import UsageError
from toolkit.fit.setting import Setting, Streams, streams_of, ubatch_of


@pytest.mark.parametrize(
    ("setting", "streams"),
    [
        (Setting(2048), Streams(1, 2048)),
        (Setting(100), Streams(1, 256)),
        (Setting(4097), Streams(1, 4352)),
        (Setting(2048, parallel=4), Streams(4, 2048)),
        (Setting(300, parallel=2), Streams(2, 512)),
        (Setting(5000, parallel=3), Streams(3, 5120)),
        (Setting(5000, parallel=3, kv_unified=True), Streams(1, 15104)),
    ],
)
def test_cells_are_padded_to_256_for_the_whole_and_for_each_stream(setting: Setting, streams: Streams) -> None:
    assert streams_of(setting) == streams


def test_a_batch_is_never_larger_than_the_context_asked_for() -> None:
    assert ubatch_of(Setting(100, batch=512)) == 100
    assert ubatch_of(Setting(300, parallel=2, batch=512)) == 512


@pytest.mark.parametrize(
    "bad",
    [{"num_ctx": 0}, {"num_ctx": 8, "parallel": 0}, {"num_ctx": 8, "kv_type": "q9"}, {"num_ctx": 8, "flash_attn": "x"}],
)
def test_impossible_values_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Setting(**bad)
