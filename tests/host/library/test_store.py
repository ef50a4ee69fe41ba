"""Blobs and manifests, their digests, what a config's models look like, and pulling."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import pytest

from toolkit.config.twin import TwinSection
from toolkit.host.clock import RealClock
from toolkit.host.library.catalog import Catalog
from toolkit.host.library.configured import store_of
from toolkit.host.library.create import CreateFailedError, remote_url
from toolkit.host.library.names import parse_name
from toolkit.host.library.registry import Offer, Pull, PullFailedError, Registries, Registry
from toolkit.host.library.store import (
    CONFIG,
    MANIFEST,
    SYSTEM,
    Blob,
    DigestError,
    Layer,
    Manifest,
    Store,
    checked_digest,
    digest_of,
    manifest_digest,
)


def test_the_digest_of_a_manifest_is_that_of_its_text() -> None:
    config, layer = Layer(CONFIG, "sha256:" + "1" * 64, 5), Layer(SYSTEM, "sha256:" + "2" * 64, 7, "me/a")
    written = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": config.digest, "size": 5},
        "layers": [{"mediaType": SYSTEM, "digest": layer.digest, "size": 7, "from": "me/a"}],
    }
    text = json.dumps(written, separators=(",", ":")) + "\n"
    assert manifest_digest(config, [layer]) == hashlib.sha256(text.encode()).hexdigest()


def test_digests_are_checked() -> None:
    assert checked_digest("sha256-" + "a" * 64) == "sha256:" + "a" * 64
    for text in ("", "sha256:12", "md5:" + "a" * 64, "sha256:" + "g" * 64, "sha256:" + "a" * 65):
        with pytest.raises(DigestError, match="invalid digest format"):
            checked_digest(text)


def filled() -> Store:
    store = Store()
    for name, text in (("a", b"one"), ("b", b"two")):
        shared, _ = store.add(b"shared", SYSTEM)
        own, _ = store.add(text, SYSTEM)
        config, _ = store.add(b"{}", CONFIG)
        store.write(parse_name(name), config, (shared, own), 1)
    return store


def test_removing_keeps_what_others_need() -> None:
    store = filled()
    assert store.remove(parse_name("a"))
    assert not store.remove(parse_name("a"))
    assert digest_of(b"one") not in store.blobs
    assert {digest_of(b"shared"), digest_of(b"two"), digest_of(b"{}")} == set(store.blobs)


def test_copies_share_everything_but_their_age() -> None:
    store = filled()
    assert store.copy(parse_name("a"), parse_name("me/c:1"), 9)
    assert not store.copy(parse_name("nosuch"), parse_name("x"), 9)
    first, copy = store.find(parse_name("a")), store.find(parse_name("me/c:1"))
    assert first is not None
    assert copy is not None
    assert (copy.digest, copy.modified_ns) == (first.digest, 9)
    generation = store.generation
    assert store.copy(parse_name("a"), parse_name("a"), 99)
    assert store.generation == generation


def test_models_of_a_config() -> None:
    store = store_of(TwinSection().models, 10**18)
    catalog = Catalog(store, jinja=True)
    names = [model.name.short for model in catalog.models()]
    assert names == ["qwen2.5:32b", "deepseek-coder-v2:16b", "qwen2.5:7b"]
    model = catalog.find(parse_name("QWEN2.5:7b"))
    assert model is not None
    assert model.capabilities == ("completion", "tools")
    assert model.template.tool_tag == "<tool_call>"
    assert model.facts is not None
    assert model.facts.get("block_count") == 28
    assert model.facts.parameter_count == 7_600_000_000
    assert model.details()["quantization_level"] == "Q4_K_M"
    assert catalog.find(parse_name("qwen2.5:7b")) is model, "read once"
    store.copy(model.name, parse_name("x"), 1)
    assert catalog.find(parse_name("x")) is not None


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://ollama.com", "https://ollama.com:443"),
        ("ollama.com", "https://ollama.com:443"),
        ("http://h", "http://h:11434"),
        ("h:80/p/", "http://h:80/p"),
        ("/x", "http://localhost:11434/x"),
    ],
)
def test_addresses_of_other_servers(text: str, url: str) -> None:
    found = remote_url(text)
    assert found.startswith(url.rpartition(":")[0])


def test_a_bad_address_of_another_server() -> None:
    with pytest.raises(CreateFailedError):
        remote_url("http://h:port")


# Pulling -------------------------------------------------------------------------------------------------------------

BIG = Layer("", "sha256:" + "b" * 64, 1000)
CONFIGURATION = Layer(CONFIG, "sha256:" + "c" * 64, 10)


def pull(registries: Registries, store: Store | None = None, name: str = "h:1/me/x", *, insecure: bool = False) -> Pull:
    return Pull(registries, store or Store(), parse_name(name), insecure, RealClock(), 0.0)


def offering(**more: Any) -> Registries:
    offer = Offer(Manifest(CONFIGURATION, (BIG,), "d" * 64, 0), {BIG.digest: Blob(1000)}, **more)
    return Registries({"h:1": Registry({("me", "x", "latest"): offer}, bytes_per_s=5000)})


async def steps(work: Pull) -> list[dict[str, Any]]:
    return [step async for step in work.steps()]


async def test_a_pull_tells_how_far_it_is() -> None:
    store = Store()
    told = await steps(pull(offering(), store))
    sizes = [step["completed"] for step in told if step.get("digest") == BIG.digest]
    assert sizes == [300, 600, 900]
    assert [step["status"] for step in told][-3:] == ["verifying sha256 digest", "writing manifest", "success"]
    assert store.find(parse_name("h:1/me/x")) is not None
    again = await steps(pull(offering(), store))
    assert [step["completed"] for step in again if "digest" in step] == [1000, 10]


async def test_an_aborted_pull_goes_on_where_it_was() -> None:
    registries, store = offering(), Store()
    work = pull(registries, store).steps()
    while (await anext(work)).get("completed") != 600:
        pass
    await work.aclose()
    assert registries.partial == {BIG.digest: 600}
    told = await steps(pull(registries, store))
    assert [step["completed"] for step in told if step.get("digest") == BIG.digest] == [900]


@pytest.mark.parametrize(
    ("offer", "message"),
    [
        ({"refused": "403: no"}, "pull model manifest: 403: no"),
        ({"missing_blob": BIG.digest}, "file does not exist"),
        ({"no_redirect": True}, "http: no Location header in response"),
        ({"corrupt": BIG.digest}, "digest mismatch, file must be downloaded again"),
    ],
)
async def test_registries_that_misbehave(offer: dict[str, Any], message: str) -> None:
    store = Store()
    with pytest.raises(PullFailedError, match=message):
        await steps(pull(offering(**offer), store))
    assert store.find(parse_name("h:1/me/x")) is None
    assert BIG.digest not in store.blobs


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("h:1/me/y", "file does not exist"),
        ("127.0.0.1:1/me/x", "dial tcp 127.0.0.1:1: connect: connection refused"),
        ("other.example/me/x", "dial tcp: lookup other.example: no such host"),
    ],
)
async def test_models_and_hosts_that_are_not_there(name: str, message: str) -> None:
    with pytest.raises(PullFailedError, match=message):
        await steps(pull(offering(), name=name))


async def test_a_proxy_that_refuses() -> None:
    registries = Registries.from_environment({"HTTPS_PROXY": "http://127.0.0.1:9/"})
    with pytest.raises(PullFailedError, match=r"proxyconnect tcp: dial tcp 127.0.0.1:9: connect"):
        await steps(pull(registries, name="x"))
    assert Registries.from_environment({}).proxy is None
    plain = Registries({"h:1": Registry(bytes_per_s=math.inf, tls=False)})
    with pytest.raises(PullFailedError, match="tls: first record does not look like"):
        await steps(pull(plain))
