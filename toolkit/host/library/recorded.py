"""Reads a `models.json`: the made-up models of the recordings, with what each of them says.

The file gives manifests and a few numbers of each header; the headers and the small blobs are built from them.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.errors import InputError
from toolkit.host.app.gojson import Float32, encode
from toolkit.host.library.gguf_facts import GgufFacts, TensorFacts
from toolkit.host.library.names import parse_name
from toolkit.host.library.store import (
    CONFIG,
    LICENSE,
    MODEL,
    PARAMS,
    SYSTEM,
    TEMPLATE,
    Blob,
    Layer,
    Store,
)
from toolkit.host.speech.speakers import Speaker
from toolkit.host.speech.tokens import BYTE_TOKENS, ByteVocabulary, Tokenizer, WholeWordTokenizer
from toolkit.host.speech.voice import ScriptedVoice

if TYPE_CHECKING:
    from pathlib import Path

_HEADER = "assistant\n"
_MILLION = 1_000_000
_MODIFIED_STEP_NS = 1_000_000_000
_CONTROL, _USER_DEFINED, _NORMAL = 3, 4, 1
_EXTRA_METADATA = {
    # Facts of single headers that the file leaves out.
    "sha256:1ab879a7dc1eab29baa860326f047e8f6c2f1c1a3c9da3a53b60b0da2a8ff727": {"general.size_label": "2M"},
}


@dataclass(frozen=True, slots=True)
class RecordedWorld:
    """The models of a file: a store to start from, and a speaker for each model file by digest."""

    store: Store
    speakers: dict[str, Speaker]


def load_world(path: Path, now_ns: int, models_path: str = "/models") -> RecordedWorld:
    """Read the file; the models seem to have been installed one after the other before `now_ns`.

    Raises:
        InputError: the file cannot be read or is no such file.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        entries = document["models"]
        words = tuple(document.get("words", ()))
        return build_world(entries, words, now_ns, models_path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; give the path of a models.json") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a file of recorded models ({error!r}); see the recordings' README") from error


def build_world(entries: list[dict[str, Any]], words: tuple[str, ...], now_ns: int, models_path: str) -> RecordedWorld:
    """The world of these entries. Raises KeyError for an entry that lacks a field."""
    store = Store(models_path)
    speakers: dict[str, Speaker] = {}
    for place, entry in enumerate(entries):
        digest = entry["model_blob"]
        layers = tuple(_layer(layer) for layer in entry["manifest"]["layers"])
        config = _layer(entry["manifest"]["config"])
        contents = {
            TEMPLATE: [(entry["template"] or "").encode()],
            SYSTEM: [(entry["system"] or "").encode()],
            PARAMS: [encode(entry["parameters"] or {}) + b"\n"],
            LICENSE: [text.encode() for text in entry["license"] or ()],
        }
        for layer in layers:
            if layer.media_type == MODEL:
                store.blobs[digest] = Blob(layer.size_bytes, None, _facts(entry))
            else:
                left = contents[layer.media_type]
                store.blobs[layer.digest] = Blob(layer.size_bytes, left.pop(0) if left else b"")
        store.blobs[config.digest] = Blob(config.size_bytes, encode(_config(entry)))
        age = (len(entries) - place) * _MODIFIED_STEP_NS
        store.write(parse_name(entry["name"]), config, layers, now_ns - age, entry["manifest_digest"])
        speakers[digest] = _speaker(entry, words)
    return RecordedWorld(store, speakers)


def _layer(entry: dict[str, Any]) -> Layer:
    return Layer(entry.get("mediaType", CONFIG), entry["digest"], entry["size"], entry.get("from", ""))


def _config(entry: dict[str, Any]) -> dict[str, Any]:
    count = entry["parameter_count"]
    size = f"{count / _MILLION:.2f}M" if count >= _MILLION else f"{count / 1000:.2f}K"
    architecture = entry["architecture"]
    return {
        "model_format": "gguf",
        "model_family": architecture,
        "model_families": [architecture],
        "model_type": size,
        "file_type": "F16",
        "architecture": "amd64",
        "os": "linux",
    }


