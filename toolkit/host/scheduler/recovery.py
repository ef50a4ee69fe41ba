"""The wait for GPU memory after an unload."""

from __future__ import annotations

FLOAT32_BITS = 24
UINT64 = 1 << 64


def float32(value: int) -> int:
    """An unsigned integer as a single-precision float holds it (24 significant bits, ties to even)."""
    drop = value.bit_length() - FLOAT32_BITS
    if drop <= 0:
        return value
    quotient, rest = divmod(value, 1 << drop)
    half = 1 << (drop - 1)
    if rest > half or (rest == half and quotient & 1):
        quotient += 1
    return quotient << drop


def has_recovered(free_before_bytes: int, free_now_bytes: int, vram_bytes: int) -> bool:
    """Whether more than three quarters of a runner's VRAM is free again, summed over all GPUs.

    The server subtracts unsigned numbers, so free memory that *fell* looks like a huge gain and counts as recovered;
    and it compares in single precision, which is kept here so that the very edge agrees.
    """
    gained = float32((free_now_bytes - free_before_bytes) % UINT64)
    return 4 * gained > float32(3 * float32(vram_bytes))


class RecoveryWait:
    """One wait: polls on a grid from the start of the unload, until recovered or the limit is reached."""

    __slots__ = ("free_before_bytes", "limit_ns", "over", "poll_ns", "start_ns", "vram_bytes")

    def __init__(self, start_ns: int, free_before_bytes: int, vram_bytes: int, poll_ns: int, limit_ns: int) -> None:
        self.start_ns = start_ns
        self.free_before_bytes = free_before_bytes
        self.vram_bytes = vram_bytes
        self.poll_ns = poll_ns
        self.limit_ns = limit_ns
        self.over = False

    def next_poll_ns(self, now_ns: int) -> int:
        """The next point of the grid after `now_ns`, or the limit if that comes first."""
        polls = (now_ns - self.start_ns) // self.poll_ns + 1
        return self.start_ns + min(polls * self.poll_ns, self.limit_ns)

    def poll(self, free_now_bytes: int, now_ns: int) -> bool:
        """Look once; True when the wait is over."""
        self.over = now_ns - self.start_ns >= self.limit_ns or has_recovered(
            self.free_before_bytes, free_now_bytes, self.vram_bytes
        )
        return self.over
