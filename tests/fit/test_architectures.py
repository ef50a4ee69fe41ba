"""Which class a model is of, what each class remembers, and what an unknown architecture is taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.fit.architectures import embeds, family_of, is_known
from toolkit.fit.architectures.sliding import windows_of
from toolkit.fit.cache import LayerMemory
from toolkit.fit.estimate import UNKNOWN_COMPUTE_FACTOR, estimate
from toolkit.fit.setting import Setting
from toolkit.ollama.gguf import ArrayValue, GgufError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolkit.fit.spec import Spec
    from toolkit.ollama.gguf import Value

    Published = Callable[[str], Spec]
    MadeUp = Callable[[str, Mapping[str, Value], Mapping[str, tuple[int, ...]]], Spec]

KEYS: dict[str, Value] = {
    "block_count": 2, "embedding_length": 64, "feed_forward_length": 128, "context_length": 4096,
    "attention.head_count": 4, "attention.head_count_kv": 2, "attention.layer_norm_rms_epsilon": 1e-5,
}  # fmt: skip
ROOTS = {"token_embd.weight": (64, 1000), "output_norm.weight": (64,)}


def layers(parts: Mapping[str, tuple[int, ...]], count: int = 2) -> dict[str, tuple[int, ...]]:
    return {**ROOTS, **{f"blk.{n}.{name}": shape for n in range(count) for name, shape in parts.items()}}


DENSE = layers(
    {
        "attn_norm.weight": (64,), "attn_q.weight": (64, 64), "attn_k.weight": (64, 32), "attn_v.weight": (64, 32),
        "attn_output.weight": (64, 64), "ffn_norm.weight": (64,), "ffn_gate.weight": (64, 128),
        "ffn_up.weight": (64, 128), "ffn_down.weight": (128, 64),
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("qwen2.5:7b", "dense"), ("mixtral:8x7b", "dense"), ("gemma3:4b", "sliding window"),
        ("gpt-oss:20b", "sliding window"), ("deepseek-coder-v2", "latent attention"), ("nomic-embed-text", "encoder"),
    ],
)  # fmt: skip
def test_published_models_are_of_their_class(spec: Published, name: str, title: str) -> None:
    assert family_of(spec(name)).title == title
    assert is_known(spec(name))


def test_a_dense_layer_remembers_keys_and_values(made_up: MadeUp) -> None:
    assert family_of(made := made_up("llama", KEYS, DENSE)).remembers(made) == (LayerMemory(32, 32),) * 2


def test_heads_by_layer_are_taken_from_an_array(made_up: MadeUp) -> None:
    made = made_up("llama", {**KEYS, "attention.head_count_kv": ArrayValue("u32", 2, (4, 1))}, DENSE)
    assert [memory.key_elements for memory in family_of(made).remembers(made)] == [64, 16]


def test_an_array_that_the_server_emptied_is_an_error_not_a_guess(made_up: MadeUp) -> None:
    with pytest.raises(GgufError, match="ask the host with verbose"):
        made_up("llama", {**KEYS, "attention.head_count_kv": ArrayValue("u32", 2, None)}, DENSE)


@pytest.mark.parametrize(
    ("name", "full"), [("gemma2:2b", [1, 3, 5]), ("gemma3:1b", [5, 11, 17, 23]), ("gpt-oss:20b", [1, 3, 5])]
)
def test_the_last_layer_of_each_period_sees_everything(spec: Published, name: str, full: list[int]) -> None:
    windows = windows_of(spec(name))
    assert [layer for layer, window in enumerate(windows) if window is None][: len(full)] == full


def test_a_pattern_in_the_file_wins(made_up: MadeUp) -> None:
    keys = {
        **KEYS,
        "attention.sliding_window": 512,
        "attention.sliding_window_pattern": ArrayValue("bool", 2, (False, True)),
    }
    assert windows_of(made_up("gemma3", keys, DENSE)) == (None, 512)


def test_phi3_has_a_window_in_the_file_that_the_engine_ignores(made_up: MadeUp) -> None:
    assert windows_of(made_up("phi3", {**KEYS, "attention.sliding_window": 512}, DENSE)) == (None, None)


def test_an_unknown_architecture_is_an_estimate_on_the_safe_side(made_up: MadeUp) -> None:
    """Compute is doubled; what follows from tensors and heads is not."""
    setting = Setting(1024)
    known, unknown = (estimate(made_up(name, KEYS, DENSE), setting) for name in ("llama", "brandnew"))
    assert not unknown.known
    assert unknown.compute_gpu_bytes == UNKNOWN_COMPUTE_FACTOR * known.compute_gpu_bytes
    assert unknown.weights_gpu_bytes == known.weights_gpu_bytes
    assert unknown.cache == known.cache


STATE: dict[str, Value] = {
    "ssm.conv_kernel": 4, "ssm.inner_size": 128, "ssm.state_size": 16, "ssm.time_step_rank": 8, "ssm.group_count": 1
}  # fmt: skip
SCAN = {
    "attn_norm.weight": (64,), "ssm_in.weight": (64, 2 * 128 + 2 * 16 + 8), "ssm_conv1d.weight": (4, 160),
    "ssm_conv1d.bias": (160,), "ssm_dt.bias": (8,), "ssm_a": (1, 8), "ssm_d": (1, 8), "ssm_norm.weight": (128,),
    "ssm_out.weight": (128, 64),
}  # fmt: skip


@pytest.mark.parametrize("name", ["mamba2", "unheard-of"])
def test_state_space_layers_are_told_by_their_tensors(made_up: MadeUp, name: str) -> None:
    keys = {**KEYS, **STATE, "attention.head_count": 0, "feed_forward_length": 0}
    made = made_up(name, keys, layers(SCAN))
    assert family_of(made).title == "recurrent"
    assert family_of(made).remembers(made) == (LayerMemory(state_elements=(3 * 160, 16 * 128)),) * 2
    found = estimate(made, Setting(8192, parallel=3))
    assert found.cache.cache_bytes == 0
    assert found.cache.state_bytes == 2 * (3 * 480 * 4 + 3 * 2048 * 4)
    assert found.compute_gpu_bytes > 0


@pytest.mark.parametrize("name", ["granitehybrid", "nemotron_h", "unheard-of"])
def test_hybrids_have_a_cache_on_attention_layers_and_a_state_on_the_others(made_up: MadeUp, name: str) -> None:
    tensors = {**DENSE, **{f"blk.1.{part}": shape for part, shape in SCAN.items()}}
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        del tensors[f"blk.1.{part}.weight"]
    keys = {**KEYS, **STATE, "attention.head_count_kv": ArrayValue("u32", 2, (2, 0))}
    made = made_up(name, keys, tensors)
    memories = family_of(made).remembers(made)
    assert [bool(memory.key_elements) for memory in memories] == [True, False]
    assert [bool(memory.state_elements) for memory in memories] == [False, True]
    assert estimate(made, Setting(4096)).compute_gpu_bytes > 0


def test_models_with_a_pooling_type_embed(spec: Published) -> None:
    assert embeds(spec("nomic-embed-text"))
    assert not embeds(spec("qwen2.5:7b"))


def test_a_projector_in_the_file_is_weighed_apart(made_up: MadeUp) -> None:
    plain = estimate(made_up("llama", KEYS, DENSE), Setting(1024))
    seeing = estimate(
        made_up("llama", KEYS, {**DENSE, "v.patch.weight": (64, 100), "mm.0.weight": (64, 10)}), Setting(1024)
    )
    assert seeing.projector_bytes == (6400 + 640) * 2
    assert seeing.gpu_total_bytes == plain.gpu_total_bytes


def test_a_layer_with_attention_and_a_scan_side_by_side_remembers_both(made_up: MadeUp) -> None:
    tensors = {**DENSE, **{f"blk.{n}.{part}": shape for n in range(2) for part, shape in SCAN.items()}}
    made = made_up("both-at-once", {**KEYS, **STATE}, tensors)
    assert family_of(made).remembers(made) == (LayerMemory(32, 32, state_elements=(480, 2048)),) * 2
    assert estimate(made, Setting(4096)).compute_gpu_bytes > 0


def test_tensors_of_no_known_class_get_a_bound(made_up: MadeUp) -> None:
    made = made_up("strange", KEYS, layers({"mixer.weight": (64, 4000), "other.weight": (64,)}))
    found = estimate(made, Setting(4096))
    assert (found.family, found.known) == ("unknown", False)
    assert found.compute_gpu_bytes > 2 * 512 * 4000 * 4
    assert found.cache.full_bytes == 2 * 2 * 32 * 4096 * 2


def test_a_file_that_is_not_what_it_says_is_named(made_up: MadeUp) -> None:
    with pytest.raises(GgufError, match=r"no tensor 'attn_q\.weight'"):
        estimate(made_up("llama", KEYS, layers({"attn_norm.weight": (64,)})), Setting(4096))


def test_a_pattern_by_layer_is_believed_of_any_architecture(made_up: MadeUp) -> None:
    pattern = ArrayValue("bool", 2, (True, False))
    keys = {**KEYS, "attention.sliding_window": 256, "attention.sliding_window_pattern": pattern}
    assert [
        memory.window for memory in family_of(made_up("newest", keys, DENSE)).remembers(made_up("newest", keys, DENSE))
    ] == [256, None]
