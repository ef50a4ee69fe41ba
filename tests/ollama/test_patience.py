"""Waiting with a limit, many times in a row."""

from __future__ import annotations

import asyncio

import pytest

from toolkit.ollama.patience import Patience


async def never() -> None:
    """Nothing comes."""
    await asyncio.Event().wait()


async def soon() -> str:
    """It comes in the next round of the loop."""
    await asyncio.sleep(0)
    return "here"


async def test_what_comes_in_time_is_given_and_what_does_not_is_a_timeout() -> None:
    patience, now_s = Patience(), asyncio.get_running_loop().time
    for _ in range(3):
        assert await patience.keep(soon(), now_s() + 60) == "here"
    began_s = now_s()
    with pytest.raises(TimeoutError):
        await patience.keep(never(), began_s + 0.02)
    assert now_s() >= began_s + 0.02
    assert await patience.keep(soon(), now_s() + 60) == "here"
    patience.end()


async def test_the_limit_is_that_of_this_time_and_not_of_an_earlier_one() -> None:
    """A timer that was set for an earlier wait rings in the middle of a later one, and goes on to its end."""
    patience, now_s = Patience(), asyncio.get_running_loop().time
    assert await patience.keep(soon(), now_s() + 0.01) == "here"
    began_s = now_s()
    with pytest.raises(TimeoutError):
        await patience.keep(never(), began_s + 0.05)
    assert now_s() >= began_s + 0.05
    patience.end()


async def test_without_a_limit_it_waits() -> None:
    assert await Patience().keep(soon(), None) == "here"


async def test_who_is_cancelled_from_elsewhere_is_cancelled() -> None:
    patience = Patience()
    waiting = asyncio.create_task(patience.keep(never(), asyncio.get_running_loop().time() + 60))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    patience.end()


async def test_inside_a_limit_of_asyncio_each_keeps_its_own() -> None:
    patience, now_s = Patience(), asyncio.get_running_loop().time
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await patience.keep(never(), now_s() + 60)
    async with asyncio.timeout(60):
        with pytest.raises(TimeoutError):
            await patience.keep(never(), now_s() + 0.01)
    patience.end()


@pytest.mark.parametrize("later_s", [-59.97, 0.03])
async def test_a_limit_that_is_moved_is_kept_where_it_went(later_s: float) -> None:
    patience, began_s = Patience(), asyncio.get_running_loop().time()
    first_s = began_s + (60 if later_s < 0 else 0.01)

    async def waits() -> None:
        patience.move(first_s + later_s)
        await never()

    with pytest.raises(TimeoutError):
        await patience.keep(waits(), first_s)
    assert asyncio.get_running_loop().time() >= first_s + later_s
    patience.end()


async def test_a_limit_can_be_taken_away_and_set_again() -> None:
    patience, now_s = Patience(), asyncio.get_running_loop().time

    async def waits() -> None:
        patience.move(None)
        await asyncio.sleep(0.03)
        patience.move(now_s() + 0.01)
        await never()

    began_s = now_s()
    with pytest.raises(TimeoutError):
        await patience.keep(waits(), began_s + 0.01)
    assert now_s() >= began_s + 0.04
    patience.end()
