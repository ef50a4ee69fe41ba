"""How long a client waits for a host."""

from __future__ import annotations

from dataclasses import dataclass

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in nanoseconds; None is without limit.

    `first_byte_ns` runs from the send to the first byte of the answer's body, connecting included: the server's queue,
    eviction and load lie in it, and all of an answer that is not streamed. `idle_ns` is the longest pause between two
    chunks (a server buffers a tool call until it is complete). `control_ns` takes the place of the first byte's for
    ps, tags, show and version, which wait for no model.
    """

    connect_ns: int | None = 5 * NS_PER_S
    first_byte_ns: int | None = 600 * NS_PER_S
    idle_ns: int | None = 120 * NS_PER_S
    control_ns: int | None = 30 * NS_PER_S
