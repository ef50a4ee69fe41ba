"""Which failures are worth another try, when it comes, and what counts as progress."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import HostError
from toolkit.ollama.errors import (
    BadRequestError,
    ConnectTimeoutError,
    ErrorLineError,
    ForbiddenError,
    ProtocolError,
    ServerBusyError,
    ServerFailedError,
    StreamBrokeError,
    UnreachableError,
)
from toolkit.ollama.types import TransferLine
from toolkit.ops.provision.backoff import Backoff, Fate, fate_of
from toolkit.ops.provision.meter import Meter


def line_error(text: str) -> ErrorLineError:
    return ErrorLineError("x", server_message=text)


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (line_error("pull model manifest: file does not exist"), Fate.NEVER),
        (line_error("pull model manifest: 403: access denied"), Fate.NEVER),
        (line_error("pull model manifest: 412: requires a newer version of Ollama"), Fate.NEVER),
        (line_error("write /m/blobs/sha256-1-partial: No space left on device"), Fate.NO_ROOM),
        (line_error("digest mismatch, file must be downloaded again: want a, got b"), Fate.DAMAGED),
        (line_error("max retries exceeded: unexpected EOF"), Fate.AGAIN),
        (line_error("Get https://r/v2: dial tcp: lookup r: no such host"), Fate.AGAIN),
        (ServerFailedError("x", status=500, server_message="digest mismatch"), Fate.DAMAGED),
        (ServerFailedError("x", status=502), Fate.AGAIN),
        (ServerBusyError("x", status=503, server_message="server busy"), Fate.AGAIN),
        (StreamBrokeError("x"), Fate.AGAIN),
        (UnreachableError("x"), Fate.AGAIN),
        (ConnectTimeoutError("x"), Fate.AGAIN),
        (BadRequestError("x", status=400, server_message="invalid model name"), Fate.NEVER),
        (ForbiddenError("x", status=403), Fate.NEVER),
        (ProtocolError("x"), Fate.NEVER),
        (HostError("stalled"), Fate.AGAIN),
    ],
)
def test_the_fate_of_a_failure(error: HostError, fate: Fate) -> None:
    assert fate_of(error) is fate


@given(st.integers(1, 5000), st.floats(0, 10), st.floats(0, 100), st.integers(0, 99))
def test_a_wait_is_half_chance_and_never_beyond_its_limit(
    failures: int, first_s: float, most_s: float, seed: int
) -> None:
    backoff = Backoff(first_s=first_s, most_s=most_s)
    delay_s = backoff.delay_s(failures, random.Random(seed))
    assert delay_s == backoff.delay_s(failures, random.Random(seed))
    full_s = min(first_s * 2 ** min(failures - 1, 60), most_s)
    assert full_s / 2 <= delay_s <= full_s


def test_tries_are_counted_by_what_went_wrong() -> None:
    backoff = Backoff(tries=5, damaged_tries=3)
    allowed = {fate: sum(backoff.allows(fate, failures) for failures in range(1, 10)) for fate in Fate}
    assert allowed == {Fate.AGAIN: 4, Fate.DAMAGED: 2, Fate.NO_ROOM: 0, Fate.NEVER: 0}
    assert not Backoff(tries=1).allows(Fate.DAMAGED, 1)


def line(completed: int, digest: str = "a", total: int = 100) -> TransferLine:
    return TransferLine(0, f"pulling {digest}", digest, total, completed)


def test_only_more_bytes_than_ever_are_progress() -> None:
    meter = Meter()
    seen = [meter.feed(line(value)) for value in (10, 10, 40, 40, 20, 30, 40, 41)]
    assert seen == [True, False, True, False, False, False, False, True]
    assert meter.fetched_bytes == 31
    assert meter.blob_bytes == {"a": 100}


def test_a_server_at_its_own_work_owes_nothing() -> None:
    meter = Meter()
    assert meter.waits_for_others
    for status, waits in (("pulling manifest", True), ("verifying sha256 digest", False), ("writing manifest", False)):
        assert meter.feed(TransferLine(0, status))
        assert meter.waits_for_others is waits
    meter.feed(line(5))
    assert meter.waits_for_others


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 100))))
def test_what_was_fetched_is_never_more_than_the_blobs_hold(lines: list[tuple[str, int]]) -> None:
    meter = Meter()
    for digest, completed in lines:
        meter.feed(line(completed, digest))
    assert 0 <= meter.fetched_bytes <= sum(meter.blob_bytes.values())
