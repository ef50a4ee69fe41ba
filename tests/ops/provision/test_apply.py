"""`apply` against the HTTP twin with faults: it converges or says clearly why not, a second call converges.

In every case what the config does not name, and what was there already, is there afterwards.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.ops.provision.host import BIG, CODE, FAST, THREE, Seen, host, wanted_of
from toolkit.host.faults.plan import (
    ErrorLine,
    Fault,
    HalfLine,
    HttpError,
    PullCorrupts,
    PullFillsDisk,
    PullRepeats,
    PullStops,
    RequestWhen,
    Reset,
    SlowTokens,
    Stall,
)
from toolkit.ops.provision.apply import NoRoomError
from toolkit.ops.provision.plan import Kind
from toolkit.ops.provision.render import applied_text

if TYPE_CHECKING:
    from tests.ops.provision.host import Rig

MS = 1_000_000
CODE_BYTES = 8_900_000_000
ALL = {BIG, CODE, FAST, "short:latest", "kept:latest"}


def pulling(**conditions: object) -> RequestWhen:
    return RequestWhen(path="/api/pull", **conditions)  # type: ignore[arg-type]  # conditions as the tests write them


async def converges(rig: Rig) -> None:
    """A second call ends well, and a third has nothing to do; nothing is lost."""
    assert (await rig.apply()).converged
    assert await rig.installed() == ALL
    third = await rig.apply()
    assert third.converged
    assert third.results == ()


async def test_a_host_gets_what_it_lacks_and_keeps_what_it_has() -> None:
    async with host() as rig:
        before = {model.name: model.digest for model in await rig.client.tags()}
        applied = await rig.apply()
        assert applied.converged
        assert [(result.kind, result.name) for result in applied.results] == [
            (Kind.PULL, CODE),
            (Kind.PULL, FAST),
            (Kind.CREATE, "short"),
        ]
        after = {model.name: model.digest for model in await rig.client.tags()}
        assert before.items() <= after.items()
        info = await rig.client.show("short")
        assert (info.system, info.parameters) == ("Be short.", (("num_ctx", "8192"),))
        await converges(rig)


@pytest.mark.parametrize(
    "fault",
    [
        PullStops(at_percent=40, when=pulling(model=CODE, times=1)),
        PullRepeats(at_percent=60, back_to_percent=20, when=pulling(times=1)),
        PullCorrupts(when=pulling(model=CODE, times=1)),
        HttpError(status=500, when=pulling(times=2)),
        HttpError(status=503, when=pulling(times=2)),
        Reset(after_pieces=3, when=pulling(times=2)),
        HalfLine(after_pieces=3, then="cut", when=pulling(times=1)),
        HalfLine(after_pieces=3, then="end", when=pulling(times=1)),
        ErrorLine(after_pieces=2, message="max retries exceeded: EOF", when=pulling(times=1)),
        Stall(when=pulling(model=CODE, times=1)),
        Reset(when=RequestWhen(path="/api/create", times=1)),
    ],
    ids=lambda fault: f"{type(fault).__name__}-{getattr(fault, 'status', getattr(fault, 'then', ''))}",
)
async def test_what_passes_by_itself_is_tried_again_until_it_works(fault: Fault) -> None:
    async with host(fault) as rig:
        seen = Seen()
        applied = await rig.apply(seen=seen)
        assert applied.converged, applied
        assert rig.faulty.injector.hits
        assert len(seen.slept_s) == len(seen.retries)
        assert bool(seen.retries) or isinstance(fault, PullRepeats)
        await converges(rig)


async def test_a_retry_goes_on_where_the_try_before_stopped() -> None:
    async with host(PullStops(at_percent=40, when=pulling(model=CODE, times=1))) as rig:
        seen = Seen()
        await rig.apply(seen=seen)
        shown = [line.completed_bytes for name, line in seen.lines if name == CODE and line.total_bytes == CODE_BYTES]
        after_40_percent = [completed for completed in shown if completed < 0.39 * CODE_BYTES]
        assert after_40_percent == sorted(after_40_percent)  # once only
        assert [name for name, _ in seen.retries] == [CODE]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (PullFillsDisk(at_percent=30, when=pulling(model=CODE, times=1)), "no space left on device"),
        (PullCorrupts(when=pulling(model=CODE, times=2)), "digest mismatch"),
        (HttpError(status=500, when=pulling(model=CODE, times=2)), "status 500"),
        (Stall(when=pulling(model=CODE, times=2)), "no progress for 1s"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_what_does_not_pass_is_said_and_a_second_call_converges(fault: Fault, says: str) -> None:
    async with host(fault) as rig:
        applied = await rig.apply(tries=2)
        assert not applied.converged
        (failed,) = [result for result in applied.results if result.name == CODE]
        assert failed.problem is not None
        assert says in failed.problem
        assert [action.name for action in applied.left.changes if action.fetches] == [CODE]
        assert {BIG, "kept:latest"} <= await rig.installed()
        await converges(rig)


async def test_a_full_disk_is_tried_once_and_ends_what_has_not_begun() -> None:
    full = PullFillsDisk(at_percent=10, when=pulling(times=2))
    async with host(full, lacks=(BIG, CODE, FAST)) as rig:
        applied = await rig.apply()
        problems = {result.name: result.problem or "" for result in applied.results}
        assert [result.tries for result in applied.results if "no space left" in (result.problem or "")] == [1, 1]
        assert "not begun, because the disk is full" in problems[FAST]
        assert "not made, because its base" in problems["short"]
        await converges(rig)


async def test_a_model_that_no_registry_has_fails_at_once_and_the_rest_is_done() -> None:
    async with host() as rig:
        applied = await rig.apply(wanted_of(THREE + "host: {models: [no-such-model]}\n"))
        problems = {result.name: result.problem for result in applied.results}
        assert "file does not exist" in (problems.pop("no-such-model") or "")
        assert set(problems.values()) == {None}
        assert await rig.installed() == ALL
        assert next(result.tries for result in applied.results if result.name == "no-such-model") == 1
        text = applied_text(applied, "here")
        assert "applying again will fail in the same way: first mend no-such-model in the config" in text


async def test_a_pinned_digest_is_checked_and_another_one_is_no_success() -> None:
    async with host() as rig:
        applied = await rig.apply(wanted_of(f'host: {{models: [{{name: "{FAST}", digest: "{"ab" * 32}"}}]}}'))
        (failed,) = [result for result in applied.results if result.problem]
        assert failed.name == FAST
        assert f"the config pins the digest {'ab' * 32}, the registry's copy has" in str(failed.problem)
        there = {model.name: model.digest for model in await rig.client.tags()}
        right = await rig.apply(wanted_of(f'host: {{models: [{{name: "{FAST}", digest: "{there[FAST]}"}}]}}'))
        assert right.converged


async def test_nothing_is_made_of_a_base_that_is_not_the_pinned_one() -> None:
    async with host() as rig:
        text = THREE + f'host: {{models: [{{name: "{FAST}", digest: "{"ab" * 32}"}}]}}\n'
        applied = await rig.apply(wanted_of(text))
        problems = {result.name: result.problem or "" for result in applied.results}
        assert "not made, because its base" in problems["short"]
        assert "short:latest" not in await rig.installed()


async def test_a_slow_registry_is_waited_for() -> None:
    """Each line comes 50 ms late, in all longer than a stall may take: what moves is not stalled."""
    async with host(SlowTokens(pause_ns=50 * MS, when=pulling(model=FAST)), lacks=(FAST,)) as rig:
        seen = Seen()
        assert (await rig.apply(seen=seen)).converged
        assert [hit.fault for hit in rig.faulty.injector.hits] == ["slow_tokens"]
        assert not seen.retries


async def test_what_differs_from_its_recipe_is_made_again() -> None:
    changed = THREE.replace("num_ctx: 8192", "temperature: 0.5").replace("Be short.", "Be long.")
    async with host() as rig:
        assert (await rig.apply()).converged
        applied = await rig.apply(wanted_of(changed))
        (result,) = applied.results
        assert (result.kind, result.name, applied.converged) == (Kind.UPDATE, "short", True)
        info = await rig.client.show("short")
        assert (info.system, info.parameters) == ("Be long.", (("temperature", "0.5"),))


async def test_models_made_of_made_models_are_made_in_order() -> None:
    chain = (
        "host:\n  models:\n"
        "    - {name: c, modelfile: {base: b, system: C}}\n"
        "    - {name: b, modelfile: {base: a, parameters: {num_ctx: 2048}}}\n"
        f'    - {{name: a, modelfile: {{base: "{FAST}", system: A}}}}\n'
    )
    async with host() as rig:
        applied = await rig.apply(wanted_of(chain))
        assert applied.converged
        assert [result.name for result in applied.results if result.kind is Kind.CREATE] == ["a", "b", "c"]
        assert (await rig.client.show("c")).parameters == (("num_ctx", "2048"),)


async def test_a_disk_that_is_known_to_be_too_small_is_not_filled() -> None:
    async with host() as rig:
        with pytest.raises(NoRoomError, match=r"lacks 3\.6 GB: 13\.6 GB are needed, 10\.0 GB are free"):
            await rig.apply(wanted_of(THREE + "host: {disk: {free: 10GB}}\n"))
        assert await rig.installed() == {BIG, "kept:latest"}


async def test_a_call_that_is_cancelled_leaves_what_it_has_and_the_next_goes_on() -> None:
    stops = PullStops(at_percent=50, when=pulling(model=CODE, times=1))
    async with host(stops) as rig:
        seen = Seen()
        task = asyncio.ensure_future(rig.apply(seen=seen))
        await seen.reaches(CODE, 4_400_000_000)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert {BIG, "kept:latest"} <= await rig.installed()
        again = Seen()
        assert (await rig.apply(seen=again)).converged
        first = next(line for name, line in again.lines if name == CODE and line.total_bytes == CODE_BYTES)
        assert first.completed_bytes > 4_400_000_000
        await converges(rig)
