"""Recorded stories: creating and copying, pulling, what `/api/ps` shows, and who is loaded when."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.http_replay import Reply, differences, exchange, raw_request, wanted
from tests.conformance.jumping_loop import JumpingLoop, LoopClock
from tests.conformance.test_http_golden import recorded_twin
from toolkit.host.app.serve import listening
from toolkit.host.assembly import Twin, TwinOptions, assemble
from toolkit.host.library.names import parse_name
from toolkit.host.library.registry import Offer, Registry
from toolkit.host.library.store import Layer, Manifest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.shared

GOLDEN = "ollama/golden/http"
MINI2 = "sha256:7164fcc56dbfc4e0abd1b04f1629eda3de290e5f8bb5a8a01e91f536a555b680"


def load(shared_dir: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared_dir / GOLDEN / name).read_text(encoding="utf-8"))
    return found


def twin_of(shared_dir: Path, environment: dict[str, str] | None = None, profile: str = "v0.32") -> Twin:
    return recorded_twin(shared_dir / GOLDEN / "models.json", profile, environment)


async def ask(url: str, request: dict[str, Any]) -> Reply | None:
    return await exchange(url, raw_request(request), head=request["method"] == "HEAD")


async def post(url: str, path: str, body: dict[str, Any]) -> Reply | None:
    request = {"method": "POST", "path": path, "headers": {"Host": "localhost"}, "body": json.dumps(body)}
    return await ask(url, request)


# Creating ------------------------------------------------------------------------------------------------------------

AFTER_UNRECORDED = {
    "create/messages-bad", "create/remote-show", "create/copy-over-show", "create/tags-all", "create/delete-space",
    "create/delete-shared",
}  # fmt: skip
"""They depend on requests of the same story that are kept from us."""


async def test_creating_copying_and_deleting(shared_dir: Path) -> None:
    twin = twin_of(shared_dir)
    store = twin.services.catalog.store
    mini2 = store.blobs[MINI2]
    for name in store.names():
        if name.model not in {"tiny", "mini1"}:
            store.remove(name)
    wrong = []
    async with listening(twin.app, "127.0.0.1", 0) as url:
        for case in load(shared_dir, "create.json"):
            if case["id"] == "create/blob-post":
                store.blobs[MINI2] = mini2  # 754 kB that nobody has
                continue
            request = case["request"]
            got = await ask(url, {**request, "body": request.get("body", request.get("body_note"))})
            want = wanted(case["response"])
            if case["id"] in AFTER_UNRECORDED:
                continue
            found = differences(*(reply and anonymous(reply) for reply in (got, want)))  # type: ignore[arg-type]
            wrong += [f"{case['id']}: {'; '.join(found)}"] if found else []
    assert not wrong, "\n".join(wrong)


def anonymous(reply: Reply) -> Reply:
    """The digest of the file that the server wrote anew cannot be known."""
    theirs = "9ffb1445feff0802dc26c24d56009a07605e3079359c29453d82c09808260ea7"
    ours = "53fdc7510cf317e9ca460533b263b4b5c5886f431e505ea383d5336fd2927902"
    return replace(reply, body=reply.body.replace(theirs, ours))


# Pulling -------------------------------------------------------------------------------------------------------------

HOST = "127.0.0.1:5055"


def layer(line: dict[str, Any]) -> Layer:
    return Layer("", line["digest"], line.get("total", 0))


def offer_of(case: dict[str, Any]) -> Offer:
    """What the registry must have had, from the progress that was shown."""
    lines = [json.loads(chunk["data"]) for chunk in case["response"].get("chunks", ())]
    layers = list({line["digest"]: layer(line) for line in lines if "digest" in line}.values())
    error = lines[-1].get("error", "") if lines else json.loads(case["response"]["body"]).get("error", "")
    name = case["id"].removeprefix("pull/").removesuffix("-nostream")
    refused = {
        "m401": f'realm host "" does not match original host "{HOST}"',
        "m403": '403: {"errors":[{"code":"DENIED"}]}',
        "m500": "500: internal error",
    }.get(name)
    missing = corrupt = None
    if name == "blob404":
        missing = f"sha256:{'0' * 64}"
        layers = [Layer("", missing, 1000)]
    if name == "corrupt":
        corrupt = error.partition("want ")[2].partition(",")[0]
        layers = [Layer("", corrupt, 5), *layers]
    if name.startswith("update"):  # another model file each time, too fast to show
        layers = [Layer("", f"sha256:{name[-1] * 64}", 1000), *layers]
    if name == "direct":
        layers = [Layer("", f"sha256:{'1' * 64}", 1000)]
    manifest = Manifest(layers[-1] if layers else Layer("", "", 0), tuple(layers[:-1]), "", 0)
    return Offer(manifest, {}, refused=refused, missing_blob=missing, corrupt=corrupt, no_redirect=name == "direct")


@pytest.mark.parametrize("profile", ["v0.32", "v0.24"])
async def test_pulling(shared_dir: Path, profile: str) -> None:
    twin = twin_of(shared_dir, profile=profile)
    cases = load(shared_dir, "pull.json" if profile == "v0.32" else "v0.24.0/pull.json")
    registry = Registry(bytes_per_s=math.inf, tls=False)
    twin.services.registries.hosts[HOST] = registry
    wrong, played = [], 0
    async with listening(twin.app, "127.0.0.1", 0) as url:
        for case in cases:
            if "request" not in case or case["response"].get("client_aborted_s") or "status" not in case["response"]:
                continue
            body = json.loads(case["request"]["body"])
            name = parse_name(body["model"])
            known = {"missing", "tag-missing"} & {case["id"].removeprefix("pull/").removesuffix("-nostream")}
            if name.host == HOST and not known and registry.offer(name) is None:
                registry.offers[name.namespace, name.model, name.tag] = offer_of(case)
            if case["id"] in {"pull/corrupt-nostream", "pull/update-2"}:
                registry.offers[name.namespace, name.model, name.tag] = offer_of(case)
            got, want = await ask(url, case["request"]), wanted(case["response"])
            played += 1
            assert got is not None
            found = [
                f"{what}: wanted {old!r}, got {new!r}"
                for what, old, new in (
                    ("status", want.status, got.status),
                    ("type", want.header("content-type"), got.header("content-type")),
                    ("framing", want.framing, got.framing),
                    ("story", story(want), story(got)),
                )
                if old != new
            ]
            wrong += [f"{case['id']}: {'; '.join(found)}"] if found else []
    assert not wrong, "\n".join(wrong)
    assert played >= 10


def story(reply: Reply) -> list[str]:
    """Status after status, progress of all layers as one; a fast layer may show none."""
    found: list[str] = []
    for line in reply.body.splitlines():
        message = json.loads(line)
        status = str(message.get("status", ""))
        if status.startswith("pulling ") and status != "pulling manifest":
            continue
        error = str(message.get("error", "")).partition(", got sha256:")[0]
        found.append(status or error)
    return found


# Loaded models -------------------------------------------------------------------------------------------------------


def loaded(reply: Reply | None) -> dict[str, tuple[int, int, int]]:
    assert reply is not None
    lines = json.loads(reply.body)["models"]
    return {line["name"]: (line["size"], line["size_vram"], line["context_length"]) for line in lines}


PS_LOADS: dict[str, list[dict[str, Any]]] = {
    "ps/one-1h": [{"model": "mini1", "keep_alive": "1h"}],
    "ps/two": [{"model": "tiny", "keep_alive": "10m"}, {"model": "mini1", "keep_alive": -1}],
    "ps/three": [{"model": "embed"}],
    "ps/name-case": [{"model": "mini1", "keep_alive": 0}, {"model": "embed", "keep_alive": 0}, {"model": "LOOP"}],
    "ps/ctx512": [{"model": "loop", "options": {"num_ctx": 512}}],
    "ps/ctx300": [{"model": "loop", "options": {"num_ctx": 300}}],
    "ps/ctxhuge": [{"model": "loop", "options": {"num_ctx": 1_000_000}}],
}
"""Requests that lead to the recorded lists, each on top of those before; the recording keeps them from us."""


async def test_sizes_and_contexts_of_loaded_models(shared_dir: Path) -> None:
    cases = {case["id"]: case for case in load(shared_dir, "ps.json")}
    twin = twin_of(shared_dir)
    async with listening(twin.app, "127.0.0.1", 0) as url:
        for name, bodies in PS_LOADS.items():
            for body in bodies:
                await post(url, "/api/embed" if body["model"] == "embed" else "/api/generate", body)
                await asyncio.sleep(0.02)
            got = await ask(url, cases[name]["request"])
            assert loaded(got) == loaded(wanted(cases[name]["response"])), name


@pytest.mark.parametrize("variable", ["ollama_num_parallel", "ollama_context_length"])
async def test_sizes_under_an_environment(shared_dir: Path, variable: str) -> None:
    case = next(case for case in load(shared_dir, "ps.json") if case["id"] == f"ps/env-{variable}")
    async with listening(twin_of(shared_dir, case["setup"]["env"]).app, "127.0.0.1", 0) as url:
        await post(url, "/api/generate", {"model": "tiny"})
        await post(url, "/api/embed", {"model": "embed", "input": "x"})
        assert loaded(await ask(url, case["request"])) == loaded(wanted(case["response"]))


async def test_newest_models_come_first(shared_dir: Path) -> None:
    twin = twin_of(shared_dir)
    async with listening(twin.app, "127.0.0.1", 0) as url:
        await post(url, "/api/copy", {"source": "tiny", "destination": "zz-copy"})
        request = {"method": "GET", "path": "/api/tags", "headers": {"Host": "localhost"}}
        got = await ask(url, request)
        assert got is not None
        times = [model["modified_at"][:19] for model in json.loads(got.body)["models"]]
        assert times == sorted(times, reverse=True)
        case = next(case for case in load(shared_dir, "tags.json") if case["id"] == "tags/after-copy")
        assert not differences(got, wanted(case["response"]))


# Stories in time -----------------------------------------------------------------------------------------------------


async def play(shared_dir: Path, story: dict[str, Any]) -> list[str]:
    """Play the steps, each so long after the last that had ended before it as it was recorded; returns what differs."""
    options = TwinOptions(
        environment=story["setup"].get("env") or {},
        models_file=shared_dir / GOLDEN / "models.json",
        time_scale=1.0,
    )
    twin = assemble(options, LoopClock())
    steps = [step for step in story["steps"] if "request" in step]
    ended = [asyncio.Event() for _ in steps]
    started = asyncio.get_running_loop().time()
    wrong: list[str] = []

    async with listening(twin.app, "127.0.0.1", 0) as url:

        async def run(place: int, step: dict[str, Any]) -> None:
            before = [i for i in range(place) if steps[i]["t_end"] <= step["t_send"] + 0.002]
            anchor = max(before, key=lambda i: steps[i]["t_end"], default=None)
            if anchor is None:
                await asyncio.sleep(started + step["t_send"] - asyncio.get_running_loop().time())
            else:
                await ended[anchor].wait()
                await asyncio.sleep(step["t_send"] - steps[anchor]["t_end"])
            try:
                wrong.extend(await play_step(url, step, last=place == len(steps) - 1, story=story))
            finally:
                ended[place].set()

        await asyncio.gather(*(run(place, step) for place, step in enumerate(steps)))
    return [f"{story['id']}, {text}" for text in wrong]


def overlaps(story: dict[str, Any]) -> bool:
    """Whether requests ran beside each other, so that what is seen in between hangs on the speed of the machine."""
    steps = [step for step in story["steps"] if "request" in step]
    return any(later["t_send"] < step["t_end"] - 0.05 for i, step in enumerate(steps) for later in steps[i + 1 :])


async def play_step(url: str, step: dict[str, Any], *, last: bool, story: dict[str, Any]) -> list[str]:
    response, label = step["response"], step["label"]
    leaves = response.get("client_aborted_s")
    if leaves:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(leaves):
                await ask(url, step["request"])
                return [f"{label}: was answered before its client left"]
        return []
    got, want = await ask(url, step["request"]), wanted(response)
    if step["request"]["path"] == "/api/ps":
        compared = last or not overlaps(story)
        return [f"{label}: {loaded(got)}"] if compared and loaded(got) != loaded(want) else []
    if got is not None and got.status == want.status == 200:
        return []  # what is said is compared elsewhere
    return [f"{label}: {text}" for text in differences(got, want)]


MACHINE_KILLS = {"sequences/stop-during-load", "sequences/stop-during-stream", "sequences/crash-stream"}
"""In them something is killed from outside."""


def test_who_is_loaded_when(shared_dir: Path) -> None:
    """In the stories' own time, which this machine cannot make longer: see `JumpingLoop`."""
    stories = [story for story in load(shared_dir, "sequences.json") if story["id"] not in MACHINE_KILLS]
    wrong = []
    for story in stories:
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            wrong += runner.run(play(shared_dir, story))
    assert not wrong
    assert len(stories) >= 20
