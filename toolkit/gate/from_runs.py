"""Our own runs as a side of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.gate.side import Series, Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.metrics.metric import Metric
    from toolkit.replay.records import Run


def run_side(label: str, run: Run, metrics: Sequence[Metric]) -> Side:
    """Return one run with the samples of these metrics."""
    told = run.provenance
    facts = [
        ("strategy", run.strategy),
        ("plan", told.plan),
        ("host", told.host),
        ("hardware", told.hardware),
        ("models", _pairs(told.models)),
        ("options", _pairs(told.options)),
        ("environment", _pairs(told.environment)),
        # The requests follow from plan and seed: under one seed they must be the very same.
        (f"requests of seed {told.seed}", told.plan_sha256),
        ("complete", "yes" if run.complete else "cut short"),
        ("client", "void: " + "; ".join(run.client.void) if run.client is not None and run.client.void else "kept up"),
    ]
    shown = (
        ("seed", str(told.seed)),
        ("started", told.started_at or "virtual time"),
        ("toolkit", told.toolkit_version + (f" ({told.toolkit_commit})" if told.toolkit_commit else "")),
        ("server", f"{told.server_version} (profile {told.profile})" if told.profile else told.server_version),
    )
    series = tuple(
        Series(metric.name, metric.unit, metric.kind, metric.better, (metric.samples(run),)) for metric in metrics
    )
    return Side(label, tuple(facts), shown, series)


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{key}={value[:12]}" for key, value in sorted(pairs)) or "none"
