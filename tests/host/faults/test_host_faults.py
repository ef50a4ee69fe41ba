"""Faults of loads, of the machine, of other clients and of pulls: they go through the scheduler and the registry."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import httpx
import pytest

from toolkit.host.course import LoadCourse
from toolkit.host.faults.loads import CRASHED, NO_MEMORY, TIMED_OUT, afflicted
from toolkit.host.faults.plan import (
    ClockJump,
    GpuMemoryTaken,
    LoadFails,
    LoadHangs,
    LoadWhen,
    ModelDeleted,
    OutOfMemory,
    PullCorrupts,
    PullFillsDisk,
    PullRepeats,
    PullStops,
    RequestWhen,
    SlowDisk,
    Span,
    StuckEviction,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.host.faults.asker import Asker

    Make = Callable[..., Asker]

NS_PER_S = 1_000_000_000
MODEL, BIG = "qwen2.5:7b", "qwen2.5:32b"
ONCE = LoadWhen(times=1)


# Loads ---------------------------------------------------------------------------------------------------------------


def test_a_load_fails_once(host: Make) -> None:
    asker = host(LoadFails(when=ONCE))
    response = asker.generate()
    assert (response.status_code, response.json()) == (500, {"error": CRASHED})
    assert asker.generate().status_code == 200
    assert [load.error for load in asker.twin.loads] == [CRASHED, None]


def test_a_failing_load_has_evicted_its_victim_already(host: Make) -> None:
    asker = host(LoadFails(when=LoadWhen(model=BIG)))
    asker.generate()
    assert asker.generate(BIG).status_code == 500
    assert asker.twin.loaded == ()
    assert [eviction.needed_by for eviction in asker.twin.evictions] == [BIG]


def test_a_load_that_hangs_ends_with_the_servers_own_time_limit(host: Make) -> None:
    asker = host(LoadHangs(), env={"OLLAMA_LOAD_TIMEOUT": "2m"})
    assert asker.generate().json() == {"error": TIMED_OUT}
    assert asker.twin.now_ns == 120 * NS_PER_S


def test_a_load_that_hangs_for_a_while_holds_up_those_behind_it(host: Make) -> None:
    asker = host(LoadHangs(for_ns=45 * NS_PER_S, when=ONCE))
    answer = asker.generate().json()
    assert answer["load_duration"] > 45 * NS_PER_S


def test_out_of_memory_is_tried_once_more_with_less(host: Make) -> None:
    asker = host(OutOfMemory(after_ns=2 * NS_PER_S, when=ONCE))
    assert asker.generate().status_code == 200
    first, second = asker.twin.loads
    assert (first.error, second.error) == (NO_MEMORY, None)
    assert second.num_ctx < first.num_ctx
    assert second.at_ns == 2 * NS_PER_S


def test_out_of_memory_twice_is_an_error(host: Make) -> None:
    asker = host(OutOfMemory())
    assert asker.generate().json() == {"error": NO_MEMORY}
    assert len(asker.twin.loads) == 2


def test_durations_of_faults_are_not_scaled() -> None:
    course = LoadCourse(10 * NS_PER_S)
    hanging = afflicted(LoadHangs(for_ns=5), course, 100)
    assert hanging == LoadCourse(10 * NS_PER_S, 5)
    crashing = afflicted(LoadFails(after_ns=7), course, 100)
    assert (crashing.duration_ns, crashing.extra_ns) == (0, 7)
    given_up = afflicted(LoadHangs(for_ns=100), course, 100)
    assert (given_up.duration_ns, given_up.extra_ns) == (0, 100)
    assert given_up.failure is not None


# The machine ---------------------------------------------------------------------------------------------------------


def test_a_slow_disk_slows_the_first_load_but_not_one_from_the_page_cache(host: Make) -> None:
    asker = host(SlowDisk(read_bytes_per_s=50_000_000))
    cold = asker.generate().json()["load_duration"]
    assert cold > 80 * NS_PER_S
    asker.client.post("/api/generate", json={"model": MODEL, "keep_alive": 0})
    asker.twin.advance("10s")
    assert asker.generate().json()["load_duration"] < 5 * NS_PER_S


def test_a_disk_is_slow_for_a_time(host: Make) -> None:
    asker = host(SlowDisk(read_bytes_per_s=50_000_000, span=Span(for_ns=60 * NS_PER_S)))
    asker.twin.advance("61s")
    assert asker.generate().json()["load_duration"] < 10 * NS_PER_S


def test_memory_taken_by_another_program_drives_layers_off_the_gpu(host: Make) -> None:
    taken = GpuMemoryTaken(memory_bytes=20 << 30, span=Span(on=RequestWhen(nth=(2,)), for_ns=60 * NS_PER_S))
    asker = host(taken)
    loads = []
    for wait in ("1s", "90s", "1s"):
        asker.generate(keep_alive=0)
        loads.append(asker.twin.loads[-1].vram_bytes or 0)
        asker.twin.advance(wait)
    assert loads[0] == loads[2]
    assert loads[1] < loads[0] / 2


def test_a_gpu_that_is_not_there_is_no_fault(host: Make) -> None:
    assert host(GpuMemoryTaken(memory_bytes=1 << 30, gpu=7)).generate().status_code == 200


def test_the_wall_clock_jumps_and_timers_do_not_care(host: Make) -> None:
    asker = host(ClockJump(by_ns=-3600 * NS_PER_S, span=Span(at_ns=10 * NS_PER_S)))
    asker.generate()

    def shown() -> tuple[str, str]:
        (model,) = asker.client.get("/api/ps").json()["models"]
        return model["expires_at"][:13], asker.client.get("/api/version").headers["date"][:19]

    assert shown() == ("2026-01-01T00", "Thu, 01 Jan 2026 00")
    asker.twin.advance("10s")
    assert shown() == ("2025-12-31T23", "Wed, 31 Dec 2025 23")
    asker.twin.advance("4m40s")
    assert list(asker.twin.loaded) == [MODEL]
    asker.twin.advance("15s")
    assert list(asker.twin.loaded) == []


# Other clients -------------------------------------------------------------------------------------------------------


def test_a_model_is_deleted_just_before_a_request_and_stays_loaded(host: Make) -> None:
    asker = host(ModelDeleted(model=MODEL, span=Span(on=RequestWhen(path="/api/generate", nth=(2,)))))
    assert asker.generate().status_code == 200
    response = asker.generate()
    assert (response.status_code, response.json()) == (404, {"error": f"model '{MODEL}' not found"})
    assert asker.twin.loaded == (MODEL,)
    assert MODEL not in asker.installed()
    assert [request.path for request in asker.twin.requests] == ["/api/generate", "/api/generate", "/api/tags"]


def test_a_model_is_deleted_at_a_time(host: Make) -> None:
    asker = host(ModelDeleted(model=MODEL, span=Span(at_ns=30 * NS_PER_S)))
    assert MODEL in asker.installed()
    asker.twin.advance("30s")
    assert MODEL not in asker.installed()


RACE = StuckEviction(victim=MODEL, when=RequestWhen(path="/api/generate", model=BIG, times=1))


def test_the_race_undoes_an_eviction_for_as_long_as_the_keep_alive(host: Make) -> None:
    asker = host(RACE)
    asker.generate()
    answer = asker.generate(BIG).json()
    assert 30 * 60 * NS_PER_S < answer["load_duration"] < 31 * 60 * NS_PER_S
    assert [eviction.model for eviction in asker.twin.evictions] == [MODEL]
    assert [unload.reason for unload in asker.twin.unloads] == ["expired"]


async def test_an_unload_call_ends_the_race(host: Make) -> None:
    asker = host(RACE)
    asker.generate()
    async with httpx.AsyncClient(base_url=asker.twin.url, timeout=3600) as client:
        loading = asyncio.create_task(client.post("/api/generate", json={"model": BIG, "prompt": "hi"}))
        await asker.twin.sleep("1m")
        assert asker.twin.loaded == (MODEL,), "an hour of outage with /api/ps green"
        await client.post("/api/generate", json={"model": MODEL, "keep_alive": 0})
        assert (await loading).status_code == 200
    assert asker.twin.now_ns < 120 * NS_PER_S


def test_there_is_no_race_about_a_model_that_is_not_loaded(host: Make) -> None:
    asker = host(RACE)
    assert asker.generate(BIG).json()["load_duration"] < 60 * NS_PER_S
    assert [load.model for load in asker.twin.loads] == [BIG]


# Pulls ---------------------------------------------------------------------------------------------------------------


def pull(asker: Asker) -> list[tuple[str, int]]:
    return [
        (line.get("status") or line["error"], line.get("completed", 0))
        for line in asker.lines("/api/pull", model=MODEL)
        if line.get("digest", "").startswith("sha256:") or "digest" not in line
    ]


def without_model(host: Make, *faults: object, **options: object) -> Asker:
    asker = host(*faults, **options)
    asker.client.request("DELETE", "/api/delete", json={"model": MODEL}).raise_for_status()
    return asker


def test_a_pull_stops_and_goes_on(host: Make) -> None:
    plain = without_model(host)
    lines = pull(plain)
    stopped = without_model(host, PullStops(at_percent=40, for_ns=300 * NS_PER_S), base_url="http://other.example")
    assert pull(stopped) == lines
    assert stopped.twin.now_ns - plain.twin.now_ns == 300 * NS_PER_S
    assert MODEL in stopped.installed()


def test_a_client_that_gives_up_a_stopped_pull_goes_on_later_where_it_stopped(host: Make) -> None:
    asker = without_model(host, PullStops(at_percent=40, when=RequestWhen(path="/api/pull", nth=(1,))), timeout_s=30)
    with pytest.raises(httpx.ReadTimeout):
        pull(asker)
    assert MODEL not in asker.installed()
    first_bytes = next(completed for _, completed in pull(asker) if completed)
    assert first_bytes > 0.4 * 4_700_000_000
    assert MODEL in asker.installed()


def test_a_pull_repeats_itself(host: Make) -> None:
    asker = without_model(host, PullRepeats(at_percent=60, back_to_percent=20))
    sizes = [completed for _, completed in pull(asker) if completed > 1_000_000]
    (back,) = [(before, after) for before, after in itertools.pairwise(sizes) if after < before]
    assert back[0] / 4.7e9 == pytest.approx(0.6, abs=0.01)
    assert back[1] / 4.7e9 == pytest.approx(0.2, abs=0.01)
    assert MODEL in asker.installed()


def test_a_pull_fills_the_disk_and_goes_on_when_there_is_room(host: Make) -> None:
    asker = without_model(host, PullFillsDisk(at_percent=30, when=RequestWhen(path="/api/pull", times=1)))
    assert pull(asker)[-1][0].endswith("-partial: no space left on device")
    assert MODEL not in asker.installed()
    assert next(completed for _, completed in pull(asker) if completed) > 0.3 * 4_700_000_000
    assert MODEL in asker.installed()


def test_a_pull_brings_the_wrong_bytes_once(host: Make) -> None:
    asker = without_model(host, PullCorrupts(when=RequestWhen(path="/api/pull", times=1)))
    assert pull(asker)[-1][0].startswith("digest mismatch, file must be downloaded again")
    assert MODEL not in asker.installed()
    assert pull(asker)[-1][0] == "success"
    assert MODEL in asker.installed()
