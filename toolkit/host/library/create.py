"""Making a model of another one or of uploaded files, step by step as the server reports it."""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from toolkit.host.app.gojson import encode
from toolkit.host.library.gguf_facts import human_number
from toolkit.host.library.names import CLOUD, ModelName, ModelNameError, parse_reference
from toolkit.host.library.store import (
    ADAPTER,
    CONFIG,
    LICENSE,
    MESSAGES,
    MODEL,
    PARAMS,
    SYSTEM,
    TEMPLATE,
    Blob,
    DigestError,
    Layer,
    Store,
    checked_digest,
    digest_of,
)
from toolkit.host.library.uploads import rewritten
from toolkit.host.speech.template import Template
from toolkit.host.speech.template_parse import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLOUD_HOST = "https://ollama.com:443"
_DEFAULT_PORT = "11434"
_MOST_INT = (1 << 63) - 1


class CreateFailedError(Exception):
    """The model cannot be made; `status` applies while nothing has been reported."""

    def __init__(self, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.message, self.status = message, status


class NeedsPullError(Exception):
    """The source is not installed and has to be pulled first."""

    def __init__(self, name: ModelName) -> None:
        super().__init__(name.full)
        self.name = name


def check_files(request: dict[str, Any]) -> None:
    """What is looked at before anything else. Raises CreateFailedError (400)."""
    for key in ("files", "draft_files"):
        for path, digest in (request[key] or {}).items():
            if not _valid_path(path):
                raise CreateFailedError("file path must be relative", 400)
            if not digest:
                raise CreateFailedError("invalid digest format", 400)
    if request["draft_quantize"] and not request["draft_files"]:
        raise CreateFailedError("--draft-quantize requires a DRAFT model", 400)
    if any(not digest for digest in (request["adapters"] or {}).values()):
        raise CreateFailedError("invalid digest format", 400)


def _valid_path(path: str) -> bool:
    """A clean relative path with forward slashes, as Go's fs.ValidPath has it."""
    return path == "." or (bool(path) and all(part not in {"", ".", ".."} for part in path.split("/")))


@dataclass(slots=True)
class Creation:
    """One creation under way. `rewrites`: whether a file from outside is written anew (v0.32)."""

    store: Store
    name: ModelName
    request: dict[str, Any]
    now_ns: int
    rewrites: bool
    knows_info: bool = True
    config: dict[str, Any] = field(default_factory=dict)
    layers: list[tuple[Layer, str]] = field(default_factory=list)
    """With the status line of each."""

    def steps(self) -> Iterator[str]:
        """Do the work; yields status lines.

        Raises:
            CreateFailedError: it cannot be done.
            NeedsPullError: the source must be pulled first; call `steps` again afterwards.
        """
        request = self.request
        self.layers, self.config = [], {key: request[key] for key in ("renderer", "parser", "requires") if request[key]}
        old = self.store.find(self.name)
        if request["from"]:
            self._from_model(request["from"])
        elif request["files"] is not None:
            yield from self._from_files(request["files"], MODEL)
        else:
            raise CreateFailedError("neither 'from' or 'files' was specified", 400)
        if request["adapters"] is not None and "remote_host" not in self.config:
            yield from self._from_files(request["adapters"], ADAPTER)
        if self.knows_info:
            self._apply_info(request["info"] or {})
        yield from self._rewrite_models()
        self._describe_models()
        self._own_layers()
        config, _ = self.store.add(self._config_json(), CONFIG)
        for _, status in self.layers:
            if status:
                yield status
        yield "writing manifest"
        self.store.write(self.name, config, tuple(layer for layer, _ in self.layers), self.now_ns)
        if old is not None:
            self.store.drop_unused(old.digests())
        yield "success"

    def _from_model(self, source: str) -> None:
        try:
            reference = parse_reference(source)
        except ModelNameError as error:
            raise CreateFailedError("invalid model name", 400) from error
        remote = self.request["remote_host"] or (_CLOUD_HOST if reference.source == CLOUD else "")
        if remote:
            self.config |= {"remote_host": remote_url(remote), "remote_model": reference.base}
            return
        manifest = self.store.find(reference.name)
        if manifest is None:
            raise NeedsPullError(reference.name)
        base = json.loads(self.store.text(manifest.config.digest) or "{}")
        for key in ("renderer", "parser", "requires", "model_format", "capabilities"):
            if base.get(key) and not self.config.get(key):
                self.config[key] = base[key]
        for layer in manifest.layers:
            taken = Layer(layer.media_type, layer.digest, layer.size_bytes, reference.name.short)
            self.layers.append((taken, f"using existing layer {layer.digest}"))

    def _from_files(self, files: dict[str, str], media_type: str) -> Iterator[str]:
        if not self._are_gguf(files):
            raise CreateFailedError("unknown type", 400)
        if len(files) > 1 and media_type == ADAPTER:
            raise CreateFailedError("only one adapter is currently supported", 400)
        for path in sorted(files):
            yield "parsing GGUF"
            try:
                digest = checked_digest(files[path])
            except DigestError as error:
                raise CreateFailedError(str(error), 400 if media_type == ADAPTER else 500) from error
            blob = self.store.blobs.get(digest)
            if blob is None:
                where = self.store.blob_path(digest)
                raise CreateFailedError(f"open {where}: no such file or directory")
            if blob.facts is None:
                raise CreateFailedError("supplied file was not in GGUF format", 400)
            self.layers.append((Layer(media_type, digest, blob.size_bytes), f"using existing layer {digest}"))

    def _are_gguf(self, files: dict[str, str]) -> bool:
        """Judged by the first file, by its name or its content."""
        for path, digest in files.items():
            if path.endswith((".gguf", ".safetensors")):
                return path.endswith(".gguf")
            try:
                blob = self.store.blobs.get(checked_digest(digest))
            except DigestError:
                return False
            return blob is not None and blob.facts is not None
        return False

    def _rewrite_models(self) -> Iterator[str]:
        """A model file from outside becomes a new file with the same tensors."""
        if not self.rewrites or self.request["from"]:
            return
        for place, (layer, _) in enumerate(self.layers):
            if layer.media_type != MODEL:
                continue
            yield "verifying conversion"
            blob = self.store.blobs[layer.digest]
            digest = digest_of(f"rewritten {layer.digest}".encode())
            status = "using existing layer" if digest in self.store.blobs else "creating new layer"
            facts = rewritten(blob.facts) if blob.facts is not None else None
            self.store.blobs.setdefault(digest, Blob(layer.size_bytes, None, facts))
            self.layers[place] = (Layer(MODEL, digest, layer.size_bytes), f"{status} {digest}")

    def _describe_models(self) -> None:
        for layer, _ in self.layers:
            blob = self.store.blobs.get(layer.digest)
            if layer.media_type != MODEL or blob is None or blob.facts is None:
                continue
            facts = blob.facts
            described = {
                "model_format": "gguf",
                "model_family": facts.architecture,
                "model_type": human_number(facts.parameter_count),
                "file_type": facts.file_type,
            }
            self.config = {**described, **{key: value for key, value in self.config.items() if value}}
            self.config["model_families"] = [*(self.config.get("model_families") or []), facts.architecture]

    def _apply_info(self, info: dict[str, Any]) -> None:
        capabilities = info.get("capabilities")
        if isinstance(capabilities, list):
            named = [item if isinstance(item, str) else "" for item in capabilities]
            self.config["capabilities"] = [*(self.config.get("capabilities") or []), *named]
        texts = {"model_family": "model_family", "base_name": "base_name", "quantization_level": "file_type",
                 "parameter_size": "model_type"}  # fmt: skip
        for key, target in texts.items():
            value = info.get(key, "")
            if not isinstance(value, str):
                raise CreateFailedError(f'info field "{key}" must be a string', 400)
            if value:
                self.config[target] = value
        if info.get("model_family"):
            self.config["model_families"] = [info["model_family"]]
        for key in ("context_length", "embedding_length"):
            value = info.get(key, 0.0)
            if not isinstance(value, float):
                raise CreateFailedError(f'info field "{key}" must be a number', 400)
            if value < 0 or value != int(value) or value > _MOST_INT:
                raise CreateFailedError(f'info field "{key}" must be a non-negative integer', 400)
            if value:
                self.config[key] = int(value)

    def _own_layers(self) -> None:
        """Template, system, licences, parameters and messages of the request, in the server's order."""
        request = self.request
        if request["template"]:
            try:
                Template.parse(request["template"])
            except TemplateError as error:
                raise CreateFailedError(f"template error: {error}", 400) from error
            self._replace(TEMPLATE, request["template"].encode())
        if request["system"]:
            self._replace(SYSTEM, request["system"].encode())
        licenses = request["license"]
        if licenses is not None:
            texts = [licenses] if isinstance(licenses, str) else licenses
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                raise CreateFailedError("json: cannot unmarshal object into Go value of type []string")
            for text in texts:
                if text or not isinstance(licenses, str):
                    self._append(LICENSE, text.encode())
        self._own_parameters(request["parameters"])
        if request["messages"]:
            shown = [_message_json(message) for message in request["messages"]]
            self._replace(MESSAGES, encode(shown) + b"\n")

    def _own_parameters(self, given: dict[str, Any] | None) -> None:
        merged = dict(given or {})
        for layer, _ in self.layers:
            if layer.media_type == PARAMS:
                for key, value in json.loads(self.store.text(layer.digest) or "{}").items():
                    merged.setdefault(key, value)
        if merged:
            self._replace(PARAMS, encode(dict(sorted(merged.items()))) + b"\n")

    def _replace(self, media_type: str, content: bytes) -> None:
        self.layers = [entry for entry in self.layers if entry[0].media_type != media_type]
        self._append(media_type, content)

    def _append(self, media_type: str, content: bytes) -> None:
        layer, fresh = self.store.add(content, media_type)
        self.layers.append((layer, f"{'creating new' if fresh else 'using existing'} layer {layer.digest}"))

    def _config_json(self) -> bytes:
        config = self.config
        out: dict[str, Any] = {
            "model_format": config.get("model_format", ""),
            "model_family": config.get("model_family", ""),
            "model_families": config.get("model_families"),
            "model_type": config.get("model_type", ""),
            "file_type": config.get("file_type", ""),
        }
        optional = ("renderer", "parser", "requires", "remote_host", "remote_model", "capabilities", "context_length",
                    "embedding_length", "base_name")  # fmt: skip
        out |= {key: config[key] for key in optional if config.get(key)}
        return encode({**out, "architecture": "amd64", "os": "linux"}) + b"\n"


def _message_json(message: dict[str, Any]) -> dict[str, Any]:
    out = {"role": message["role"], "content": message["content"]}
    optional = ("thinking", "tool_calls", "tool_name", "tool_call_id")
    return {**out, **{key: message[key] for key in optional if message[key]}}


def remote_url(text: str) -> str:
    """The address of another server, completed as the server completes it. Raises CreateFailedError (400)."""
    if text.startswith("/"):
        return f"http://localhost:{_DEFAULT_PORT}{posixpath.normpath(text)}"
    if "://" not in text:
        text = f"http://{text}"
    if text in {"http://ollama.com", "ollama.com"}:
        text = _CLOUD_HOST
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise CreateFailedError("bad remote", 400) from error
    host = parts.hostname or "localhost"
    path = posixpath.normpath(parts.path) if parts.path else ""
    return f"{parts.scheme}://{host}:{port or _DEFAULT_PORT}{'' if path == '/' else path}"
