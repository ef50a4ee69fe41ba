"""What a cache strategy is: a pure object that turns what a client can see into what a client can ask for.

A strategy never talks to a host. For each request the driver (virtual or live, it cannot tell which) hands it an
`Access` and a `HostView`, performs the `Directive` that comes back, sends the request, and later reports the
`Answer`. A strategy may keep state of its own, but only from these values: the same calls give the same directives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Access:
    """One request, about to be sent at `now_ns`, for `model`, which is spelt as `/api/ps` spells it (with its tag)."""

    request_id: str
    model: str
    now_ns: int


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """One row of `/api/ps`.

    `vram_bytes` is its size_vram; `expires_at_ns` is when the keep_alive ends (None: not known).
    """

    name: str
    digest: str
    vram_bytes: int
    size_bytes: int
    expires_at_ns: int | None


@dataclass(frozen=True, slots=True)
class HostView:
    """What a client can know before a request.

    The rows of `/api/ps`, and how many of its own requests are under way for each model.
    """

    loaded: tuple[LoadedModel, ...]
    in_flight: tuple[tuple[str, int], ...]

    def is_loaded(self, model: str) -> bool:
        """Whether `/api/ps` lists the model."""
        return any(row.name == model for row in self.loaded)

    def is_busy(self, model: str) -> bool:
        """Whether one of this client's own requests for the model has not been answered."""
        return any(name == model and count > 0 for name, count in self.in_flight)


@dataclass(frozen=True, slots=True)
class Directive:
    """What to do around one request.

    `unload_before`: models to unload by an explicit call, in this order, before the request is sent. `keep_alive_ns`:
    what the request carries; None sends nothing, 0 unloads after the answer, negative is for ever. `preload_after`:
    models to load with an empty prompt once the answer is there.
    """

    keep_alive_ns: int | None = None
    unload_before: tuple[str, ...] = ()
    preload_after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request ended, as the client saw it.

    `load_ns` is the answer's own counter (queue, eviction and load together), None if it had none.
    """

    done_ns: int
    load_ns: int | None
    ok: bool


class Strategy(Protocol):
    """The interface of every strategy; see the module's docstring for who calls what when."""

    @property
    def name(self) -> str:
        """The name used on the command line and in reports."""
        ...

    @property
    def reads_memory(self) -> bool:
        """Whether `before` reads `view.loaded`: a live client then asks `/api/ps` before each request.

        For others `view.loaded` is what was seen last, perhaps nothing.
        """
        ...

    def before(self, access: Access, view: HostView) -> Directive:
        """Decide what to do around this request."""
        ...

    def after(self, access: Access, answer: Answer) -> None:
        """Learn how it ended."""
        ...


class Room(Protocol):
    """Whether the server would load a model beside others, as far as the client can know.

    The knowledge comes from the config.
    """

    def fits(self, wanted: str, resident: frozenset[str]) -> bool:
        """True if `wanted` can be loaded while all of `resident` stay loaded."""
        ...
