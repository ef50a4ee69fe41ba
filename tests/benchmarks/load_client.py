"""The load engine alone on a core against `known_times.py`; how far its times are from the server's, as one JSON line.

`python tests/benchmarks/load_client.py URL RATE SECONDS [plain]`: with `plain` a straightforward aiohttp client takes
the engine's place, for comparison.
"""

from __future__ import annotations

import asyncio
import gc
import io
import json
import sys
import time

import aiohttp
import uvloop

from toolkit.cache.fixed import ServerDefault
from toolkit.ollama.address import parse_address
from toolkit.ollama.aiohttp_transport import AiohttpTransport
from toolkit.ollama.client import OllamaClient
from toolkit.replay.collector import calm_collector
from toolkit.replay.dispatch import Dispatcher
from toolkit.replay.engine import LoadEngine
from toolkit.replay.keeper import RunKeeper
from toolkit.replay.records import Provenance
from toolkit.replay.runfile import RunWriter
from toolkit.replay.terms import LoadTerms
from toolkit.routing.router import Router
from toolkit.stats.quantiles import quantile
from toolkit.workload.plan import Plan, PlannedRequest

PROVENANCE = Provenance("0", "here", "0.32.15", "v0.32", (), (), (), "", "p", "", 1, 1, None, ())
LEAD_NS = 100_000_000
WARMUP_NS = 1_000_000_000
"""In the first second connections are opened; it is warm-up, and left out of errors and lags."""
TERMS = LoadTerms(warmup_ns=WARMUP_NS)


def plan(rate: float, seconds: float) -> Plan:
    """Evenly spaced requests of 50 words."""
    requests = tuple(
        PlannedRequest(
            id=f"r{number}", at_ns=round(number / rate * 1e9), after=None, think_ns=0, text="", system=None,
            prompt_tokens=50, shared_prefix_tokens=0, output_tokens=33, model="m:1b", label=None, session=None,
        )
        for number in range(round(rate * seconds))
    )  # fmt: skip
    return Plan("bench", "", requests, round(seconds * 1e9), 1, (), "here", "", ())


async def engine(url: str, what: Plan) -> tuple[list[float], dict[str, object]]:
    """TTFT errors in ms: the engine's time of the first token minus the server's of sending it."""
    address = parse_address(url)
    router = Router([], {"primary": "m:1b", "code": "m:1b", "fast": "m:1b"})
    keeper = RunKeeper(what, RunWriter(io.StringIO(), "s", 0, PROVENANCE))
    async with OllamaClient(address, transport=AiohttpTransport(address)) as client:
        await client.version()
        dispatcher = Dispatcher(router, ServerDefault(), {})
        with calm_collector():
            start_ns = time.monotonic_ns() + LEAD_NS
            player = LoadEngine(what, dispatcher, client, keep=keeper.keep, start_ns=start_ns, terms=TERMS)
            await player.run()
    run = keeper.finish(player.measures, (), player.end_ns, complete=player.complete)
    errors = [
        (record.first_token_ns + start_ns - record.prompt_tokens) / 1e6
        for record in run.records
        if record.first_token_ns is not None and record.prompt_tokens is not None and record.intended_ns >= WARMUP_NS
    ]
    health = run.client
    assert health is not None
    told = {
        "lag_p99_ms": round(health.schedule_lag_p99_ns / 1e6, 3),
        "cpu_share": health.cpu_share,
        "gc_ms": round(health.gc_ns / 1e6, 1),
        "failed": sum(record.outcome != "ok" for record in run.records),
        "void": list(health.void),
    }
    return errors, told


async def plain(url: str, what: Plan) -> tuple[list[float], dict[str, object]]:
    """The same with aiohttp as its documentation shows it."""
    errors: list[float] = []
    lags: list[float] = []

    async def one(session: aiohttp.ClientSession, at_ns: int, body: dict[str, object]) -> None:
        first_ns, record = None, {}
        async with session.post(f"{url}/api/chat", json=body) as response:
            async for line in response.content:
                now_ns = time.monotonic_ns()
                record = json.loads(line)
                first_ns = now_ns if first_ns is None else first_ns
        if at_ns >= WARMUP_NS:
            errors.append(((first_ns or 0) - record["prompt_eval_count"]) / 1e6)

    body: dict[str, object] = {"model": "m:1b", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    cpu_ns = time.process_time_ns()
    begin = time.monotonic() + LEAD_NS / 1e9
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        tasks = []
        for request in what.requests:
            due = begin + (request.at_ns or 0) / 1e9
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if (request.at_ns or 0) >= WARMUP_NS:
                lags.append((time.monotonic() - due) * 1e3)
            tasks.append(asyncio.create_task(one(session, request.at_ns or 0, body)))
        await asyncio.gather(*tasks)
    share = (time.process_time_ns() - cpu_ns) / 1e9 / (time.monotonic() - begin)
    return errors, {"lag_p99_ms": round(quantile(sorted(lags), 0.99), 3), "cpu_share": round(share, 4)}


def main() -> None:
    """Run one load and print what came out."""
    url, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    work = plain if sys.argv[4:] == ["plain"] else engine
    what = plan(rate, seconds)
    gc.freeze()
    errors, told = uvloop.run(work(url, what))
    errors.sort()
    shares = {f"error_p{round(100 * share)}_ms": round(quantile(errors, share), 3) for share in (0.5, 0.9, 0.99)}
    result = {"rate": rate, "answers": len(errors), **shares, "error_max_ms": round(errors[-1], 3), **told}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