def _speaker(entry: dict[str, Any], words: tuple[str, ...]) -> Speaker:
    answer = entry.get("answer") or {}
    extra = entry.get("tokens_from_256")
    tokenizer: Tokenizer = ByteVocabulary.build(tuple(extra)) if extra else WholeWordTokenizer()
    text = answer.get("raw", answer.get("content"))
    voice = ScriptedVoice(text, _HEADER, words) if text is not None or answer.get("endless") else None
    return Speaker(tokenizer, voice, broken=bool(answer.get("load_error")))


def _facts(entry: dict[str, Any]) -> GgufFacts:
    architecture = entry["architecture"]
    general: dict[str, Any] = {
        "general.architecture": architecture,
        "general.file_type": 1,
        "general.parameter_count": entry["parameter_count"],
        "general.quantization_version": 2,
        "general.type": "model",
        **_EXTRA_METADATA.get(entry["model_blob"], {}),
    }
    if architecture == "bert":
        return GgufFacts(tuple({**general, **_bert_metadata(entry)}.items()), tuple(_bert_tensors(entry)))
    if entry["license"]:
        general["general.license"] = "apache-2.0"
    metadata = {**general, **_dense_metadata(entry), **_vocabulary_metadata(entry)}
    return GgufFacts(tuple(metadata.items()), tuple(_dense_tensors(entry)))


def _dense_metadata(entry: dict[str, Any]) -> dict[str, Any]:
    head_length = entry["embedding_length"] // entry["head_count"]
    values: dict[str, Any] = {
        "attention.head_count": entry["head_count"],
        "attention.head_count_kv": entry["head_count_kv"],
        "attention.layer_norm_rms_epsilon": Float32(1e-5),
        "block_count": entry["block_count"],
        "context_length": entry["context_length"],
        "embedding_length": entry["embedding_length"],
        "feed_forward_length": entry["feed_forward_length"],
        "rope.dimension_count": head_length,
        "rope.freq_base": Float32(10000),
        "vocab_size": entry["vocab_size"],
    }
    if entry["architecture"] == "qwen3":
        values |= {"attention.key_length": head_length, "attention.value_length": head_length}
    return {f"{entry['architecture']}.{key}": value for key, value in values.items()}


def _vocabulary_metadata(entry: dict[str, Any]) -> dict[str, Any]:
    extra = tuple(entry["tokens_from_256"] or ())
    merges = ByteVocabulary.build(extra).merges
    tokens = (*_BYTE_SYMBOLS, *extra)
    kinds = [_NORMAL] * (BYTE_TOKENS + len(merges))
    kinds += [_CONTROL if text.startswith("<|") else _USER_DEFINED for text in extra[len(merges) :]]
    values: dict[str, Any] = {
        "add_bos_token": False,
        "bos_token_id": entry["special"]["bos"],
        "eos_token_id": entry["special"]["eos"],
        "merges": tuple(f"{tokens[left]} {tokens[right]}" for left, right in merges),
        "model": "gpt2",
        "padding_token_id": entry["special"]["bos"],
        "pre": "llama-bpe" if entry["architecture"] == "llama" else "qwen2",
        "token_type": tuple(kinds),
        "tokens": tokens,
    }
    found = {f"tokenizer.ggml.{key}": value for key, value in values.items()}
    return {**found, "tokenizer.chat_template": entry["chat_template"]} if entry.get("chat_template") else found


