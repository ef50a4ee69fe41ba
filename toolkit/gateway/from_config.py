"""The gateway that a config describes, put together."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.cache.disciplines.estimates import ServiceEstimates
from toolkit.cache.manager import build_manager
from toolkit.cache.registry import StrategyContext
from toolkit.config.llm import FAST, PRIMARY
from toolkit.gateway.app import Parts, build_app
from toolkit.gateway.backend import Backend
from toolkit.gateway.breaker import Breaker
from toolkit.gateway.context.composer import Composer, history_needed
from toolkit.gateway.context.summariser import Summariser
from toolkit.gateway.exchange import Dispatcher
from toolkit.gateway.fleet import Fleet
from toolkit.gateway.gate import Gate
from toolkit.gateway.idle import FastWriter, HostEmbedder, IdleWork
from toolkit.gateway.keys import read_keys
from toolkit.gateway.ledger import Ledger
from toolkit.gateway.limits import RateLimit
from toolkit.gateway.memory import LearnedMemory
from toolkit.gateway.metrics import GatewayMetrics
from toolkit.gateway.order import HostOrder
from toolkit.gateway.remembering import Limits, Memory, Remembering
from toolkit.gateway.running_context import gateway_addresses
from toolkit.gateway.sessions import SessionStore
from toolkit.gateway.stats import GatewayStats
from toolkit.gateway.whatif.desk import Desk, Means
from toolkit.gateway.whatif.question import Queue
from toolkit.ollama.aiohttp_transport import AiohttpTransport
from toolkit.ollama.from_config import client_from_config
from toolkit.routing.from_config import router_from_config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolkit.config.gateway import LimitSection
    from toolkit.config.models import Config
    from toolkit.gateway.course import Course
    from toolkit.gateway.guard import Guard
    from toolkit.gateway.keys import KeyRing
    from toolkit.gateway.refusal import Why
    from toolkit.ollama.address import Address


@dataclass(frozen=True, slots=True)
class Gateway:
    """An application and what must run beside it.

    `warnings` are sentences for the operator; `refused` counts what never comes to the application.
    """

    app: Guard
    fleet: Fleet
    keys: KeyRing
    warnings: tuple[str, ...]
    desk: Desk
    limits: LimitSection
    refused: Callable[[Why], None]
    memory: Memory | None = None
    idle: IdleWork | None = None


@dataclass(frozen=True, slots=True)
class Comparing:
    """The command that compares with this config (`hotswap compare` up to its options), the trace, and caveats."""

    command: tuple[str, ...]
    trace: Path
    caveats: tuple[str, ...] = ()


def gateway_from_config(
    config: Config,
    environment: Mapping[str, str] | None = None,
    *,
    address: Address | None = None,
    bind: str | None = None,
    write_trace: Callable[[Course], None] | None = None,
    comparing: Comparing | None = None,
) -> Gateway:
    """Put everything together. Nothing is sent before `fleet.keep_looking` runs or a request comes.

    `address` takes the place of the config's hosts, `bind` that of `gateway.bind`. `comparing` lets the dashboard ask
    what another strategy would have done.

    Raises:
        UsageError: keys that cannot be read, an unknown strategy, a secret that the environment does not have.
    """
    known = os.environ if environment is None else environment
    section = config.gateway
    keys, warnings = read_keys(section.keys, known)
    addresses = gateway_addresses(config) if address is None else (address,)
    fleet = Fleet([_backend(config, known, each) for each in addresses])
    clock_ns = time.monotonic_ns
    ledger = Ledger(fleet, GatewayStats(clock_ns()), GatewayMetrics(), clock_ns, write_trace)
    options = {entry.name: entry.options for entry in config.llm.models.values()}
    dispatcher = Dispatcher(fleet, options, clock_ns, ledger)
    memory = _memory(config, dispatcher, fleet)
    desk = Desk(None if comparing is None else _means(config, comparing, len(addresses)))
    names, by_address = _own_names(bind or section.bind)
    parts = Parts(
        fleet=fleet,
        dispatcher=Remembering(
            dispatcher,
            memory,
            options,
            fleet.context_of,
            clock_ns,
            as_installed=fleet.as_installed,
            limits=Limits(section.queue.size, section.queue.wait_ns),
        ),
        router=router_from_config(config.llm),
        ledger=ledger,
        limit=RateLimit(section.limits.per_minute, section.limits.burst),
        keys=keys,
        clock_ns=clock_ns,
        wall_s=lambda: int(time.time()),
        body_bytes=section.limits.body_bytes,
        deadline_ns=section.limits.deadline_ns,
        names=(*names, *section.allowed_hosts),
        origins=section.origins,
        registries=section.registries,
        by_address=by_address,
        writes=section.writes,
        texts=section.trace.texts,
        remembers=memory is not None,
        desk=desk,
    )
    idle = None if memory is None else IdleWork(fleet, memory, _fast(config), section.sessions.keep_ns)
    return Gateway(build_app(parts), fleet, keys, warnings, desk, section.limits, ledger.refused, memory, idle)


def _means(config: Config, comparing: Comparing, hosts: int) -> Means:
    several = f"The gateway has {hosts} hosts; one is simulated, with all of the requests."
    return Means(
        comparing.command,
        comparing.trace,
        config.gateway.strategy or config.llm.cache.type,
        Queue(config.gateway.queue.promise_ns, _parallel(config)),
        (*comparing.caveats, *((several,) if hosts > 1 else ())),
    )


def _parallel(config: Config) -> int:
    """How many requests of one model a host answers at a time."""
    return config.gateway.queue.parallel or int(config.host.settings.get("OLLAMA_NUM_PARALLEL", "0") or 0) or 1


def _memory(config: Config, dispatcher: Dispatcher, fleet: Fleet) -> Memory | None:
    """The sessions and what is made of them, None where the config keeps none."""
    section = config.gateway
    if section.sessions.file is None:
        return None
    path = Path(section.sessions.file).expanduser()
    sessions = SessionStore.open(path, history_messages=history_needed(section.context))
    named = section.context.embedding_model
    composer = Composer(section.context, sessions, None if named is None else HostEmbedder(dispatcher, named))
    writer = FastWriter(dispatcher, _fast(config), section.context.summary_tokens, fleet.context_of)
    return Memory(sessions, composer, Summariser(sessions, composer, writer))


def _fast(config: Config) -> str:
    roles = config.llm.roles
    return roles.get(FAST, roles[PRIMARY]).name


def _backend(config: Config, environment: Mapping[str, str], address: Address) -> Backend:
    """One host with its own belief, order and breaker."""
    llm, queue, clock_ns = config.llm, config.gateway.queue, time.monotonic_ns
    context = StrategyContext(
        max_models=llm.cache.max_models,
        models=llm.model_names,
        pinned=tuple(entry.name for entry in llm.models.values() if entry.pin),
        keep_alive_ns=((llm.cache.type, llm.cache.keep_alive_ns),),
    )
    memory = LearnedMemory(llm.cache.max_models)
    backend = Backend(
        address.name or "host",
        client_from_config(config.host, environment, address, AiohttpTransport(address)),
        cache=build_manager(config.gateway.strategy or llm.cache.type, llm.cache.eviction, context),
        memory=memory,
        breaker=Breaker(),
        clock_ns=clock_ns,
    )
    order = HostOrder(queue.promise_ns, memory.places, ServiceEstimates(), memory, _parallel(config))
    backend.serves(Gate(order, backend.resident, clock_ns, size=queue.size, wait_ns=queue.wait_ns))
    return backend


def _own_names(bind: str) -> tuple[tuple[str, ...], bool]:
    """The names that clients may call this machine by, and whether any address will do."""
    if bind in {"localhost", "127.0.0.1", "::1"}:
        return (), False
    name = socket.gethostname().lower()
    return (bind.lower(), name, name.partition(".")[0], f"{name.partition('.')[0]}.local"), True
