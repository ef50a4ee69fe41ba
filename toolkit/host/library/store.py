"""The models folder of the twin, in memory: blobs by digest, manifests by name."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from toolkit.host.app.gojson import encode
from toolkit.host.library.names import ModelName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.host.library.gguf_facts import GgufFacts

MODEL = "application/vnd.ollama.image.model"
ADAPTER = "application/vnd.ollama.image.adapter"
PROJECTOR = "application/vnd.ollama.image.projector"
TEMPLATE = "application/vnd.ollama.image.template"
SYSTEM = "application/vnd.ollama.image.system"
LICENSE = "application/vnd.ollama.image.license"
PARAMS = "application/vnd.ollama.image.params"
MESSAGES = "application/vnd.ollama.image.messages"
CONFIG = "application/vnd.docker.container.image.v1+json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_DIGEST = re.compile(r"sha256[:-][0-9a-fA-F]{64}", re.ASCII)


class DigestError(Exception):
    """Not a digest; the message is the server's."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A file: its size, and its content or (for models that exist in name only) what its header says."""

    size_bytes: int
    content: bytes | None = None
    facts: GgufFacts | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """An entry of a manifest. `origin` is the model that a layer was taken from."""

    media_type: str
    digest: str
    size_bytes: int
    origin: str = ""

    def as_json(self) -> dict[str, Any]:
        """As it stands in the manifest."""
        shown: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size_bytes}
        return {**shown, "from": self.origin} if self.origin else shown


@dataclass(frozen=True, slots=True)
class Manifest:
    """An installed model: its layers, its digest (of the manifest's own text, hex), when it was written."""

    config: Layer
    layers: tuple[Layer, ...]
    digest: str
    modified_ns: int

    @property
    def size_bytes(self) -> int:
        """All layers together."""
        return sum(layer.size_bytes for layer in (*self.layers, self.config))

    def digests(self) -> set[str]:
        """Every blob it needs."""
        return {layer.digest for layer in (*self.layers, self.config) if layer.digest}


def digest_of(content: bytes) -> str:
    """`sha256:…` of a content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest_digest(config: Layer, layers: Iterable[Layer]) -> str:
    """The hex digest of the manifest with these layers, as the server writes it."""
    written = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.as_json(),
        "layers": [layer.as_json() for layer in layers],
    }
    return hashlib.sha256(encode(written) + b"\n").hexdigest()


def checked_digest(text: str) -> str:
    """A digest in its usual spelling. Raises DigestError."""
    if _DIGEST.fullmatch(text) is None:
        raise DigestError("invalid digest format")
    return text.replace("-", ":", 1)


@dataclass(slots=True)
class Store:
    """Blobs and manifests. `models_path` is only ever shown, never opened."""

    models_path: str = "/models"
    blobs: dict[str, Blob] = field(default_factory=dict)
    manifests: dict[tuple[str, str, str, str], Manifest] = field(default_factory=dict)
    generation: int = 0
    """Rises with every change of a manifest."""

    def names(self) -> tuple[ModelName, ...]:
        """What is installed, in the order of the folders."""
        return tuple(ModelName(*key) for key in sorted(self.manifests))

    def existing(self, name: ModelName) -> ModelName:
        """The name in the spelling of what is installed, part by part."""
        return name if name.key in self.manifests else name.like(self.names())

    def find(self, name: ModelName) -> Manifest | None:
        """The manifest of exactly this name."""
        return self.manifests.get(name.key)

    def blob_path(self, digest: str) -> str:
        """Where the server would keep a blob."""
        return f"{self.models_path}/blobs/{digest.replace(':', '-', 1)}"

    def manifest_path(self, name: ModelName) -> str:
        """Where the server would keep a manifest."""
        return f"{self.models_path}/manifests/{'/'.join(name.key)}"

    def text(self, digest: str) -> str:
        """The content of a small blob as text; empty if only its size is known."""
        blob = self.blobs.get(digest)
        return (blob.content or b"").decode("utf-8", "replace") if blob is not None else ""

    def add(self, content: bytes, media_type: str, facts: GgufFacts | None = None) -> tuple[Layer, bool]:
        """Keep a content; returns its layer and whether the blob is new."""
        digest = digest_of(content)
        fresh = digest not in self.blobs
        if fresh:
            self.blobs[digest] = Blob(len(content), content, facts)
        return Layer(media_type, digest, len(content)), fresh

    def write(self, name: ModelName, config: Layer, layers: tuple[Layer, ...], now_ns: int, digest: str = "") -> None:
        """Install a model, in place of any of that name."""
        known = digest or manifest_digest(config, layers)
        self.manifests[name.key] = Manifest(config, layers, known, now_ns)
        self.generation += 1

    def copy(self, source: ModelName, destination: ModelName, now_ns: int) -> bool:
        """Install a model under another name; False if the source is not there."""
        manifest = self.find(source)
        if manifest is None:
            return False
        if source.key != destination.key:
            self.manifests[destination.key] = replace(manifest, modified_ns=now_ns)
            self.generation += 1
        return True

    def remove(self, name: ModelName) -> bool:
        """Remove a model and the blobs that nothing else needs; False if it is not there."""
        manifest = self.manifests.pop(name.key, None)
        if manifest is None:
            return False
        self.generation += 1
        self.drop_unused(manifest.digests())
        return True

    def drop_unused(self, digests: set[str]) -> set[str]:
        """Remove those blobs that no manifest needs; returns which."""
        needed = {digest for manifest in self.manifests.values() for digest in manifest.digests()}
        unused = digests - needed
        for digest in unused:
            self.blobs.pop(digest, None)
        return unused
