"""What stands in a file that describes a mix of clients."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from toolkit.config.section import Section, wrong_key
from toolkit.workload.scenario.schema import ConstantArrivals, DayArrivals, GammaArrivals, PoissonArrivals
from toolkit.workload.scenario.values import DurationNs, TokenSpread


class Client(Section):
    """One client, or `count` alike that do not know of each other; `arrivals` and lengths as in a scenario."""

    name: str = Field(min_length=1)
    count: int = Field(default=1, ge=1, le=100_000)
    model: str | None = Field(default=None, min_length=1)
    arrivals: Annotated[ConstantArrivals | PoissonArrivals | GammaArrivals | DayArrivals, Field(discriminator="kind")]
    prompt_tokens: TokenSpread
    output_tokens: TokenSpread
    num_ctx: int | None = Field(default=None, ge=4)
    priority: int = 0
    start: DurationNs = 0
    end: DurationNs | None = None


class ClientMix(Section):
    """A whole file: how long the traffic lasts, and who makes it."""

    duration: DurationNs
    clients: tuple[Client, ...]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        if not self.duration:
            raise wrong_key("duration", "say how long clients keep coming, as 1h; more than 0s")
        if not self.clients:
            raise wrong_key("clients", "name at least one client")
        seen: set[str] = set()
        for client in self.clients:
            if client.name in seen:
                raise wrong_key("clients", f"two clients are called {client.name!r}; give each a name of its own")
            seen.add(client.name)
        return self
