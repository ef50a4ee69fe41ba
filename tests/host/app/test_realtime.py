"""The engine: loading, waiting, leaving, unloading, what is loaded, prefix caches and paces."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from toolkit.host.app.engine import BROKE_OFF, STOPPED, EngineRefusedError, RunnerDiedError
from toolkit.host.assembly import Twin, TwinOptions, assemble
from toolkit.host.clock import RealClock
from toolkit.host.library.names import parse_name
from toolkit.host.scheduler import OptionError
from toolkit.host.slots import Pace, Slots, shared_prefix

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.host.library.models import InstalledModel


def make(recorded: Path, scale: float = 0.0, **environment: str) -> Twin:
    return assemble(TwinOptions(models_file=recorded, time_scale=scale, environment=environment), RealClock())


def model(twin: Twin, name: str) -> InstalledModel:
    found = twin.services.catalog.find(parse_name(name))
    assert found is not None
    return found


async def names(twin: Twin) -> set[str]:
    return {view.model.name.model for view in await twin.host.loaded()}


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_model_is_loaded_once_and_shared(twin: Twin) -> None:
    first = await twin.host.acquire(model(twin, "tiny"), {}, None)
    second = await twin.host.acquire(model(twin, "tiny"), {}, None)
    assert first.runner is second.runner
    assert first.load_ns > 250_000_000, "unscaled: at least one look of the server at its process"
    assert second.load_ns < 50_000_000
    first.release()
    first.release()
    second.release()
    assert await names(twin) == {"tiny"}


async def test_unloading_waits_for_the_last_request(twin: Twin) -> None:
    lease = await twin.host.acquire(model(twin, "tiny"), {}, None)
    twin.host.unload(model(twin, "tiny"))
    await settle()
    assert await names(twin) == {"tiny"}
    lease.release()
    await settle()
    assert await names(twin) == set()
    assert twin.host.machine.processes == ()


async def test_other_options_reload(twin: Twin) -> None:
    (await twin.host.acquire(model(twin, "tiny"), {}, None)).release()
    lease = await twin.host.acquire(model(twin, "tiny"), {"num_ctx": 512}, None)
    assert lease.num_ctx == 512
    lease.release()


async def test_keep_alive_runs_out_in_real_time(twin: Twin) -> None:
    (await twin.host.acquire(model(twin, "tiny"), {}, 30_000_000)).release()
    assert await names(twin) == {"tiny"}
    await asyncio.sleep(0.06)
    assert await names(twin) == set()


async def test_a_waiting_request_that_is_cancelled_leaves_no_trace(recorded: Path) -> None:
    twin = make(recorded, OLLAMA_MAX_LOADED_MODELS="1")
    busy = await twin.host.acquire(model(twin, "tiny"), {}, None)
    waiting = asyncio.ensure_future(twin.host.acquire(model(twin, "mini1"), {}, None))
    await settle()
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    busy.release()
    await settle()
    assert await names(twin) <= {"tiny"}
    (await twin.host.acquire(model(twin, "mini2"), {}, None)).release()
    assert await names(twin) == {"mini2"}


async def test_cancelling_a_load_ends_its_process(recorded: Path) -> None:
    twin = make(recorded, 0.2)
    waiting = asyncio.ensure_future(twin.host.acquire(model(twin, "tiny"), {}, None))
    await asyncio.sleep(0.01)
    assert len(twin.host.machine.processes) == 1
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0.05)
    assert not twin.host.machine.processes
    (await twin.host.acquire(model(twin, "tiny"), {}, None)).release()


async def test_a_full_queue_refuses(recorded: Path) -> None:
    twin = make(recorded, 0.1, OLLAMA_MAX_QUEUE="1")
    tasks = [asyncio.ensure_future(twin.host.acquire(model(twin, "tiny"), {}, None)) for _ in range(4)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [result for result in results if isinstance(result, EngineRefusedError)]
    assert {(error.status, str(error)) for error in refused} == {
        (503, "server busy, please try again.  maximum pending requests exceeded")
    }
    assert len(refused) == 2


async def test_a_broken_file_fails_for_each_who_waits(twin: Twin) -> None:
    for _ in range(2):
        with pytest.raises(EngineRefusedError, match="llama-server process has terminated: GGML_ASSERT") as failure:
            await twin.host.acquire(model(twin, "broken"), {}, None)
        assert (failure.value.status, failure.value.aborted) == (500, True)
    assert twin.host.machine.processes == ()


async def test_options_of_a_wrong_type_are_refused(twin: Twin) -> None:
    with pytest.raises(OptionError, match='option "num_ctx" must be of type integer'):
        await twin.host.acquire(model(twin, "tiny"), {"num_ctx": "many"}, None)


async def test_a_dead_process_is_noticed_before_and_amid_the_answer(twin: Twin) -> None:
    lease = await twin.host.acquire(model(twin, "tiny"), {}, None)
    await lease.enter()
    assert twin.host.kill(model(twin, "tiny"))
    assert not twin.host.kill(model(twin, "mini1"))
    with pytest.raises(RunnerDiedError, match=STOPPED.partition(",")[0]):
        await lease.pause(1)
    lease.write_ns(10)
    with pytest.raises(RunnerDiedError, match=BROKE_OFF):
        await lease.pause(1)
    lease.release()
    again = await twin.host.acquire(model(twin, "tiny"), {}, None)
    assert again.runner is not lease.runner
    again.release()


async def test_what_was_read_before_costs_nothing(twin: Twin) -> None:
    lease = await twin.host.acquire(model(twin, "tiny"), {}, None)
    await lease.enter()
    prompt = list(range(100))
    cold = lease.read_ns(prompt)
    lease.wrote([*prompt, 7, 8])
    lease.release()
    warm = await twin.host.acquire(model(twin, "tiny"), {}, None)
    await warm.enter()
    again = warm.read_ns([*prompt, 7, 8])
    longer = warm.read_ns([*prompt, *range(200, 210)])
    assert again * 90 < cold, "one token has to be read again"
    assert again < longer < cold / 5
    warm.release()


async def test_slots_are_given_in_turn(recorded: Path) -> None:
    twin = make(recorded, OLLAMA_NUM_PARALLEL="2")
    leases = [await twin.host.acquire(model(twin, "tiny"), {}, None) for _ in range(4)]
    for lease in leases[:2]:
        await lease.enter()
        lease.read_ns([1])
    third, fourth = (asyncio.ensure_future(lease.enter()) for lease in leases[2:])
    await settle()
    assert not third.done()
    leases[0].release()
    await settle()
    assert third.done()
    assert not fourth.done()
    fourth.cancel()
    for lease in leases:
        lease.release()
    await settle()
    assert twin.host.state()["loaded"][0]["busy_slots"] == 0


async def test_durations_are_scaled_and_counters_are_not(recorded: Path) -> None:
    twin = make(recorded, 0.1)
    started = asyncio.get_running_loop().time()
    lease = await twin.host.acquire(model(twin, "tiny"), {}, None)
    took = asyncio.get_running_loop().time() - started
    assert 0.02 < took < 0.2
    assert lease.load_ns > 0.24e9
    lease.release()


async def test_queueing_behind_another_load_counts_as_loading(recorded: Path) -> None:
    twin = make(recorded)
    both = [asyncio.ensure_future(twin.host.acquire(model(twin, name), {}, None)) for name in ("tiny", "mini1")]
    first, second = await asyncio.gather(*both)
    assert second.load_ns > first.load_ns + 0.2e9
    first.release()
    second.release()


# Parts ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "asked", "shared"),
    [([], [1], 0), ([1, 2, 3], [1, 2, 3], 3), ([1, 2, 3], [1, 2, 3, 4], 3), ([1, 2, 9], [1, 2, 3], 2), ([5], [6], 0)],
)
def test_shared_prefixes(held: list[int], asked: list[int], shared: int) -> None:
    assert shared_prefix(held, asked) == shared


def test_shared_prefixes_of_every_length() -> None:
    for length in range(40):
        assert shared_prefix([*range(length), -1], [*range(length), -2, 5]) == length


async def test_a_cancelled_turn_is_passed_on() -> None:
    slots = Slots(1)
    await slots.enter()
    second, third = asyncio.ensure_future(slots.enter()), asyncio.ensure_future(slots.enter())
    await settle()
    slots.leave(None)
    second.cancel()  # in the instant in which its turn came
    await settle()
    assert third.done()
    assert slots.active == 1
    slots.leave(None)
    assert (slots.active, len(slots.waiting)) == (0, 0)


class Recorder:
    """A clock that is always a little late."""

    def __init__(self) -> None:
        self.now = 0

    def now_ns(self) -> int:
        return self.now

    def wall_ns(self) -> int:
        return self.now

    async def sleep_ns(self, duration_ns: int) -> None:
        self.now += duration_ns + 300


async def test_delays_do_not_add_up() -> None:
    clock: Any = Recorder()
    pace = Pace(clock, 0.5)
    for _ in range(100):
        await pace.pass_ns(10_000)
    assert 500_000 <= clock.now <= 500_000 + 300
