"""Stalls are told by the numbers: a server that repeats itself does not move, one that verifies does not stall."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any

from tests.ollama.fake_host import FakeHost, Seen, Wire
from tests.ops.provision.host import Seen as Watching
from toolkit.ollama.client import OllamaClient
from toolkit.ollama.timeouts import Timeouts
from toolkit.ops.provision.backoff import Backoff, Fate
from toolkit.ops.provision.transfer import Outcome, Patience, Transfers

if TYPE_CHECKING:
    from collections.abc import Sequence

NS_PER_S = 1_000_000_000
BLOB = {"status": "pulling abababababab", "digest": "sha256:ab", "total": 100}
SUCCESS = {"status": "success"}


async def transfer(lines: Sequence[dict[str, Any]], seen: Watching, *, stall_s: int = 30, tries: int = 2) -> Outcome:
    """Pull from a host that says these lines; the clock goes on by 10 s with each."""

    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        for record in lines:
            await wire.line(record)
        await wire.end()

    ticks = itertools.count(0, 10 * NS_PER_S)
    patience = Patience(Backoff(tries=tries), stall_s * NS_PER_S)
    transfers = Transfers(patience, seen, random.Random(1), seen.sleep, lambda: next(ticks))
    async with FakeHost(script) as host, OllamaClient(host.url, timeouts=Timeouts(idle_ns=None)) as client:
        return await transfers.run("m", lambda: client.stream_pull("m"))


async def test_lines_that_show_no_more_bytes_are_a_stall() -> None:
    seen = Watching()
    outcome = await transfer([BLOB, {**BLOB, "completed": 10}, *[{**BLOB, "completed": 10}] * 9, SUCCESS], seen)
    assert (outcome.tries, outcome.fate) == (2, Fate.AGAIN)
    assert "m: no progress for 30s" in str(outcome.error)
    assert [retry.number for _, retry in seen.retries] == [1]
    assert outcome.fetched_bytes == 20


async def test_numbers_that_fall_and_come_back_are_a_stall_too() -> None:
    falling = [{**BLOB, "completed": completed} for completed in (50, 10, 20, 30, 40, 50)]
    assert "no progress" in str((await transfer([BLOB, *falling, SUCCESS], Watching())).error)


async def test_what_grows_slowly_and_what_verifies_long_is_no_stall() -> None:
    growing = [{**BLOB, "completed": completed} for completed in range(1, 20)]
    verifying = [{"status": "verifying sha256 digest"}] * 20
    outcome = await transfer([{"status": "pulling manifest"}, BLOB, *growing, *verifying, SUCCESS], Watching())
    assert outcome == Outcome(1, 19, (("sha256:ab", 100),))


async def test_an_error_line_that_will_not_pass_is_tried_once() -> None:
    seen = Watching()
    outcome = await transfer([{"error": "pull model manifest: file does not exist"}], seen, tries=6)
    assert (outcome.tries, outcome.fate, seen.retries) == (1, Fate.NEVER, [])
