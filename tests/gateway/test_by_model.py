"""The config's options are found by a model's name, however the config or the host spells it."""

from __future__ import annotations

from toolkit.gateway.by_model import OptionsByModel


def test_options_hold_for_every_spelling() -> None:
    known = OptionsByModel({"Talker": {"num_ctx": 8192}, "coder:16b": {"num_gpu": 9}})
    for name in ("Talker:latest", "talker:latest", "registry.ollama.ai/library/talker:LATEST"):
        assert known.of(name) == {"num_ctx": 8192}
    assert known.of("coder:16b") == {"num_gpu": 9}
    assert known.of("coder:7b") == {}
