"""Many sessions at a time for minutes, and what the gateway takes of memory meanwhile.

`python tests/benchmarks/gateway_soak.py [SESSIONS SECONDS [LEAST_REST_S MOST_REST_S]]` (or `make gateway-soak`), by
default 1,000 and 600: each session asks again 15 to 45 s after its last answer, so all of them stay in use and grow.
One JSON line comes out; the slope is that of a straight line through the memory after the first third, in MiB for
1,000 requests and for an hour.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import uvloop

from tests.benchmarks.gateway_bench import Running, gateway
from tests.benchmarks.stream_client import Habits, Seen, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

MIB = 1 << 20
WARM_SHARE = 1 / 3
REST_S = (15.0, 45.0)
TOKENS = (8, 24)


@dataclass(frozen=True)
class Sample:
    """The gateway at one moment."""

    at_s: float
    requests: int
    rss_mib: float
    file_mib: float
    cpu_s: float
    """Processor time of the gateway since its start."""


async def soak(
    running: Running, sessions: int, seconds: float, every_s: float, rest_s: tuple[float, float] = REST_S
) -> tuple[list[Sample], Seen]:
    """Play the sessions, and look at the gateway now and then. They begin spread over the mean rest, as they go on."""
    seen, samples = Seen(), []
    made = await opened(running.url, sessions, seen, Habits(TOKENS, rest_s, sessions), sum(rest_s) / 2)
    start_s = time.monotonic()
    while (at_s := time.monotonic() - start_s) < seconds:
        files = running.sessions.parent.glob("sessions.db*")
        file_mib = sum(file.stat().st_size for file in files) / MIB
        samples.append(
            Sample(
                round(at_s, 1), seen.answered, resident_mib(running.pid), round(file_mib, 2), processor_s(running.pid)
            )
        )
        await asyncio.sleep(every_s)
    for each in made:
        each.stop()
    await asyncio.sleep(0.1)
    return samples, seen


def resident_mib(pid: int) -> float:
    """The memory of a process that is in RAM."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return round(int(status.partition("VmRSS:")[2].split()[0]) / 1024, 2)


def processor_s(pid: int) -> float:
    """The processor time of a process, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def summary(samples: Sequence[Sample], seen: Seen, sessions: int) -> dict[str, Any]:
    """What came out."""
    warm = samples[int(len(samples) * WARM_SHARE) :]
    memory = [each.rss_mib for each in warm]
    by_request = np.polyfit([each.requests for each in warm], memory, 1)[0]
    spent_s, answered = warm[-1].cpu_s - warm[0].cpu_s, warm[-1].requests - warm[0].requests
    by_second = np.polyfit([each.at_s for each in warm], memory, 1)[0]
    return {
        "sessions": sessions,
        "seconds": samples[-1].at_s,
        "requests": seen.answered,
        "failed": seen.failed,
        "last_failure": seen.last_failure,
        "rss_mib": {"begin": samples[0].rss_mib, "warm": memory[0], "most": max(memory), "end": memory[-1]},
        "slope_mib_per_1000_requests": round(float(by_request) * 1000, 3),
        "slope_mib_per_hour": round(float(by_second) * 3600, 2),
        "file_mib": samples[-1].file_mib,
        "processor": {
            "ms_per_request": round(1e3 * spent_s / answered, 2) if answered else None,
            "share": round(spent_s / (warm[-1].at_s - warm[0].at_s), 3) if len(warm) > 1 else None,
        },
    }


def main() -> None:
    """Play and print."""
    sessions, seconds = (int(sys.argv[1]), float(sys.argv[2])) if sys.argv[2:] else (1000, 600.0)
    rest_s = (float(sys.argv[3]), float(sys.argv[4])) if sys.argv[4:] else REST_S
    with gateway(core=None, others=None) as running:
        samples, seen = uvloop.run(soak(running, sessions, seconds, min(5.0, seconds / 20), rest_s))
    for each in samples:
        sys.stderr.write(
            f"{each.at_s:7.1f} s  {each.requests:7d} requests  {each.rss_mib:8.2f} MiB  {each.file_mib:8.2f} MiB"
            f"  {each.cpu_s:7.1f} s of processor time\n"
        )
    sys.stdout.write(json.dumps(summary(samples, seen, sessions)) + "\n")


if __name__ == "__main__":
    main()
