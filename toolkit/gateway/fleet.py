"""The hosts behind the gateway: who has which model, who gets a request, who is looked at when."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from toolkit.config.scalars import canonical_model_name, model_key
from toolkit.gateway.refusal import Refusal, Why

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from toolkit.gateway.ask import Ask
    from toolkit.gateway.backend import Backend

NS_PER_S = 1_000_000_000
BUSY_LOOK_S = 1.0
"""How old a look at `/api/ps` may be while somebody uses the host."""
IDLE_LOOK_S = 15.0
LIST_S = 30.0
"""How old a list of the models on disk may be."""
_SHOWN = 60
"""How much of a wrong name is said back, in characters."""


class Fleet:
    """See the module. The first host is the one that answers for all where that is enough (`/api/version`)."""

    def __init__(self, backends: Sequence[Backend]) -> None:
        self.backends = tuple(backends)

    async def place(self, model: str, tried: Collection[str] = ()) -> Backend:
        """The host for a request: of those that have the model and answer, one that has it in memory, else the idlest.

        A model that none of these is known to have is looked for once more, and then goes to the first host that
        answers, which says what it says about a model that is not there.

        Raises:
            Refusal: no host can be asked now.
        """
        able = [backend for backend in self._allowed() if backend.name not in tried]
        if not able:
            raise _nobody(self.backends)
        having = [backend for backend in able if backend.has(model)]
        if not having:
            await asyncio.gather(*(backend.list_installed() for backend in able))
            having = [backend for backend in able if backend.has(model)] or able[:1]
        if len(having) == 1:
            return having[0]
        name = self.name_of(model) or model
        return min(having, key=lambda backend: (name not in backend.resident(), backend.gate.waiting))

    def first(self) -> Backend:
        """A host for a call about no model. Raises Refusal if none can be asked now."""
        able = self._allowed()
        if not able:
            raise _nobody(self.backends)
        return able[0]

    def named(self, name: str) -> Backend:
        """The host of this name of `gateway.hosts`. Raises Refusal if there is none, or it cannot be asked now."""
        for backend in self.backends:
            if backend.name == name:
                if backend.breaker.allows(backend.clock_ns()):
                    return backend
                raise _nobody((backend,))
        names = ", ".join(backend.name for backend in self.backends)
        raise Refusal(Why.BAD_REQUEST, f"X-Hotswap-Host: there is no host {name[:_SHOWN]!r}; the hosts are: {names}")

    def name_of(self, model: str) -> str | None:
        """The name under which a host has the model on disk, however it is spelled here; None if none has it."""
        for backend in self.backends:
            if model in backend.installed:
                return model
        key = model_key(model)
        return next((backend.spellings[key] for backend in self.backends if key in backend.spellings), None)

    def as_installed(self, ask: Ask) -> Ask:
        """The request under the name that its model has on a host, which a client may spell with other letters.

        The host is sent the client's spelling, and finds the model all the same.
        """
        name = self.name_of(ask.name)
        return ask if name is None or name == ask.name else replace(ask, name=name)

    def context_of(self, model: str) -> int | None:
        """The context of a model that is in memory, in tokens, the smallest of all hosts; None if that is not known."""
        name = self.name_of(model) or canonical_model_name(model)
        rows = (row for backend in self.backends for row in backend.rows if row.name == name)
        return min((row.context_length for row in rows if row.context_length), default=None)

    async def keep_looking(self) -> None:
        """Look at all hosts for ever: often while they are used, rarely else."""
        await asyncio.gather(*(_keep_looking(backend) for backend in self.backends))

    def watched(self) -> None:
        """Somebody looks on: hosts are looked at as often as if they were used, and their end is noticed."""
        for backend in self.backends:
            backend.was_used = True

    def stop(self) -> None:
        """Turn away all that waits; what is being answered goes on."""
        for backend in self.backends:
            backend.gate.close()

    async def aclose(self) -> None:
        """Close every connection."""
        for backend in self.backends:
            await backend.client.aclose()

    def _allowed(self) -> list[Backend]:
        return [backend for backend in self.backends if backend.breaker.allows(backend.clock_ns())]


def _nobody(backends: Sequence[Backend]) -> Refusal:
    left_ns = min(backend.breaker.left_ns(backend.clock_ns()) for backend in backends)
    names = ", ".join(backend.client.address.url for backend in backends)
    return Refusal(Why.NO_HOST, f"no host answers ({names}); it is tried again", max(1, -(-left_ns // NS_PER_S)))


async def _keep_looking(backend: Backend) -> None:
    looked_s = listed_s = -math.inf
    loop = asyncio.get_running_loop()
    while True:
        now_s = loop.time()
        due = backend.was_used or not backend.is_ready or now_s - looked_s >= IDLE_LOOK_S
        if due and await look_at(backend):
            looked_s = now_s
            backend.was_used = bool(backend.gate.waiting or backend.gate.running_by_model())
            if now_s - listed_s >= LIST_S and await backend.list_installed():
                listed_s = now_s
        await asyncio.sleep(BUSY_LOOK_S)


async def look_at(backend: Backend) -> bool:
    """Look at a host, and let its breaker learn from that, so that one that is back is found without a request.

    A host that is left alone is looked at only if it did not answer the last time, and it being back is news; what
    fails its requests and answers looks is not well. False if it was not looked at, or does not answer.
    """
    breaker, was_gone = backend.breaker, not backend.answers_looks
    is_due = breaker.allows(backend.clock_ns())
    if not is_due and not was_gone:
        return False
    if is_due:
        breaker.tries()
    answers = await backend.look()
    if answers and (is_due or was_gone):
        breaker.worked()
    elif is_due:
        breaker.failed(backend.clock_ns())
    return answers
