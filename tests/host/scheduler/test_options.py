"""Options of request, Modelfile and environment become one demand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from toolkit.host.scheduler import ModelSpec, OptionError, resolve_demand

MODEL = ModelSpec("m", "d", 10**9, "llama", 32, 4096, 32, 8, 8192)


def test_nothing_asked_leaves_context_and_batch_automatic() -> None:
    demand = resolve_demand(MODEL, {}, 32768)
    assert demand.options == (32768, 512, -1, None, None, 0, 0)
    assert demand.num_ctx_auto
    assert demand.num_batch_auto


def test_the_request_wins_over_the_modelfile_and_the_environment() -> None:
    model = replace(MODEL, options=(("num_ctx", 8192), ("num_gpu", 3)))
    assert resolve_demand(model, {}, 4096).options.num_ctx == 8192
    asked = resolve_demand(model, {"num_ctx": 2048}, 4096)
    assert (asked.options.num_ctx, asked.options.num_gpu, asked.num_ctx_auto) == (2048, 3, False)


def test_a_context_of_the_environment_is_not_automatic() -> None:
    assert not resolve_demand(MODEL, {}, 4096, num_ctx_from_environment=True).num_ctx_auto


def test_null_keeps_the_default_but_is_a_word_on_the_matter() -> None:
    demand = resolve_demand(MODEL, {"num_ctx": None, "num_batch": None}, 32768)
    assert (demand.options.num_ctx, demand.num_ctx_auto, demand.num_batch_auto) == (32768, False, False)


@pytest.mark.parametrize(("asked", "expected"), [(3, 4), (4, 4), (5, 5), (0, 4), (-7, 4), (4096.9, 4096)])
def test_the_least_context(asked: float, expected: int) -> None:
    assert resolve_demand(MODEL, {"num_ctx": asked}, 4096).options.num_ctx == expected


def test_vision_models_have_a_larger_least_context() -> None:
    assert resolve_demand(replace(MODEL, vision=True), {"num_ctx": 8}, 4096).options.num_ctx == 2048


@pytest.mark.parametrize(("asked", "expected"), [(8192, 2048), (2048, 2048), (512, 512), (2, 2), (-1, 2048)])
def test_an_embedding_model_has_a_batch_of_its_own_from_the_context_as_asked(asked: int, expected: int) -> None:
    demand = resolve_demand(replace(MODEL, embedding=True), {"num_ctx": asked}, 4096)
    assert (demand.options.num_batch, demand.num_batch_auto) == (expected, False)


def test_an_embedding_model_keeps_an_explicit_batch() -> None:
    assert resolve_demand(replace(MODEL, embedding=True), {"num_batch": 64}, 4096).options.num_batch == 64


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"num_ctx": "4096"}, 'option "num_ctx" must be of type integer'),
        ({"num_gpu": True}, 'option "num_gpu" must be of type integer'),
        ({"main_gpu": [0]}, 'option "main_gpu" must be of type integer'),
        ({"use_mmap": 1}, 'option "use_mmap" must be of type boolean'),
    ],
)
def test_a_wrong_type_is_refused_in_the_servers_words(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError) as refused:
        resolve_demand(MODEL, options, 4096)
    assert str(refused.value) == sentence


def test_options_that_are_none_of_the_runners_are_ignored() -> None:
    assert resolve_demand(MODEL, {"temperature": 0.5, "nonsense": []}, 4096) == resolve_demand(MODEL, {}, 4096)


def test_context_shift_follows_the_model_unless_the_request_says_otherwise() -> None:
    rigid = replace(MODEL, context_shift=False)
    assert not resolve_demand(rigid, {}, 4096).context_shift
    assert resolve_demand(rigid, {}, 4096, shift=True).context_shift
