"""Which lane and which colour a model has, in every figure of one page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.report.measures import requested_models
from toolkit.report.palette import MODELS

if TYPE_CHECKING:
    from toolkit.replay.results import Comparison


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of the timeline: one model, or all that are too many for rows of their own. `ink` is its colour."""

    label: str
    models: frozenset[str]
    ink: str


def lanes(comparison: Comparison) -> tuple[Lane, ...]:
    """Return at most eight lanes: models by their requests, then those only seen in memory; too many share the last."""
    models = list(requested_models(comparison))
    seen = {span.model for run in comparison.runs for span in run.residency}
    models += sorted(seen.difference(models))
    inks = [ink.name for ink in MODELS]
    if len(models) <= len(inks):
        return tuple(Lane(model, frozenset((model,)), ink) for model, ink in zip(models, inks, strict=False))
    own, rest = models[: len(inks) - 1], models[len(inks) - 1 :]
    pooled = Lane(f"{len(rest)} other models", frozenset(rest), inks[-1])
    return (*(Lane(model, frozenset((model,)), ink) for model, ink in zip(own, inks, strict=False)), pooled)


def lane_of(rows: tuple[Lane, ...]) -> dict[str, int]:
    """Return the number of the lane of each model."""
    return {model: row for row, lane in enumerate(rows) for model in lane.models}
