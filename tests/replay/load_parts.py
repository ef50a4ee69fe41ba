"""What the tests of the load engine share: plans, a client on the fast transport, and a run that is kept in memory."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

from toolkit.cache.fixed import ServerDefault
from toolkit.ollama.address import parse_address
from toolkit.ollama.aiohttp_transport import AiohttpTransport
from toolkit.ollama.client import OllamaClient
from toolkit.ollama.timeouts import Timeouts
from toolkit.replay.dispatch import Dispatcher
from toolkit.replay.engine import LoadEngine
from toolkit.replay.keeper import RunKeeper
from toolkit.replay.records import Provenance
from toolkit.replay.runfile import RunWriter
from toolkit.replay.terms import WHOLE_PLAN
from toolkit.routing.router import Router
from toolkit.workload.plan import Plan, PlannedRequest

if TYPE_CHECKING:
    from toolkit.cache.strategy import Strategy
    from toolkit.replay.records import Run
    from toolkit.replay.terms import LoadTerms
    from toolkit.replay.turns import Turns

MS = 1_000_000
S = 1_000_000_000
ROUTER = Router([], {"primary": "m:1b", "code": "m:1b", "fast": "m:1b"})
PROVENANCE = Provenance("0", "here", "0.32.15", "v0.32", (), (), (), "", "p", "", 1, 1, None, ())


def request(
    name: str,
    at_ms: float | None = None,
    *,
    after: str | None = None,
    think_ms: float = 0,
    session: str | None = None,
    text: str = "",
    patience_ms: float | None = None,
    model: str = "m:1b",
) -> PlannedRequest:
    """A request in milliseconds."""
    return PlannedRequest(
        id=name, at_ns=None if at_ms is None else round(at_ms * MS), after=after, think_ns=round(think_ms * MS),
        text=text, system=None, prompt_tokens=5, shared_prefix_tokens=0, output_tokens=5, model=model, label=None,
        session=session, patience_ns=None if patience_ms is None else round(patience_ms * MS),
    )  # fmt: skip


def plan(*requests: PlannedRequest) -> Plan:
    """A plan of these."""
    return Plan("p", "", requests, 0, 1, (), "here", "", ())


def fast_client(url: str) -> OllamaClient:
    """A client on aiohttp that gives nothing up by itself for a minute."""
    address = parse_address(url)
    timeouts = Timeouts(first_byte_ns=60 * S, idle_ns=60 * S)
    return OllamaClient(address, transport=AiohttpTransport(address), timeouts=timeouts)


async def play(
    url: str,
    what: Plan,
    terms: LoadTerms = WHOLE_PLAN,
    strategy: Strategy | None = None,
    turns: Turns | None = None,
    *,
    began_ns_ago: int = 0,
) -> Run:
    """Play a plan, from now or as one that should have begun earlier; its run."""
    writer = RunWriter(io.StringIO(), "s", 0, PROVENANCE)
    keeper = RunKeeper(what, writer)
    async with fast_client(url) as client:
        engine = LoadEngine(
            what,
            Dispatcher(ROUTER, strategy or ServerDefault(), {}),
            client,
            keep=keeper.keep,
            start_ns=time.monotonic_ns() - began_ns_ago,
            terms=terms,
            turns=turns,
        )
        await engine.run()
    return keeper.finish(engine.measures, engine.spans(), engine.end_ns, complete=engine.complete)
