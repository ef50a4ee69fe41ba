"""How one load goes, as the engine and whatever disturbs it agree on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from toolkit.host.scheduler import LoadFailure


class LoadCourse(NamedTuple):
    """The course of a load: an invented duration, which the time scale stretches, and one that it does not."""

    duration_ns: int
    extra_ns: int = 0
    failure: LoadFailure | None = None
    """The process crashes at the end."""


class Mishap(Protocol):
    """Changes the course of loads; called once at the start of each."""

    def __call__(self, model: str, course: LoadCourse) -> LoadCourse:
        """The course that it takes instead; `model` is the name that was asked for."""


def undisturbed(model: str, course: LoadCourse) -> LoadCourse:
    """No mishap."""
    del model
    return course
