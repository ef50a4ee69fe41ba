"""All runs of a comparison on a real host: checked first, interleaved, put back as it was afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from toolkit.errors import HostError, UsageError
from toolkit.experiment.client import asked_models
from toolkit.experiment.commit import toolkit_commit
from toolkit.experiment.likeness import digest_of, option_pairs
from toolkit.replay.collector import calm_collector
from toolkit.replay.engine import LoadEngine
from toolkit.replay.hoststate import empty_host, note_state, restore
from toolkit.replay.keeper import RunKeeper
from toolkit.replay.records import Provenance
from toolkit.replay.runfile import RUN_FILE
from toolkit.replay.terms import WHOLE_PLAN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from toolkit.experiment.client import ClientSetup
    from toolkit.experiment.crew import Crew, CrewPlayer
    from toolkit.experiment.shelf import Shelf
    from toolkit.ollama.client import OllamaClient
    from toolkit.replay.hoststate import HostState
    from toolkit.replay.records import Run
    from toolkit.replay.terms import LoadTerms
    from toolkit.workload.plan import Plan

SCHEDULER_SINCE = ((0, 30), "v0.32")
"""Servers from 0.30 on decide like the profile v0.32; older ones like v0.24."""


Place = Callable[[str, int], "Path"]
"""The directory of a run: strategy, repetition (from 1) → path."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The runs that were played, the last perhaps in part.

    `ended` says in a sentence why they are not all, or what is wrong with the host now; None if all went well.
    """

    runs: tuple[Run, ...]
    ended: str | None
    interrupted: bool


async def measure(
    setup: ClientSetup,
    plans: Sequence[Plan],
    names: Sequence[str],
    client: OllamaClient,
    *,
    place: Place,
    shelf: Shelf,
    terms: LoadTerms = WHOLE_PLAN,
    crew: Crew | None = None,
    on_answer: Callable[[], None] | None = None,
) -> Measured:
    """Play each plan under each strategy; the shelf keeps each run, in the directory that `place` names.

    The host is emptied before each run, and what was in memory before is loaded again at the end, also after Ctrl-C.
    Whatever goes wrong after the first request, the runs that were played come back.

    Raises:
        UsageError: the host lacks a model that the plan needs, or there are runs in these places already; nothing was
            changed.
        OllamaError: the host does not answer at all.
    """
    turns = tuple(_interleaved(names, len(plans)))
    _refuse_overwriting(place(name, repetition + 1) for repetition, name in turns)
    await _check_models(client, setup, plans)
    before = await note_state(client, time.time_ns)
    runs: list[Run] = []
    ended: str | None = None
    interrupted = False
    try:
        for repetition, strategy in turns:
            await empty_host(client)
            run, engine = await _play(setup, plans, client, strategy, repetition, place, shelf, terms, crew, on_answer)
            runs.append(run)
            if not engine.complete:
                ended, interrupted = _why_ended(engine), engine.interrupted
                break
    except asyncio.CancelledError:
        ended, interrupted = "interrupted; what was measured is kept", True
    except HostError as error:
        ended = f"stopped after {len(runs)} of {len(turns)} runs: {error}"
    if shelf.trouble is not None and ended is None:
        ended = f"all was played, but not all was stored: {shelf.trouble}"
    trouble = await _put_back(client, before)
    if trouble is not None:
        told = "" if ended is None else f"{ended}; "
        ended = f"{told}the host could not be put back as it was: {trouble}"
    return Measured(tuple(runs), ended, interrupted)


async def _put_back(client: OllamaClient, before: HostState) -> str | None:
    """Restore the host; what went wrong, if something did. A second Ctrl-C gives up, and says so."""
    try:
        await restore(client, before)
    except HostError as error:
        return str(error)
    except asyncio.CancelledError:
        return "interrupted again"
    return None


async def _play(  # noqa: PLR0917 - one call, above
    setup: ClientSetup,
    plans: Sequence[Plan],
    client: OllamaClient,
    strategy: str,
    repetition: int,
    place: Place,
    shelf: Shelf,
    terms: LoadTerms,
    crew: Crew | None,
    on_answer: Callable[[], None] | None,
) -> tuple[Run, LoadEngine | CrewPlayer]:
    """One run on the empty host."""
    plan = plans[repetition]
    provenance = await _provenance(client, setup, plan, len(plans))
    with shelf.recording(place(strategy, repetition + 1), strategy, repetition, provenance) as sink:
        keeper = RunKeeper(plan, sink, on_answer)
        player: LoadEngine | CrewPlayer
        if crew is None:
            dispatcher, start_ns = setup.dispatcher(strategy), time.monotonic_ns()
            player = LoadEngine(
                plan, dispatcher, client, keep=keeper.keep, start_ns=start_ns, terms=terms, turns=setup.turns(strategy)
            )
        else:
            player = crew.player(client, (strategy, repetition), keeper.keep)
        with calm_collector():
            await player.run()
        run = keeper.finish(player.measures, player.spans(), player.end_ns, complete=player.complete)
    return run, player


def _refuse_overwriting(directories: Iterable[Path]) -> None:
    for directory in directories:
        if (directory / RUN_FILE).exists():
            raise UsageError(f"{directory / RUN_FILE} is an earlier measurement; give another --out")


def _interleaved(names: Sequence[str], repetitions: int) -> Iterator[tuple[int, str]]:
    """Each repetition begins with another strategy, so that none always meets the warm or the tired host."""
    for repetition in range(repetitions):
        shift = repetition % len(names)
        for name in (*names[shift:], *names[:shift]):
            yield repetition, name


def _why_ended(engine: LoadEngine | CrewPlayer) -> str:
    if engine.died is not None:
        return f"the host went away in the middle of a run; what was measured is kept: {engine.died}"
    return "interrupted; what was measured is kept"


async def _check_models(client: OllamaClient, setup: ClientSetup, plans: Sequence[Plan]) -> None:
    """Refuse before anything is touched if a model is missing. `x` and `x:latest` are one name."""
    have = {_full(row.name) for row in await client.tags()}
    needed = {name for plan in plans for name in asked_models(setup, plan)}
    missing = sorted(name for name in needed if _full(name) not in have)
    if missing:
        pulls = " && ".join(f"ollama pull {name}" for name in missing)
        raise UsageError(f"{client.address.url} has no model {', '.join(missing)}; get what is missing: {pulls}")


def _full(name: str) -> str:
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


async def _provenance(client: OllamaClient, setup: ClientSetup, plan: Plan, repeat: int) -> Provenance:
    server = await client.version()
    digests = {_full(row.name): row.digest for row in await client.tags()}
    used = sorted(asked_models(setup, plan))
    since, profile = SCHEDULER_SINCE
    newer = server.numbers is None or server.numbers[:2] >= since
    return Provenance(
        toolkit_version=version("hotswap-toolkit"),
        host=client.address.url,
        server_version=server.text,
        profile=profile if newer else "v0.24",
        models=tuple((name, digests.get(_full(name), "")) for name in used),
        options=option_pairs(setup),
        environment=(),
        hardware="as the host has it",
        plan=plan.name,
        plan_sha256=digest_of(plan.requests),
        seed=plan.seed,
        repeat=repeat,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=("num_predict was set to the plan's output tokens, so that all strategies answer at equal length.",),
        toolkit_commit=toolkit_commit(),
    )
