"""What is simulated: hosts with their models, the server's settings, the client's strategy. Plain values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.config.twin_parts import GpuSection


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU to put into a host.

    `prefill_ratio` is how much faster it reads prompts than the GPU that the config's speeds were given for,
    `decode_ratio` how much faster it writes; speeds that the config leaves out follow from the bandwidth.
    """

    gpu: GpuSection
    prefill_ratio: float = 1.0
    decode_ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class Site:
    """One host. `cards` None: the GPUs of the config. `models` None: every model; else it serves only these."""

    cards: tuple[Card, ...] | None = None
    models: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One way to do it.

    `strategy` is a name of the registry, `num_ctx` the context that every request asks for (None: as configured),
    `environment` sorted variables of the server, laid over the config's. Each model is served by the first site that
    has it.
    """

    strategy: str
    num_ctx: int | None = None
    environment: tuple[tuple[str, str], ...] = ()
    sites: tuple[Site, ...] = (Site(),)


@dataclass(frozen=True, slots=True)
class Point:
    """A case at a load, with the random numbers of one repetition: what one simulation decides."""

    case: Case
    load: float
    repetition: int