def _byte_symbols() -> tuple[str, ...]:
    """The bytes as byte-pair vocabularies write them: printable ones as they are, the others moved up."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    moved = itertools.count(BYTE_TOKENS)
    return tuple(chr(code if code in printable else next(moved)) for code in range(BYTE_TOKENS))


_BYTE_SYMBOLS = _byte_symbols()


def _dense_tensors(entry: dict[str, Any]) -> list[TensorFacts]:
    width, inner, words = entry["embedding_length"], entry["feed_forward_length"], entry["vocab_size"]
    head = width // entry["head_count"]
    kv_width = head * entry["head_count_kv"]
    tensors = [
        TensorFacts("token_embd.weight", "F16", (width, words)),
        TensorFacts("output_norm.weight", "F32", (width,)),
        TensorFacts("output.weight", "F16", (width, words)),
    ]
    after_v: dict[str, list[tuple[str, str, tuple[int, ...]]]] = {
        "qwen2": [
            ("attn_q.bias", "F32", (width,)),
            ("attn_k.bias", "F32", (kv_width,)),
            ("attn_v.bias", "F32", (kv_width,)),
        ],
        "qwen3": [("attn_q_norm.weight", "F32", (head,)), ("attn_k_norm.weight", "F32", (head,))],
    }
    for block in range(entry["block_count"]):
        layer: list[tuple[str, str, tuple[int, ...]]] = [
            ("attn_norm.weight", "F32", (width,)),
            ("attn_q.weight", "F16", (width, width)),
            ("attn_k.weight", "F16", (width, kv_width)),
            ("attn_v.weight", "F16", (width, kv_width)),
            *after_v.get(entry["architecture"], []),
            ("attn_output.weight", "F16", (width, width)),
            ("ffn_norm.weight", "F32", (width,)),
            ("ffn_gate.weight", "F16", (width, inner)),
            ("ffn_up.weight", "F16", (width, inner)),
            ("ffn_down.weight", "F16", (inner, width)),
        ]
        tensors += [TensorFacts(f"blk.{block}.{name}", kind, shape) for name, kind, shape in layer]
    return tensors


def _bert_metadata(entry: dict[str, Any]) -> dict[str, Any]:
    own = {
        "attention.causal": False,
        "attention.head_count": entry["head_count"],
        "attention.layer_norm_epsilon": Float32(1e-12),
        "block_count": entry["block_count"],
        "context_length": entry["context_length"],
        "embedding_length": entry["embedding_length"],
        "feed_forward_length": entry["feed_forward_length"],
        "pooling_type": 1,
    }
    words = {
        "bos_token_id": entry["special"]["bos"],
        "eos_token_id": entry["special"]["eos"],
        "mask_token_id": 4,
        "model": "bert",
        "padding_token_id": 0,
        "pre": "default",
        "seperator_token_id": 3,
        "token_type": (_NORMAL,) * entry["vocab_size"],
        "token_type_count": 2,
        "tokens": tuple(f"[{place}]" for place in range(entry["vocab_size"])),
        "unknown_token_id": 1,
    }
    return {
        **{f"bert.{key}": value for key, value in own.items()},
        **{f"tokenizer.ggml.{k}": v for k, v in words.items()},
    }


def _bert_tensors(entry: dict[str, Any]) -> list[TensorFacts]:
    width, inner = entry["embedding_length"], entry["feed_forward_length"]
    tensors = [
        TensorFacts("token_embd.weight", "F16", (width, entry["vocab_size"])),
        TensorFacts("position_embd.weight", "F32", (width, entry["context_length"])),
        TensorFacts("token_types.weight", "F32", (width, 2)),
        TensorFacts("token_embd_norm.weight", "F32", (width,)),
        TensorFacts("token_embd_norm.bias", "F32", (width,)),
    ]
    square = ("attn_q", "attn_k", "attn_v", "attn_output")
    shapes: dict[str, tuple[int, ...]] = {
        **dict.fromkeys(square, (width, width)),
        "attn_output_norm": (width,),
        "ffn_up": (width, inner),
        "ffn_down": (inner, width),
        "layer_output_norm": (width,),
    }
    for block in range(entry["block_count"]):
        for name, shape in shapes.items():
            kind = "F16" if len(shape) > 1 else "F32"
            tensors.append(TensorFacts(f"blk.{block}.{name}.weight", kind, shape))
            tensors.append(TensorFacts(f"blk.{block}.{name}.bias", "F32", (shape[-1],)))
    return tensors
