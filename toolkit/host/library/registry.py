"""Registries as the twin imagines them, and pulling from them. Nothing here ever touches a network.

A registry is known by its host; hosts that are not known refuse the connection, as closed ports do. What it offers, and
how it misbehaves, is data.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.host.library.names import DEFAULT_HOST, ModelName
from toolkit.host.library.store import Blob, Layer, Manifest, Store

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from toolkit.host.clock import Clock

PROGRESS_EVERY_NS = 60_000_000
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class PullFailedError(Exception):
    """The pull ends here; the message is the server's."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A model in a registry: its manifest, and its blobs as far as the twin has them."""

    manifest: Manifest
    blobs: dict[str, Blob]
    refused: str | None = None
    """What asking for the manifest ends with instead, such as `403: {…}`."""
    missing_blob: str | None = None
    """The digest of a blob that the registry does not have."""
    corrupt: str | None = None
    """The digest of a blob that arrives broken."""
    no_redirect: bool = False
    """The registry serves blobs itself, which the client does not understand."""
    manifest_ns: int = 0


@dataclass(slots=True)
class Registry:
    """One host. `bytes_per_s` is how fast its blobs arrive; `tls`: whether it speaks HTTPS."""

    offers: dict[tuple[str, str, str], Offer] = field(default_factory=dict)
    """By namespace, model and tag."""
    bytes_per_s: float = math.inf
    tls: bool = True

    def offer(self, name: ModelName) -> Offer | None:
        """What it has under this name; models and namespaces without case."""
        wanted = (name.namespace.lower(), name.model.lower(), name.tag)
        for (namespace, model, tag), offer in self.offers.items():
            if (namespace.lower(), model.lower(), tag) == wanted:
                return offer
        return None


@dataclass(slots=True)
class Registries:
    """The registries by host. `proxy` is an HTTPS proxy that refuses, as `HTTPS_PROXY` may name one."""

    hosts: dict[str, Registry] = field(default_factory=dict)
    proxy: str | None = None
    partial: dict[str, int] = field(default_factory=dict)
    """Bytes that an aborted pull left of a blob."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Registries:
        """A public registry that knows no model, behind the proxy of the environment if it names one."""
        proxy = environment.get("HTTPS_PROXY") or environment.get("https_proxy")
        stripped = proxy.partition("://")[2] or proxy if proxy else None
        return cls({DEFAULT_HOST: Registry()}, stripped.rstrip("/") if stripped else None)

    def reach(self, name: ModelName, *, insecure: bool) -> Offer:
        """The offer of this name. Raises PullFailedError in the words of Go's client."""
        registry = self.hosts.get(name.host)
        scheme = "http" if insecure and registry is not None and not registry.tls else "https"
        path = f"{name.namespace}/{name.model}/manifests/{name.tag}"
        if registry is None and insecure and self._is_local(name.host):
            scheme = "http"
        where = f'Get "{scheme}://{name.host}/v2/{path}": '
        if self.proxy is not None and scheme == "https" and not self._is_local(name.host):
            raise PullFailedError(f"{where}proxyconnect tcp: dial tcp {self.proxy}: connect: connection refused")
        if registry is None:
            address = name.host if ":" in name.host else f"{name.host}:{_DEFAULT_PORTS[scheme]}"
            if self._is_local(name.host):
                raise PullFailedError(f"{where}dial tcp {address}: connect: connection refused")
            raise PullFailedError(f"{where}dial tcp: lookup {name.host.partition(':')[0]}: no such host")
        if not registry.tls and not insecure:
            raise PullFailedError(f"{where}tls: first record does not look like a TLS handshake")
        offer = registry.offer(name)
        if offer is None:
            raise PullFailedError("file does not exist")
        if offer.refused is not None:
            raise PullFailedError(offer.refused)
        return offer

    @staticmethod
    def _is_local(host: str) -> bool:
        return host.partition(":")[0] in {"127.0.0.1", "localhost", "::1"}


@dataclass(slots=True)
class Pull:
    """One pull under way."""

    registries: Registries
    store: Store
    name: ModelName
    insecure: bool
    clock: Clock
    time_scale: float = 1.0

    async def steps(self) -> AsyncGenerator[dict[str, Any], None]:
        """Do the work; yields progress as the API shows it.

        Raises:
            PullFailedError: it ends here.
        """
        old = self.store.find(self.name)
        yield {"status": "pulling manifest"}
        try:
            offer = self.registries.reach(self.name, insecure=self.insecure)
        except PullFailedError as error:
            raise PullFailedError(f"pull model manifest: {error}") from error
        await self._wait(offer.manifest_ns)
        manifest = offer.manifest
        layers = [*manifest.layers, *([manifest.config] if manifest.config.digest else [])]
        fetched: list[str] = []
        for layer in layers:
            if layer.digest in self.store.blobs:
                yield _progress(layer, layer.size_bytes)
                continue
            async with contextlib.aclosing(self._fetch(offer, layer)) as fetching:
                async for progress in fetching:
                    yield progress
            fetched.append(layer.digest)
        yield {"status": "verifying sha256 digest"}
        for digest in fetched:
            if digest == offer.corrupt:
                self.store.blobs.pop(digest, None)
                got = f"sha256:{digest[-1:] * 64}"
                raise PullFailedError(f"digest mismatch, file must be downloaded again: want {digest}, got {got}")
        yield {"status": "writing manifest"}
        self.store.write(self.name, manifest.config, manifest.layers, self.clock.wall_ns(), manifest.digest)
        if old is not None and old.digests() - manifest.digests():
            yield {"status": "removing unused layers"}
            self.store.drop_unused(old.digests() - manifest.digests())
        yield {"status": "success"}

    async def _fetch(self, offer: Offer, layer: Layer) -> AsyncGenerator[dict[str, Any], None]:
        """Bring one blob; a line about every 60 ms, none for one that is there sooner."""
        if offer.no_redirect:
            raise PullFailedError("http: no Location header in response")
        if layer.digest == offer.missing_blob:
            raise PullFailedError("file does not exist")
        registry = self.registries.hosts[self.name.host]
        have = self.registries.partial.pop(layer.digest, 0)
        speed = registry.bytes_per_s
        step = layer.size_bytes if math.isinf(speed) else max(1, int(speed * PROGRESS_EVERY_NS / 1_000_000_000))
        try:
            while layer.size_bytes - have > step:
                await self._wait(PROGRESS_EVERY_NS)
                have += step
                yield _progress(layer, have)
        except BaseException:
            self.registries.partial[layer.digest] = have
            raise
        if not math.isinf(speed):
            await self._wait(round((layer.size_bytes - have) / speed * 1_000_000_000))
        self.store.blobs[layer.digest] = offer.blobs.get(layer.digest, Blob(layer.size_bytes))

    async def _wait(self, duration_ns: int) -> None:
        await self.clock.sleep_ns(round(duration_ns * self.time_scale))


def _progress(layer: Layer, completed: int) -> dict[str, Any]:
    out: dict[str, Any] = {"status": f"pulling {layer.digest[7:19]}", "digest": layer.digest}
    values = {"total": layer.size_bytes, "completed": completed}
    return {**out, **{key: value for key, value in values.items() if value}}
