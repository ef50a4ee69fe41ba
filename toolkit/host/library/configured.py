"""The models of a config as installed models: manifests, small blobs and the few numbers of their headers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from toolkit.host.app.gojson import Float32, encode
from toolkit.host.library.gguf_facts import FILE_TYPES, GgufFacts
from toolkit.host.library.names import parse_name
from toolkit.host.library.store import CONFIG, MODEL, PARAMS, TEMPLATE, Blob, Layer, Store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.config.twin_parts import TwinModelSection

CHAT_TEMPLATE = """\
{{- if or .System .Tools }}<|im_start|>system
{{ .System }}
{{- if .Tools }}

You can call these functions:
{{- range .Tools }}
{{ .Function }}
{{- end }}

Write each call as a JSON object with name and arguments between <tool_call> and </tool_call>.
{{- end }}<|im_end|>
{{ end }}
{{- range .Messages }}
{{- if eq .Role "user" }}<|im_start|>user
{{ .Content }}<|im_end|>
{{ else if eq .Role "assistant" }}<|im_start|>assistant
{{ .Content }}
{{- if .ToolCalls }}
{{- range .ToolCalls }}<tool_call>
{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}
</tool_call>
{{- end }}
{{- end }}<|im_end|>
{{ else if eq .Role "tool" }}<|im_start|>user
<tool_response>
{{ .Content }}
</tool_response><|im_end|>
{{ end }}
{{- end }}<|im_start|>assistant
"""
"""What every completion model of a config is given: turns in ChatML, tools in JSON."""
_AGE_STEP_NS = 3_600_000_000_000
_UNITS = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_PARAMETERS = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([KMBT])", re.IGNORECASE)
_MEAN_POOLING = 1


def store_of(sections: Iterable[TwinModelSection], now_ns: int, models_path: str = "/models") -> Store:
    """A store with these models, installed an hour apart before `now_ns`, the first one last."""
    store = Store(models_path)
    for place, section in enumerate(sections, 1):
        digest = f"sha256:{section.digest}"
        store.blobs[digest] = Blob(section.size_bytes, None, _facts(section))
        layers = [Layer(MODEL, digest, section.size_bytes)]
        if not section.embedding:
            layers.append(store.add(CHAT_TEMPLATE.encode(), TEMPLATE)[0])
        if section.options:
            layers.append(store.add(encode(dict(sorted(section.options.items()))) + b"\n", PARAMS)[0])
        config, _ = store.add(encode(_config(section)) + b"\n", CONFIG)
        store.write(parse_name(section.name), config, tuple(layers), now_ns - place * _AGE_STEP_NS)
    return store


def _config(section: TwinModelSection) -> dict[str, Any]:
    family = section.details.family or section.architecture
    return {
        "model_format": "gguf",
        "model_family": family,
        "model_families": [family],
        "model_type": section.details.parameters,
        "file_type": section.details.quantization,
        "architecture": "amd64",
        "os": "linux",
    }


def _facts(section: TwinModelSection) -> GgufFacts:
    architecture = section.architecture
    head_length = section.embedding_length // max(section.head_count, 1)
    own: dict[str, Any] = {
        "attention.head_count": section.head_count,
        "attention.head_count_kv": section.head_count_kv,
        "attention.layer_norm_rms_epsilon": Float32(1e-6),
        "block_count": section.blocks,
        "context_length": section.context_length,
        "embedding_length": section.embedding_length,
        "rope.dimension_count": head_length,
    }
    if section.embedding:
        own["pooling_type"] = _MEAN_POOLING
    general: dict[str, Any] = {"general.architecture": architecture, "general.type": "model"}
    numbers = {name: number for number, name in FILE_TYPES.items()}
    if section.details.quantization in numbers:
        general["general.file_type"] = numbers[section.details.quantization]
    count = _parameter_count(section.details.parameters)
    if count is not None:
        general["general.parameter_count"] = count
    return GgufFacts((*general.items(), *((f"{architecture}.{key}", value) for key, value in own.items())), ())


def _parameter_count(text: str) -> int | None:
    found = _PARAMETERS.fullmatch(text.strip())
    return round(float(found[1]) * _UNITS[found[2].upper()]) if found else None
