"""Measures what the gateway adds to the time of the first token, and puts the table into docs/gateway.md.

`make gateway-table`: the gateway alone on core 0, client and host on core 1. `FIFO=1` gives all of them real-time
priority, on a machine that others use, too (for root). Requests during which a hypervisor took a core away are left
out; how many they are is said, and what p99 is with them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any, Final

from tests.benchmarks.gateway_bench import HERE, ROOT, environment, gateway
from tests.benchmarks.load_table import pinned
from tests.benchmarks.stolen import Watch
from toolkit.stats.quantiles import quantile

PAGE: Final = ROOT / "docs" / "gateway.md"
STREAMS: Final = (50, 100, 200)
NS_PER_MS: Final = 1e6
SECONDS: Final = 40.0


def measured(url: str, streams: int, seconds: float, sessions: int | None, core: int | None = 1) -> dict[str, Any]:
    """What `stream_client.py` says."""
    place = [] if core is None else pinned(core)
    command = [*place, sys.executable, str(HERE / "stream_client.py"), url, str(streams), str(seconds)]
    given = [] if sessions is None else [str(sessions)]
    with Watch() as watch:
        done = subprocess.run([*command, *given], capture_output=True, text=True, check=True, env=environment())
    result: dict[str, Any] = json.loads(done.stdout)
    ways = zip(*(result[name] for name in ("sent_ns", "up", "down", "first_ns", "added")), strict=True)
    result["quiet"] = [
        added
        for sent_ns, up, down, first_ns, added in ways
        if not watch.disturbed(sent_ns, sent_ns + round(up * NS_PER_MS))
        and not watch.disturbed(first_ns - round(down * NS_PER_MS), first_ns)
    ]
    return result


def added_ms(result: dict[str, Any], share: float, key: str = "quiet") -> float:
    """A quantile of what lies between client and host, ms; `added`: of all requests."""
    return quantile(sorted(result[key]), share)


def row(streams: int, direct: dict[str, Any], through: dict[str, Any], session: dict[str, Any]) -> str:
    """One line of the table; what is added is the way through the gateway minus the median of the direct one."""
    base_ms = added_ms(direct, 0.5)
    cells = [
        f"{streams}",
        *(f"{added_ms(direct, share):.2f} ms" for share in (0.5, 0.99)),
        *(f"{added_ms(through, share) - base_ms:.2f} ms" for share in (0.5, 0.9, 0.99)),
        f"{added_ms(through, 0.99, 'added') - base_ms:.2f} ms",
        *(f"{added_ms(session, share) - base_ms:.2f} ms" for share in (0.5, 0.99)),
        f"{len(through['quiet'])} of {len(through['added'])}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure and write."""
    lines = [
        "| streams | direct: p50 | p99 | gateway adds p50 | p90 | p99 | p99 of all | in a session p50 | p99 | of |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for streams in STREAMS:
        with gateway() as running:
            direct = measured(running.host_url, streams, SECONDS / 2, None)
            through = measured(running.url, streams, SECONDS, None)
            session = measured(running.url, streams, SECONDS / 2, streams)
        failed = direct["failed"] + through["failed"] + session["failed"]
        assert not failed, f"{failed} requests have failed"
        lines.append(row(streams, direct, through, session))
        sys.stderr.write(lines[-1] + "\n")
    text = PAGE.read_text(encoding="utf-8")
    block = "\n".join(["<!-- added -->", *lines, "<!-- /added -->"])
    PAGE.write_text(
        re.sub(r"<!-- added -->.*?<!-- /added -->", lambda _: block, text, flags=re.DOTALL), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
