"""A model as the endpoints see it: everything that its manifest leads to, read once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.host.app.gotypes import decode
from toolkit.host.app.schemas import MESSAGES
from toolkit.host.library.store import (
    ADAPTER,
    LICENSE,
    MODEL,
    PARAMS,
    PROJECTOR,
    SYSTEM,
    TEMPLATE,
    Manifest,
    Store,
)
from toolkit.host.library.store import MESSAGES as MESSAGES_LAYER
from toolkit.host.speech.template import Template

if TYPE_CHECKING:
    from toolkit.host.library.gguf_facts import GgufFacts
    from toolkit.host.library.names import ModelName

DEFAULT_TEMPLATE = "{{ .Prompt }}"
COMPLETION, TOOLS, INSERT, VISION, EMBEDDING, THINKING = (
    "completion",
    "tools",
    "insert",
    "vision",
    "embedding",
    "thinking",
)
_PARSERS = """
    qwen3-coder            tools
    qwen3-vl-instruct      tools
    qwen3-vl-thinking      tools thinking
    qwen3-thinking         tools thinking
    harmony                tools thinking
    olmo3                  tools
    olmo3-think                  thinking
    cogito                 tools thinking
    deepseek3              tools thinking
    functiongemma          tools
    gemma4                 tools thinking
    glm-4.6                tools thinking
    glm-4.7                tools thinking
    ministral              tools
    nemotron-3-nano        tools thinking
    laguna                 tools
    lfm2                   tools
    qwen3.5                tools thinking
"""
_PARSER_CAPABILITIES = {name: frozenset(able) for name, *able in map(str.split, _PARSERS.strip().splitlines())}
"""What the parser that a model's config names adds to its capabilities."""


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """One model; frozen, so that it may outlive its manifest while it is loaded."""

    name: ModelName
    manifest: Manifest
    config: dict[str, Any]
    template: Template
    own_template: bool
    """Whether the template is a layer of the model and not the default."""
    system: str
    licenses: tuple[str, ...]
    options: dict[str, Any]
    messages: tuple[dict[str, Any], ...]
    parent: str
    model_digest: str
    model_path: str
    file_bytes: int
    facts: GgufFacts | None
    adapters: tuple[str, ...] = ()
    projectors: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = field(default=())

    @property
    def digest(self) -> str:
        """Of the manifest, hex."""
        return self.manifest.digest

    @property
    def embeds(self) -> bool:
        """Whether it is an embedding model."""
        return self.facts is not None and self.facts.embeds

    @property
    def remote(self) -> bool:
        """Whether it only stands for a model elsewhere."""
        return bool(self.config.get("remote_host")) and bool(self.config.get("remote_model"))

    @property
    def native_chat(self) -> bool:
        """Whether its own Jinja template would be used: it has one, and no Go template, renderer or parser."""
        chat_template = self.facts is not None and bool(self.facts.chat_template)
        return chat_template and not (self.own_template or self.config.get("renderer") or self.config.get("parser"))

    def details(self) -> dict[str, Any]:
        """The block `details` of tags, ps and show."""
        config = self.config
        return {
            "parent_model": self.parent,
            "format": config.get("model_format", ""),
            "family": config.get("model_family", ""),
            "families": config.get("model_families"),
            "parameter_size": config.get("model_type", ""),
            "quantization_level": config.get("file_type", ""),
        }


def read_model(store: Store, name: ModelName, *, jinja: bool) -> InstalledModel | None:
    """The model of exactly this name; None if it is not installed. `jinja`: whether chat templates in files count.

    Raises:
        TemplateError: its template cannot be parsed.
    """
    manifest = store.find(name)
    if manifest is None:
        return None
    config = json.loads(store.text(manifest.config.digest) or "{}")
    of_type: dict[str, list[Any]] = {}
    for layer in manifest.layers:
        of_type.setdefault(layer.media_type, []).append(layer)
    models = of_type.get(MODEL, [])
    model = models[-1] if models else None
    blob = store.blobs.get(model.digest) if model is not None else None
    templates = [store.text(layer.digest) for layer in of_type.get(TEMPLATE, [])]
    params = [json.loads(store.text(layer.digest)) for layer in of_type.get(PARAMS, [])]
    stored = [store.text(layer.digest).encode() for layer in of_type.get(MESSAGES_LAYER, [])]
    systems = [store.text(layer.digest) for layer in of_type.get(SYSTEM, [])]
    found = InstalledModel(
        name=name,
        manifest=manifest,
        config=config,
        template=Template.parse(templates[-1] if templates else DEFAULT_TEMPLATE),
        own_template=bool(templates),
        system=systems[-1] if systems else "",
        licenses=tuple(store.text(layer.digest) for layer in of_type.get(LICENSE, [])),
        options={key: value for options in params for key, value in options.items()},
        messages=tuple(decode(MESSAGES, stored[-1]) or ()) if stored else (),
        parent=model.origin if model is not None else "",
        model_digest=model.digest if model is not None else "",
        model_path=store.blob_path(model.digest) if model is not None else "",
        file_bytes=model.size_bytes if model is not None else 0,
        facts=blob.facts if blob is not None else None,
        adapters=tuple(store.blob_path(layer.digest) for layer in of_type.get(ADAPTER, [])),
        projectors=tuple(store.blob_path(layer.digest) for layer in of_type.get(PROJECTOR, [])),
    )
    return _with_capabilities(found, jinja=jinja)


def _with_capabilities(model: InstalledModel, *, jinja: bool) -> InstalledModel:
    """What the model can do: by its config, its file, its template, its parser, in this order, each once."""
    found: list[str] = list(model.config.get("capabilities") or ())
    facts, parser = model.facts, model.config.get("parser", "")
    if facts is not None:
        if jinja and model.native_chat:
            found += _jinja_capabilities(facts.chat_template)
        found.append(EMBEDDING if facts.embeds else COMPLETION)
        if facts.get("vision.block_count") is not None:
            found.append(VISION)
    if model.projectors:
        found.append(VISION)
    found += [TOOLS] * ("tools" in model.template.variables) + [INSERT] * ("suffix" in model.template.variables)
    found += [THINKING] * all(model.template.thinking_tags)
    able = _PARSER_CAPABILITIES.get(parser, frozenset())
    found += [name for name in (TOOLS, THINKING) if name in able]
    found += [THINKING] * (model.config.get("model_family") in {"gptoss", "gpt-oss"})
    values = {slot: getattr(model, slot) for slot in model.__slots__}
    return InstalledModel(**{**values, "capabilities": tuple(dict.fromkeys(found))})


def _jinja_capabilities(template: str) -> list[str]:
    tools = [TOOLS] * ("tools" in template or "tool_call" in template)
    return tools + [THINKING] * ("<think>" in template and "</think>" in template)
