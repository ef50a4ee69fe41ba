"""Every check finds its fault on the twin, and is silent on a healthy one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.ops.doctor.patient import (
    BIG,
    CARD,
    CODE,
    FAST,
    GIB,
    NS_PER_S,
    findings,
    gathered,
    trouble,
    wish,
    wishes,
)
from toolkit.fit.gpus import Gpu
from toolkit.host.faults.plan import (
    ClockJump,
    GpuMemoryTaken,
    HttpError,
    LoadFails,
    LoadHangs,
    Refuse,
    RequestWhen,
    SlowDisk,
    Span,
    Stall,
    StuckEviction,
)
from toolkit.host.mock import MockTwin, mock_ollama
from toolkit.ops.doctor.checks import CHECKS
from toolkit.ops.doctor.collect import Round
from toolkit.ops.doctor.evidence import LoadSample, ModelWish

if TYPE_CHECKING:
    from pathlib import Path

HOUR_S = 3600.0
A_LONG_STORY = "say:" + "and then " * 2000
ONE_LOOK = Round(watch_ns=0)
PROBE = Round(watch_ns=NS_PER_S, probe_ns=30 * NS_PER_S)


async def load(twin: MockTwin, model: str, num_ctx: int | None = 4096, **more: Any) -> None:
    """Another client loads a model."""
    options = {} if num_ctx is None else {"options": {"num_ctx": num_ctx}}
    async with httpx.AsyncClient(base_url=twin.url, timeout=HOUR_S) as client:
        answer = await client.post("/api/generate", json={"model": model, "stream": False, **options, **more})
        answer.raise_for_status()


def changed(twin: MockTwin) -> list[str]:
    """Requests that could have changed anything."""
    return [request.path for request in twin.requests if request.path != "/api/show" and request.method != "GET"]


# Health ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["v0.32", "v0.24"])
async def test_a_healthy_host_is_left_in_peace(profile: str) -> None:
    with mock_ollama(profile=profile) as twin:
        await load(twin, FAST)
        await load(twin, CODE)
        before = len(twin.requests)
        found = await findings(twin)
        assert trouble(found) == set()
        assert found["fit-together"].status == found["eighty-percent"].status == found["eviction-order"].status == "ok"
        assert changed(twin)[2:] == []
        assert len(twin.requests) > before
        assert [loaded.model for loaded in twin.loads] == [FAST, CODE]


async def test_nothing_is_asked_of_a_host_that_does_not_answer() -> None:
    with mock_ollama(faults=[Refuse()]) as twin:
        found = await findings(twin)
    assert found["reachable"].status == "fail"
    assert "refused" in found["reachable"].evidence
    assert {check.id for check in CHECKS if check.needs_host} == {
        name for name, finding in found.items() if finding.evidence == "the host does not answer"
    }


# What it has ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "says"),
    [("0.18.0-rc2", "older than any"), ("0.40.1", "newer than 0.33"), ("custom", "no release")],
)
async def test_a_version_whose_rules_are_not_known(tmp_path: Path, version: str, says: str) -> None:
    with mock_ollama(config=versioned(tmp_path, version)) as twin:
        found = await findings(twin, round_=ONE_LOOK)
    assert (found["version"].status, says in found["version"].evidence) == ("warn", True)


def versioned(tmp_path: Path, version: str) -> Path:
    config = tmp_path / "version.yaml"
    config.write_text(f'twin: {{version: "{version}"}}\n', encoding="utf-8")
    return config


async def test_a_model_that_is_not_there() -> None:
    with mock_ollama() as twin:
        async with httpx.AsyncClient(base_url=twin.url) as client:
            (await client.request("DELETE", "/api/delete", json={"model": CODE})).raise_for_status()
        found = await findings(twin, round_=ONE_LOOK)
        assert found["models-present"].status == "fail"
        assert (found["models-present"].fix or "").endswith(f"ollama pull {CODE}")
        embedded = await findings(twin, wishes(embedded=True), ONE_LOOK)
        assert embedded["models-present"].status == "skipped", "nobody chose the embedded default's models"


async def test_a_digest_that_is_not_the_pinned_one() -> None:
    with mock_ollama() as twin:
        right = (await gathered(twin, wishes(), ONE_LOOK)).of_installed(FAST)
        assert right is not None
        good = await findings(twin, wishes(ModelWish(FAST, right.digest)), ONE_LOOK)
        short = await findings(twin, wishes(ModelWish(FAST, f"sha256:{right.digest[:12]}")), ONE_LOOK)
        bad = await findings(twin, wishes(ModelWish(FAST, "ab" * 32)), ONE_LOOK)
        gone = await findings(twin, wishes(ModelWish("nobody:1b", "ab" * 32)), ONE_LOOK)
    assert [found["digests"].status for found in (good, short, bad, gone)] == ["ok", "ok", "fail", "skipped"]
    assert f"{FAST} is {right.digest[:12]}, not abababababab" in bad["digests"].evidence


async def test_a_base_url_that_drops_keep_alive() -> None:
    with mock_ollama() as twin:
        found = await findings(twin, wishes(url=f"{twin.url.rstrip('/')}/v1"), ONE_LOOK)
        async with httpx.AsyncClient(base_url=twin.url, timeout=HOUR_S) as client:
            body = {"model": FAST, "messages": [{"role": "user", "content": "hi"}], "keep_alive": "30m"}
            (await client.post("/v1/chat/completions", json=body)).raise_for_status()
        twin.advance("6m")
        assert twin.loaded == (), "what the check says is what the twin does"
    assert found["v1-keep-alive"].status == "warn"
    assert "keep_alive (30 min)" in found["v1-keep-alive"].evidence


# Memory ---------------------------------------------------------------------------------------------------------------


async def test_models_that_do_not_fit_together_and_who_goes_first() -> None:
    three = wishes(wish(FAST), wish(CODE), wish(BIG))
    with mock_ollama() as twin:
        found = await findings(twin, three, ONE_LOOK)
        for model in (CODE, FAST, BIG):
            await load(twin, model, keep_alive="30m")
        victim = twin.evictions[0].model
    assert found["fit-together"].status == "warn"
    assert (
        f"{FAST} and {BIG}" in found["fit-together"].evidence or f"{BIG} and {FAST}" in found["fit-together"].evidence
    )
    assert found["eviction-order"].status == "warn"
    assert f"always {victim} (blob " in found["eviction-order"].evidence


async def test_a_limit_on_the_number_of_models_evicts_by_digest_too() -> None:
    limited = {"OLLAMA_MAX_LOADED_MODELS": "1"}
    with mock_ollama(env=limited) as twin:
        found = await findings(twin, wishes(settings=limited, gpus=CARD * 2, max_models=1), ONE_LOOK)
    assert (found["fit-together"].status, found["max-models"].status) == ("ok", "ok")
    assert found["eviction-order"].status == "warn"


async def test_models_that_fit_and_are_evicted_all_the_same(tmp_path: Path) -> None:
    config = tmp_path / "small.yaml"
    config.write_text("twin: {gpus: [{name: RTX 4080, memory: 16GiB}]}\n", encoding="utf-8")
    card, small_cache = (Gpu("RTX 4080", 16 * GIB),), {"OLLAMA_KV_CACHE_TYPE": "q8_0"}
    with mock_ollama(config=config, env=small_cache) as twin:
        found = await findings(twin, wishes(wish(FAST, 20480), wish(CODE), gpus=card, settings=small_cache), ONE_LOOK)
        old = await findings(twin, wishes(wish(FAST), wish(CODE), gpus=card, settings=small_cache), ONE_LOOK)
        await load(twin, FAST, 20480)
        await load(twin, CODE)
        assert len(twin.evictions) == 1, "what the check says is what the twin does"
    assert (found["fit-together"].status, found["eighty-percent"].status) == ("ok", "warn")
    assert "num_ctx" in (found["eighty-percent"].fix or "")
    assert old["eighty-percent"].status == "ok"


async def test_more_models_than_the_server_keeps() -> None:
    limited = {"OLLAMA_MAX_LOADED_MODELS": "1"}
    with mock_ollama(env=limited) as twin:
        found = await findings(twin, wishes(settings=limited), ONE_LOOK)
        await load(twin, FAST)
        await load(twin, CODE)
        assert twin.loaded == (CODE,)
        by_gpus = await findings(twin, wishes(max_models=4), ONE_LOOK)
        unknown = await findings(twin, wishes(max_models=4, gpus=None), ONE_LOOK)
    assert "the server keeps 1 (OLLAMA_MAX_LOADED_MODELS" in found["max-models"].evidence
    assert found["max-models"].fix == (
        "hotswap provision settings apply --config FILE --set host.settings.OLLAMA_MAX_LOADED_MODELS=3"
    )
    assert [one["max-models"].status for one in (found, by_gpus, unknown)] == ["warn", "warn", "skipped"]


async def test_layers_on_the_cpu() -> None:
    with mock_ollama(faults=[GpuMemoryTaken(memory_bytes=20 * GIB)]) as twin:
        await load(twin, FAST)
        found = await findings(twin, round_=ONE_LOOK)
        cpu = await findings(twin, wishes(gpus=()), ONE_LOOK)
    assert found["partial-offload"].status == "warn"
    assert f"hotswap fit {FAST} --host" in (found["partial-offload"].fix or "")
    assert cpu["partial-offload"].status == "skipped"


async def test_a_host_that_lost_its_gpu(tmp_path: Path) -> None:
    config = tmp_path / "cpu.yaml"
    config.write_text("twin: {gpus: []}\n", encoding="utf-8")
    with mock_ollama(config=config) as twin:
        await load(twin, FAST)
        found = await findings(twin, wishes(gpus=None), ONE_LOOK)
    assert "run on the CPU alone" in found["partial-offload"].evidence


async def test_a_model_that_spills_once_its_context_grows() -> None:
    with mock_ollama() as twin:
        await load(twin, BIG, 4096)
        grows = asyncio.create_task(later(twin, 2, BIG, 32768))
        found = await findings(twin, wishes(wish(BIG, None)), Round(watch_ns=60 * NS_PER_S))
        await grows
    assert found["spill-after-context"].status == "warn"
    assert "from a context of 4096 to 32768" in found["spill-after-context"].evidence
    assert found["hidden-reloads"].status == "warn"


# Traffic --------------------------------------------------------------------------------------------------------------


async def test_two_clients_with_different_contexts() -> None:
    async def quarrel(twin: MockTwin) -> None:
        for num_ctx in (8192, 4096, 8192):
            await twin.sleep("2s")
            await load(twin, FAST, num_ctx)

    with mock_ollama() as twin:
        await load(twin, FAST, 4096)
        both = asyncio.create_task(quarrel(twin))
        found = await findings(twin, wishes(wish(FAST)), Round(watch_ns=30 * NS_PER_S))
        await both
        assert f"{FAST}: 4096 → 8192" in found["hidden-reloads"].evidence
        after = await findings(twin, wishes(wish(FAST)), ONE_LOOK)
        assert after["hidden-reloads"].evidence == (
            f"another client uses another num_ctx: {FAST} is loaded with 8192, the config asks for 4096"
        )
        twice = await findings(twin, wishes(wish(FAST, 8192), wish(FAST, None)), ONE_LOOK)
        assert twice["hidden-reloads"].evidence == f"the config itself asks for two contexts of {FAST}"
        clamped = await findings(twin, wishes(wish(FAST, 8192)), ONE_LOOK)
        assert clamped["hidden-reloads"].status == "ok"


async def test_a_client_that_reloads_without_another_context() -> None:
    async def quarrel(twin: MockTwin) -> None:
        await twin.sleep("2s")
        await load(twin, FAST, keep_alive=0)
        await twin.sleep("3s")
        await load(twin, FAST)

    with mock_ollama() as twin:
        await load(twin, FAST)
        both = asyncio.create_task(quarrel(twin))
        found = await findings(twin, wishes(wish(FAST)), Round(watch_ns=15 * NS_PER_S))
        await both
    assert f"{FAST} left memory and came back with nobody in their place" in found["hidden-reloads"].evidence


async def test_ordinary_swaps_are_no_hidden_reloads() -> None:
    async def day(twin: MockTwin) -> None:
        for model in (CODE, FAST):
            await twin.sleep("2s")
            await load(twin, model)

    with mock_ollama(env={"OLLAMA_MAX_LOADED_MODELS": "1"}) as twin:
        await load(twin, FAST)
        both = asyncio.create_task(day(twin))
        found = await findings(twin, round_=Round(watch_ns=30 * NS_PER_S))
        await both
    assert found["hidden-reloads"].status == "ok"


async def test_an_ordinary_expiry_is_no_eviction() -> None:
    with mock_ollama() as twin:
        await load(twin, FAST, keep_alive="4s")
        again = asyncio.create_task(later(twin, 3.7, keep_alive="10m"))
        found = await findings(twin, round_=Round(watch_ns=8 * NS_PER_S))
        await again
        assert len(twin.loads) == 1
    assert found["stuck-eviction"].status == "skipped"


@pytest.mark.parametrize("undone", [False, True])
async def test_an_eviction_that_waits_and_one_that_is_undone(undone: bool) -> None:
    only_one = {"OLLAMA_MAX_LOADED_MODELS": "1"}
    with mock_ollama(env=only_one, answers=A_LONG_STORY) as twin:
        answer = asyncio.create_task(load(twin, FAST, prompt="a story"))  # never idle until the story has been told
        while not twin.loaded:
            await twin.sleep("1s")
        waiting = asyncio.create_task(load(twin, CODE))
        undoing = asyncio.create_task(later(twin, 4, keep_alive="10m") if undone else twin.sleep("1s"))
        found = await findings(twin, wishes(settings=only_one), Round(watch_ns=8 * NS_PER_S))
        await undoing
        await answer
        await load(twin, FAST, 4096, keep_alive=0)
        await waiting
    assert found["stuck-eviction"].status == ("fail" if undone else "warn")
    assert FAST in found["stuck-eviction"].evidence


async def later(twin: MockTwin, seconds: float, model: str = FAST, num_ctx: int = 4096, **more: Any) -> None:
    """Another client loads a model after a while."""
    await twin.sleep(seconds)
    await load(twin, model, num_ctx, **more)


async def test_an_eviction_that_was_undone_unseen_is_found_by_asking() -> None:
    race = StuckEviction(victim=FAST, when=RequestWhen(path="/api/generate", model=BIG, times=1))
    with mock_ollama(faults=[race]) as twin:
        await load(twin, FAST)
        wanted = wishes(wish(BIG), wish(FAST))
        quiet = await findings(twin, wanted)
        found = await findings(twin, wanted, PROBE)
        twin.advance("1s")
    assert quiet["stuck-eviction"].status == "skipped"
    assert quiet["stuck-eviction"].fix == "hotswap doctor --probe asks for a model"
    assert found["stuck-eviction"].status == "fail"
    assert f"{BIG} was asked for and did not come in 30 s" in found["stuck-eviction"].evidence
    assert f'"model": "{FAST}", "keep_alive": 0' in (found["stuck-eviction"].fix or "")


async def test_a_probe_of_a_healthy_host_leaves_it_as_it_was() -> None:
    with mock_ollama() as twin:
        await load(twin, FAST)
        found = await findings(twin, round_=PROBE)
        await twin.sleep("5s")
        assert twin.loaded == (FAST,)
        assert [one.model for one in twin.loads] == [FAST, CODE]
    assert trouble(found) == set()
    assert found["stuck-eviction"].status == found["stall"].status == found["cold-loads"].status == "ok"


async def test_a_probe_that_has_nothing_to_ask_for() -> None:
    with mock_ollama() as twin:
        await load(twin, FAST)
        found = await findings(twin, wishes(wish(FAST)), PROBE)
        assert len(twin.loads) == 1
    assert found["stuck-eviction"].status == "skipped"


async def test_a_load_that_hangs_or_fails() -> None:
    with mock_ollama(faults=[LoadHangs()]) as twin:
        hangs = await findings(twin, wishes(wish(FAST)), PROBE)
    with mock_ollama(faults=[LoadFails()]) as twin:
        fails = await findings(twin, wishes(wish(FAST)), PROBE)
    assert "with nothing else loaded" in hangs["stuck-eviction"].evidence
    assert hangs["stuck-eviction"].status == "warn"
    assert fails["stuck-eviction"].status == "skipped"
    assert "exit status 1" in fails["stuck-eviction"].evidence


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Stall(for_ns=2 * NS_PER_S, when=RequestWhen(path="/api/ps", nth=(2,))), "warn"),
        (HttpError(when=RequestWhen(path="/api/ps", nth=(2,))), "fail"),
        (Stall(for_ns=20 * NS_PER_S, when=RequestWhen(path="/api/generate", nth=(2,))), "warn"),
        (Stall(when=RequestWhen(path="/api/generate", nth=(2,))), "fail"),
        (HttpError(when=RequestWhen(path="/api/generate", nth=(2,))), "fail"),
    ],
)
async def test_what_is_green_and_does_not_answer(fault: Stall | HttpError, status: str) -> None:
    with mock_ollama(faults=[fault]) as twin:
        found = await findings(twin, round_=PROBE)
    assert found["stall"].status == status


@pytest.mark.parametrize(("by_s", "side"), [(-90, "behind"), (3600, "ahead of")])
async def test_a_clock_that_is_off(by_s: int, side: str) -> None:
    with mock_ollama(faults=[ClockJump(by_ns=by_s * NS_PER_S, span=Span())]) as twin:
        await load(twin, FAST)
        found = await findings(twin)
    assert found["clock-skew"].status == "warn"
    assert side in found["clock-skew"].evidence
    assert found["stuck-eviction"].status == "skipped", "its own clock is the one that counts for what expires"


async def test_a_disk_that_is_slow() -> None:
    with mock_ollama(faults=[SlowDisk(read_bytes_per_s=100_000_000)]) as twin:
        found = await findings(twin, wishes(wish(FAST)), Round(watch_ns=0, probe_ns=300 * NS_PER_S))
    assert found["cold-loads"].status == "warn"
    assert "0.10 GB/s" in found["cold-loads"].evidence or "0.09 GB/s" in found["cold-loads"].evidence


async def test_recorded_loads_out_of_the_page_cache_and_from_the_disk() -> None:
    size = 4_700_000_000
    twice = tuple(LoadSample(FAST, size, load_ns) for load_ns in (900_000_000, 4 * NS_PER_S))
    with mock_ollama() as twin:
        found = await findings(twin, round_=Round(watch_ns=0, samples=twice))
        small = await findings(twin, round_=Round(watch_ns=0, samples=(LoadSample("m1", 754_208, 300_000_000),)))
        even = await findings(twin, round_=Round(watch_ns=0, samples=twice[:1] * 3))
    assert found["cold-loads"].evidence == f"{FAST} loads in 900 ms out of the page cache and in 4.0 s from the disk"
    assert [one["cold-loads"].status for one in (found, small, even)] == ["warn", "skipped", "ok"]


# Combinations ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("cache-without-flash", {"settings": {"OLLAMA_KV_CACHE_TYPE": "q8_0", "OLLAMA_FLASH_ATTENTION": "0"}}),
        (
            "cache-without-flash",
            {"settings": {"OLLAMA_KV_CACHE_TYPE": "q4_0"}, "gpus": (Gpu("P40", 24 * GIB, None, "CUDA", 5),)},
        ),
        ("cache-without-kernel", {"settings": {"OLLAMA_KV_CACHE_TYPE": "q8_0"}}),
        ("cache-on-cpu", {"settings": {"OLLAMA_KV_CACHE_TYPE": "q8_0"}, "gpus": ()}),
    ],
)
async def test_settings_that_work_against_each_other(name: str, more: dict[str, Any]) -> None:
    with mock_ollama(env=more["settings"]) as twin:
        found = await findings(twin, wishes(**more), ONE_LOOK)
        fine = await findings(twin, wishes(wish(FAST), settings={"OLLAMA_KV_CACHE_TYPE": "q8_0"}), ONE_LOOK)
    assert found[name].status == "warn"
    assert fine[name].status == "ok"


async def test_a_batch_with_a_surcharge_by_request_and_by_modelfile() -> None:
    with mock_ollama() as twin:
        asked = await findings(twin, wishes(wish(FAST, num_batch=2048)), ONE_LOOK)
        small = await findings(twin, wishes(wish(FAST, num_batch=512)), ONE_LOOK)
    models = {"mine": {"size": "4.7GB", "options": {"num_batch": 1024}}}
    with mock_ollama(models) as twin:
        made = await findings(twin, wishes(wish("mine")), ONE_LOOK)
    assert asked["large-batch"].evidence == f"{FAST}: num_batch 2048 costs 2.0 GiB"
    assert [one["large-batch"].status for one in (asked, small, made)] == ["warn", "ok", "warn"]


async def test_slots_that_an_architecture_does_not_get() -> None:
    models = {FAST: "4.7GB", "eyes:9b": {"size": "9GB", "architecture": "qwen35"}}
    settings = {"OLLAMA_NUM_PARALLEL": "4"}
    with mock_ollama(models, env=settings) as twin:
        found = await findings(twin, wishes(wish(FAST), wish("eyes:9b"), settings=settings), ONE_LOOK)
        fine = await findings(twin, wishes(wish(FAST), settings=settings), ONE_LOOK)
    assert found["single-slot"].evidence == "OLLAMA_NUM_PARALLEL=4, but one for eyes:9b (qwen35)"
    assert fine["single-slot"].status == "ok"


async def test_a_model_about_which_ps_deceives() -> None:
    with mock_ollama(["gemma3:4b", FAST]) as twin:
        found = await findings(twin, wishes(wish("gemma3:4b"), wish(FAST)), ONE_LOOK)
    assert found["ps-wrong"].evidence == "gemma3:4b: size_vram is too low"


# Security -------------------------------------------------------------------------------------------------------------


async def test_a_host_that_others_can_reach() -> None:
    with mock_ollama(base_url="http://10.0.0.5:11434") as twin:
        lan = await findings(twin, wishes(url=twin.url), ONE_LOOK)
        keyed = await findings(twin, wishes(url=twin.url), ONE_LOOK, {"Authorization": "Bearer x"})
    with mock_ollama() as twin:
        bound = await findings(twin, wishes(settings={"OLLAMA_HOST": "0.0.0.0:11434"}), ONE_LOOK)
    assert [one["exposed"].status for one in (lan, keyed, bound)] == ["warn", "warn", "warn"]
    assert "answers without a key" in keyed["exposed"].evidence, "a key was sent, and is not needed"
    assert lan["vulnerabilities"].status == "warn"
    assert "CVE-2026-5757" in lan["vulnerabilities"].evidence


async def test_a_host_that_asks_for_a_key() -> None:
    keyless = HttpError(status=401, when=RequestWhen(path="/api/version", nth=(3,)))
    with mock_ollama(base_url="http://10.0.0.5:11434", faults=[keyless]) as twin:
        found = await findings(twin, wishes(url=twin.url), ONE_LOOK, {"Authorization": "Bearer x"})
        keys = [dict(request.headers).get("authorization") for request in twin.requests]
    assert keys.index(None) == 2, "the third request is the one without a key"
    assert keys.count(None) == 1
    assert found["exposed"].evidence == "10.0.0.5 asks for a key"


async def test_a_server_that_any_web_page_may_use() -> None:
    with mock_ollama(env={"OLLAMA_ORIGINS": "*"}) as twin:
        found = await findings(twin, round_=ONE_LOOK)
    with mock_ollama() as twin:
        said = await findings(twin, wishes(settings={"OLLAMA_ORIGINS": "http://a.example,*"}), ONE_LOOK)
        named = await findings(twin, wishes(settings={"OLLAMA_ORIGINS": "http://a.example"}), ONE_LOOK)
    assert found["origins"].evidence == "a foreign Origin was answered with Access-Control-Allow-Origin: *"
    assert [one["origins"].status for one in (found, said, named)] == ["fail", "fail", "ok"]


async def test_a_version_with_a_published_vulnerability(tmp_path: Path) -> None:
    with mock_ollama(config=versioned(tmp_path, "0.17.0")) as twin:
        found = await findings(twin, round_=ONE_LOOK)
    assert found["vulnerabilities"].status == "fail"
    assert "CVE-2026-7482" in found["vulnerabilities"].evidence
    assert "mended in 0.17.1" in found["vulnerabilities"].evidence


def test_every_check_is_provoked_somewhere_above(project_dir: Path) -> None:
    text = (project_dir / "tests/ops/doctor/test_provoked.py").read_text(encoding="utf-8")
    assert [check.id for check in CHECKS if f'"{check.id}"' not in text] == []
