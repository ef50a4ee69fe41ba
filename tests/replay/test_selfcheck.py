"""When a run is void because of its own client; and that the watch sees a loop that is held up."""

from __future__ import annotations

import asyncio
import gc
import time

from toolkit.replay.selfcheck import SelfMeasure, SelfWatch, judge, median_ns

MS = 1_000_000
QUIET = SelfMeasure((0,) * 100, (0,) * 100, 1000 * MS, 300 * MS, 0)


def test_a_client_that_kept_up_is_not_void() -> None:
    health = judge([QUIET], 20 * MS)
    assert health.void == ()
    assert health.cpu_share == 0.3


def test_late_requests_make_a_run_void_unless_the_latency_is_much_larger() -> None:
    late = SelfMeasure((8 * MS,) * 100, (0,), 1000 * MS, 0, 0)
    assert "sent 8.0 ms late" in judge([late], 20 * MS).void[0]
    assert judge([late], 400 * MS).void == ()
    assert "allowed 5.0 ms" in judge([late], None).void[0]


def test_each_reason_is_named() -> None:
    bad = SelfMeasure((0,), (9 * MS,), 1000 * MS, 970 * MS, 100 * MS)
    reasons = " ".join(judge([QUIET, bad], None).void)
    assert "97 % of a core" in reasons
    assert "garbage collector took 10 %" in reasons
    only_bad = judge([bad], None)
    assert "event loop was held up for 9.0 ms" in " ".join(only_bad.void)
    assert judge([QUIET, bad], None).gc_ns == 100 * MS


def test_one_late_request_of_many_is_no_verdict() -> None:
    lags = (*(0,) * 999, 100 * MS)
    health = judge([SelfMeasure(lags, (0,), 1000 * MS, 0, 0)], None)
    assert health.void == ()
    assert health.schedule_lag_max_ns == 100 * MS


async def test_a_loop_that_is_held_up_is_seen() -> None:
    watch = SelfWatch(asyncio.get_running_loop())
    watch.start()
    watch.late(-5)
    await asyncio.sleep(0)
    until = time.monotonic() + 0.1
    while time.monotonic() < until:  # hold the loop on purpose
        pass
    await asyncio.sleep(0.01)
    gc.collect()
    found = watch.stop()
    assert list(found.schedule_lags_ns) == [0]
    assert max(found.loop_lags_ns) >= 70 * MS
    assert found.cpu_ns > 0
    assert found.gc_ns > 0
    assert watch._collecting not in gc.callbacks


def test_the_median_of_what_is_there() -> None:
    assert median_ns([3, None, 1, 2]) == 2
    assert median_ns([None]) is None
