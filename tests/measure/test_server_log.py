"""What is read off a server's log."""

from __future__ import annotations

from toolkit.measure.server_log import read_lives

START = 'time=2026-01-02T03:04:{0}Z msg="starting llama-server" cmd="--model sha256-{1} -c {2} -np 1 -t 2 --keep 4"'
READY = (
    'time=2026-01-02T03:04:{0}Z msg="finished setting up" runner.name={1}:latest runner.size="100.5 MiB" '
    'runner.vram="50 MiB" runner.parallel=1 runner.pid={2} blob={3} runner.num_ctx=4096'
)
A, B = "a" * 12, "b" * 12
ZERO = 1_767_323_040_000_000_000  # 2026-01-02T03:04:00Z


def seconds(value: int | None) -> float | None:
    return None if value is None else value / 1e9


def test_a_process_has_a_name_times_and_sizes() -> None:
    log = [
        START.format("01.000", A + "0" * 52, 4096),
        READY.format("02.500", "llama3", 7, A),
        'time=2026-01-02T03:04:05.000Z msg="stopping llama-server" pid=7',
        'time=2026-01-02T03:04:05.250Z msg="llama-server stopped" pid=7',
        'time=2026-01-02T03:04:06.000Z msg="gpu VRAM free memory converged after 0.76 seconds"',
        "[GIN] 2026/01/02 - 03:04:07 | 200 | something else",
    ]
    (life,) = read_lives(log, ZERO)
    assert (life.model, life.blob, life.num_ctx, life.threads, life.parallel) == ("llama3", A, 4096, 2, 1)
    times = (life.start_ns, life.ready_ns, life.stop_ns, life.gone_ns)
    assert [seconds(one) for one in times] == [1.0, 2.5, 5.0, 5.25]
    assert (life.size_bytes, life.vram_bytes, life.recovery_s) == (105_381_888, 52_428_800, 0.76)


def test_evictions_belong_to_the_next_process_and_may_be_undone() -> None:
    log = [
        START.format("01.000", A, 4096),
        READY.format("02.000", "a", 1, A),
        'time=2026-01-02T03:04:03Z msg="resetting model to expire immediately" runner.name=a:latest refCount=1',
        'time=2026-01-02T03:04:04Z msg="runner with non-zero duration has gone idle" runner.name=a:latest',
        START.format("09.000", B, 2048),
    ]
    first, second = read_lives(log, ZERO)
    assert first.evictions == ()
    (eviction,) = second.evictions
    assert (eviction.victim, eviction.busy, eviction.undone, eviction.reload) == ("a", True, True, False)


def test_a_process_that_never_was_ready_has_the_name_of_its_blob() -> None:
    log = [
        START.format("01", A, 4096),
        READY.format("02", "a", 1, A),
        START.format("03", A, 512),
        START.format("04", B, 512),
    ]
    assert [life.model for life in read_lives(log, ZERO)] == ["a", "a", B]
