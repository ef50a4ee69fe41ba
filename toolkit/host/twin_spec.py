"""A whole simulated host as one frozen description: hardware, models with sizes and speeds, server settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.fit.takes import ByFigures, Said

if TYPE_CHECKING:
    from toolkit.fit.takes import Takes
    from toolkit.host.machine import HostHardware
    from toolkit.host.scheduler import ModelSpec
    from toolkit.host.timing import HostSpeeds, ModelCost
    from toolkit.host.virtual import Cores


@dataclass(frozen=True, slots=True)
class TwinModel:
    """A model of the simulated host: what the scheduler knows of it, and what it really costs."""

    spec: ModelSpec
    cost: ModelCost
    known: Takes | None = field(default=None, repr=False)
    """What it takes of the memory; None: what the figures of the cost say. What tells it from others is in the cost."""

    @property
    def takes(self) -> Takes:
        """What it takes of the memory."""
        return self.known or figures_of(self.cost)


@dataclass(frozen=True, slots=True)
class TwinSpec:
    """A simulated host. `environment` holds the server's variables; `jitter_sigma` spreads all durations (0: exact).

    `process_overhead_bytes` is what CUDA takes for each process on each GPU, and no log tells.
    """

    hardware: HostHardware
    models: tuple[TwinModel, ...]
    environment: tuple[tuple[str, str], ...]
    profile: str
    server_version: str
    speeds: HostSpeeds
    jitter_sigma: float
    description: str
    cores: Cores | None = None
    """None: what computes at the same time does not slow each other down."""
    process_overhead_bytes: int = 0

    def model(self, name: str) -> TwinModel | None:
        """The model of this name."""
        return next((model for model in self.models if model.spec.name == name), None)


def figures_of(cost: ModelCost, estimated: str = "") -> ByFigures:
    """A model by the figures of its cost."""
    said = Said(cost.weights_bytes, cost.kv_bytes_per_token, cost.compute_bytes)
    return ByFigures(said, cost.layers, estimated)
