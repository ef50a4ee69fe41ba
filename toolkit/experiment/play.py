"""Plays what was ordered, on the twin or on a real host, and says how it ended."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from toolkit.errors import UsageError
from toolkit.experiment.host import asked_host
from toolkit.experiment.live import Measured, measure
from toolkit.ollama.from_config import client_from_config
from toolkit.replay.terms import WHOLE_PLAN

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from toolkit.config.models import Config
    from toolkit.experiment.client import ClientSetup
    from toolkit.experiment.crew import Crew
    from toolkit.experiment.live import Place
    from toolkit.experiment.setup import Setup
    from toolkit.experiment.shape import Shape
    from toolkit.experiment.shelf import Shelf
    from toolkit.ollama.address import Address
    from toolkit.ollama.client import OllamaClient
    from toolkit.replay.terms import LoadTerms
    from toolkit.workload.plan import Plan

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stage:
    """Where runs are played, and how.

    The config, the environment (for secrets), and the host, None for the twin; on a host under which terms, and by how
    many processes.
    """

    config: Config
    environment: Mapping[str, str]
    address: Address | None
    terms: LoadTerms = WHOLE_PLAN
    processes: int = 1


def stage_for(config: Config, environment: Mapping[str, str], host: str | None) -> Stage:
    """The stage that `--host` asks for. Raises UsageError if it is not an address."""
    return Stage(config, environment, asked_host(host, config))


def refuse_simulated(shape: Shape, terms: LoadTerms, processes: int) -> None:
    """In virtual time nobody leaves, nothing is warmed up and one process is enough. Raises UsageError."""
    if shape.patience_ns is not None or terms != WHOLE_PLAN or processes != 1:
        raise UsageError(
            "--patience, --warmup, --duration, --drain, --deadline and --processes are for a real host: give --host, "
            "or leave them out"
        )


def play_on_twin(
    setup: Setup,
    plans: Sequence[Plan],
    names: Sequence[str],
    *,
    place: Place,
    shelf: Shelf,
    on_answer: Callable[[], None] | None = None,
) -> Measured:
    """Play every plan under every strategy in virtual time; the runs go to the shelf when all are over, to no place."""
    del place
    from toolkit.experiment.simulate import simulate  # noqa: PLC0415 - the twin's engine, not for real hosts

    runs = tuple(simulate(setup, plans, names, on_answer))
    shelf.add(runs)
    return Measured(runs, None, interrupted=False)


def play_on_host(
    stage: Stage,
    setup: ClientSetup,
    plans: Sequence[Plan],
    names: Sequence[str],
    *,
    place: Place,
    shelf: Shelf,
    on_answer: Callable[[], None] | None = None,
) -> Measured:
    """Play every plan under every strategy in real time, on the stage's host.

    Each run is kept while it is played, in the directory that `place` names and in the store behind the shelf.

    Raises:
        UsageError: the stage has no host, or see `measure`.
    """
    address = stage.address
    if address is None:
        raise UsageError("there is no host to play on; name one with --host")
    try:
        if stage.processes == 1:
            return _run(_on_host(stage, address, setup, plans, names, place, shelf, None, on_answer))
        return _by_a_crew(stage, address, setup, plans, names, place, shelf, on_answer)
    except asyncio.CancelledError:  # told to stop by SIGTERM before the first run or after the last
        raise KeyboardInterrupt from None


def _by_a_crew(  # noqa: PLR0917 - one call, above
    stage: Stage,
    address: Address,
    setup: ClientSetup,
    plans: Sequence[Plan],
    names: Sequence[str],
    place: Place,
    shelf: Shelf,
    on_answer: Callable[[], None] | None,
) -> Measured:
    from toolkit.experiment.crew import Crew  # noqa: PLC0415 - for those who need it

    client = partial(_client, stage, address)
    with Crew(stage.processes, setup, plans, names, stage.terms, run=_run, client=client) as crew:
        return _run(_on_host(stage, address, setup, plans, names, place, shelf, crew, on_answer))


async def _on_host(  # noqa: PLR0917 - one call, above
    stage: Stage,
    address: Address,
    setup: ClientSetup,
    plans: Sequence[Plan],
    names: Sequence[str],
    place: Place,
    shelf: Shelf,
    crew: Crew | None,
    on_answer: Callable[[], None] | None,
) -> Measured:
    task = asyncio.current_task()
    with suppress(NotImplementedError):  # no signals on this platform's loop; Ctrl-C still works
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with _client(stage, address) as client:
        return await measure(
            setup, plans, names, client, place=place, shelf=shelf, terms=stage.terms, crew=crew, on_answer=on_answer
        )


def _client(stage: Stage, address: Address) -> OllamaClient:
    from toolkit.ollama.aiohttp_transport import AiohttpTransport  # noqa: PLC0415 - 0.2 s, not for simulations

    return client_from_config(stage.config.host, stage.environment, address, AiohttpTransport(address))


def _run(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The loop of uvloop where there is one: it does the same in half the time."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
