"""Makes a host have what the config wants. Only adds and replaces what is declared; nothing else is ever touched.

Fetches run several at a time, creations one after the other once their bases are there. What the host has is looked at
anew before each stage and at the end, so that a second call goes on where the first was broken off.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.errors import HotswapError
from toolkit.ollama.types import CreateRequest
from toolkit.ops.provision.backoff import Fate
from toolkit.ops.provision.desired import model_key
from toolkit.ops.provision.observed import look
from toolkit.ops.provision.plan import Kind, make_plan
from toolkit.ops.provision.sizes import disk_of
from toolkit.ops.provision.transfer import Outcome
from toolkit.ops.provision.verify import wrong_with

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.config.host import ModelDiskSection
    from toolkit.ollama.client import OllamaClient
    from toolkit.ops.provision.desired import Desired
    from toolkit.ops.provision.observed import Observed
    from toolkit.ops.provision.plan import Action, Plan, Size
    from toolkit.ops.provision.transfer import Transfers


class NoRoomError(HotswapError):
    """The disk is too small for what is known to be needed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the config says: models, sizes known before they are there (by `model_key`), the disk."""

    models: tuple[Desired, ...]
    sizes: Mapping[str, Size]
    disk: ModelDiskSection

    def plan(self, observed: Observed) -> Plan:
        """Compare with a host."""
        return make_plan(self.models, observed, self.sizes, disk_of(self.disk, observed.installed))


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one action: `problem` is None if it went well. `tries` is 0 for what was not begun.

    `will_fail_again`: whoever tries once more without changing anything will fail in the same way.
    """

    kind: Kind
    name: str
    problem: str | None = None
    tries: int = 0
    fetched_bytes: int = 0
    will_fail_again: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done, one result an action, and what is left to do after it."""

    results: tuple[Result, ...]
    left: Plan

    @property
    def converged(self) -> bool:
        """Whether the host now has all that is wanted."""
        return not self.left.changes and all(result.problem is None for result in self.results)


@dataclass(slots=True)
class Application:
    """One call of `apply`. `jobs`: how many fetches at a time."""

    client: OllamaClient
    wanted: Wanted
    transfers: Transfers
    jobs: int = 2
    _done: dict[str, Result] = field(default_factory=dict)
    _blobs: dict[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    _is_full: bool = False

    async def run(self) -> Applied:
        """Fetch, make, look again.

        Raises:
            NoRoomError: the disk, as the config states it, cannot hold what is known to be needed.
            OllamaError: the host does not answer, or not as Ollama.
        """
        plan = self.wanted.plan(await self._look())
        refuse_without_room(plan)
        gate = asyncio.Semaphore(self.jobs)
        async with asyncio.TaskGroup() as group:
            for action in plan.changes:
                if action.fetches:
                    group.create_task(self._fetch(action, gate))
        self._verify(await self._look())  # nothing is made of a base that is not the one that is pinned
        await self._make()
        observed = await self._look()
        self._verify(observed)
        return Applied(tuple(self._done.values()), self.wanted.plan(observed))

    async def _look(self) -> Observed:
        return await look(self.client, self.wanted.models)

    async def _fetch(self, action: Action, gate: asyncio.Semaphore) -> None:
        async with gate:
            if self._is_full:
                problem = f"{action.name}: not begun, because the disk is full; make room and apply again"
                self._note(action, Outcome(0, 0), problem)
                return
            outcome = await self.transfers.run(action.name, lambda: self.client.stream_pull(action.name))
            if outcome.fate is Fate.NO_ROOM:
                self._is_full = True
            self._note(action, outcome)

    async def _make(self) -> None:
        """Create what is missing or differs, bases first; as often as one creation makes another one possible."""
        begun: set[str] = set()
        while True:
            plan = self.wanted.plan(await self._look())
            due = [action for action in plan.changes if action.makes and model_key(action.name) not in begun]
            if not due:
                return
            action = due[0]
            begun.add(model_key(action.name))
            await self._create(action)

    async def _create(self, action: Action) -> None:
        recipe = self._desired(action.name).recipe
        if recipe is None:
            raise ValueError(f"{action.name} has no recipe")
        base = self._done.get(model_key(recipe.base))
        if base is not None and base.problem is not None:
            problem = f"{action.name}: not made, because its base {recipe.base} is not there as wanted"
            self._note(action, Outcome(0, 0), problem)
            return
        request = CreateRequest(
            action.name, recipe.base, dict(recipe.parameters) or None, recipe.system, recipe.template
        )
        self._note(action, await self.transfers.run(action.name, lambda: self.client.stream_create(request)))

    def _desired(self, name: str) -> Desired:
        return next(model for model in self.wanted.models if model.key == model_key(name))

    def _note(self, action: Action, outcome: Outcome, problem: str | None = None) -> None:
        key = model_key(action.name)
        said = problem or (None if outcome.error is None else str(outcome.error))
        again = outcome.fate is Fate.NEVER
        self._done[key] = Result(action.kind, action.name, said, outcome.tries, outcome.fetched_bytes, again)
        self._blobs[key] = outcome.blob_bytes

    def _verify(self, observed: Observed) -> None:
        for key, result in self._done.items():
            if result.problem is not None:
                continue
            wrong = wrong_with(self._desired(result.name), observed, self._blobs[key])
            if wrong is not None:
                self._done[key] = Result(result.kind, result.name, wrong, result.tries, result.fetched_bytes)


def refuse_without_room(plan: Plan) -> None:
    """Raise NoRoomError if the disk cannot hold what the plan is known to need."""
    if plan.lacking_bytes:
        raise NoRoomError(
            f"the disk lacks {plan.lacking_bytes / 1e9:.1f} GB: {plan.needed_bytes / 1e9:.1f} GB are needed, "
            f"{(plan.disk.free_bytes or 0) / 1e9:.1f} GB are free as host.disk of the config says; "
            "make room (`hotswap provision prune`), or correct host.disk"
        )
