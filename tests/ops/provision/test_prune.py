"""Pruning takes what was agreed to and nothing that the config names."""

from __future__ import annotations

from tests.ops.provision.host import BIG, CODE, FAST, host, wanted_of
from toolkit.host.faults.plan import HttpError, RequestWhen
from toolkit.ops.provision.prune import Removed, prune


async def test_what_the_config_names_is_not_removed_even_if_agreed_to() -> None:
    async with host(lacks=()) as rig:
        everything = frozenset(await rig.installed())
        removed = await prune(rig.client, wanted_of(), everything)
        assert [one.name for one in removed] == ["kept:latest"]
        assert await rig.installed() == {BIG, CODE, FAST}


async def test_what_was_not_agreed_to_stays() -> None:
    async with host() as rig:
        assert await prune(rig.client, wanted_of(), frozenset()) == ()
        assert "kept:latest" in await rig.installed()


async def test_a_model_that_is_loaded_stays_in_memory_and_that_is_said() -> None:
    async with host() as rig:
        await rig.client.load("kept")
        (removed,) = await prune(rig.client, wanted_of(), frozenset({"kept:latest"}))
        assert removed == Removed("kept:latest", removed.size_bytes, stays_loaded=True)


async def test_gone_already_is_what_was_wanted_and_a_failure_is_told() -> None:
    gone = HttpError(status=404, message="model 'kept' not found", when=RequestWhen(method="DELETE", nth=(1,)))
    broken = HttpError(status=500, when=RequestWhen(method="DELETE", nth=(2,)))
    async with host(gone, broken) as rig:
        agreed = frozenset({"kept:latest"})
        assert [one.problem for one in await prune(rig.client, wanted_of(), agreed)] == [None]
        (failed,) = await prune(rig.client, wanted_of(), agreed)
        assert "status 500" in str(failed.problem)
