"""The table of GPUs with prices: its file, checked, and the hosts that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from toolkit.config.positions import load_yaml_model, read_yaml_model
from toolkit.config.section import Section, wrong_key
from toolkit.config.twin_parts import GpuSection
from toolkit.errors import InputError
from toolkit.plan.case import Card

if TYPE_CHECKING:
    from pathlib import Path

HOURS_A_YEAR: Final = 8760
BUNDLED: Final = "gpus.yaml"


def _watts(value: Any) -> Any:
    """`450W` as 450."""
    return value.strip().removesuffix("W") if isinstance(value, str) else value


Watts = Annotated[float, BeforeValidator(_watts), Field(ge=0, le=100_000)]
Money = Annotated[float, Field(ge=0, le=1e9)]


class PricedGpu(Section):
    """A GPU; `price` to buy it, or `price_per_hour` to rent it with its machine.

    `fp16_tflops` is dense, on its tensor cores; `watts` at work, `idle` with a model in memory and nothing to do.
    `source` says who says so, and when.
    """

    gpu: GpuSection
    fp16_tflops: Annotated[float, Field(gt=0, le=1e6)] | None = None
    busy_w: Watts = Field(alias="watts")
    idle_w: Watts = Field(alias="idle")
    price: Money | None = None
    price_per_hour: Money | None = None
    source: str = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _the_card_itself(cls, data: Any) -> Any:
        """What describes the card stands beside its price in the file."""
        if not isinstance(data, dict) or "gpu" in data:
            return data
        card = ("name", "memory", "bandwidth", "library", "compute", "bus", "recovery", "integrated")
        return {
            "gpu": {key: data[key] for key in card if key in data},
            **{key: value for key, value in data.items() if key not in card},
        }

    @model_validator(mode="after")
    def _has_one_price(self) -> Self:
        if (self.price is None) == (self.price_per_hour is None):
            raise wrong_key("price", "give either price (to buy it) or price_per_hour (to rent it with its machine)")
        return self


class MachineSection(Section):
    """The rest of a bought machine."""

    price: Money = 0
    idle_w: Watts = Field(default=0, alias="idle")
    busy_w: Watts = Field(default=0, alias="busy")


class GpuTable(Section):
    """The whole file. `years`: how long a bought machine lasts, around the clock; rented ones bring their own power."""

    as_of: Any
    currency: str = "USD"
    machine: MachineSection = Field(default_factory=MachineSection)
    years: Annotated[float, Field(gt=0, le=100)] = 3
    electricity_per_kwh: Money = 0
    gpus: tuple[PricedGpu, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Costs:
    """What a host costs: `fixed_per_h` whether it works or not, watts idle and at work, money for a kWh."""

    fixed_per_h: float
    idle_w: float
    busy_w: float
    per_kwh: float

    def watts(self, busy_share: float) -> float:
        """Mean power at a share of time at work."""
        return self.idle_w + (self.busy_w - self.idle_w) * busy_share

    def per_h(self, busy_share: float) -> float:
        """Money an hour, power included."""
        return self.fixed_per_h + self.watts(busy_share) / 1000 * self.per_kwh


@dataclass(frozen=True, slots=True)
class HostOption:
    """A host that could be bought or rented."""

    name: str
    cards: tuple[Card, ...]
    costs: Costs
    source: str


def load_table(path: Path | None) -> GpuTable:
    """The table of `--gpus-file`, or the bundled one. Raises InputError with a sentence for each mistake."""
    if path is not None:
        return load_yaml_model(path, GpuTable, error=_input_error).value
    data = files("toolkit.plan").joinpath(BUNDLED).read_bytes()
    return read_yaml_model(data, BUNDLED, GpuTable, error=_input_error).value


def _input_error(problems: tuple[str, ...]) -> InputError:
    return InputError("\n".join(problems))


def options_of(table: GpuTable, reference: GpuSection | None, most: int = 2) -> tuple[HostOption, ...]:
    """One host with one GPU of each kind, up to `most`, cheapest first. `reference`: whose speeds the config gives."""
    found = chain.from_iterable(
        (option(table, priced, count, reference) for count in range(1, most + 1)) for priced in table.gpus
    )
    return tuple(sorted(found, key=lambda one: (one.costs.fixed_per_h, one.name)))


def option(table: GpuTable, priced: PricedGpu, count: int, reference: GpuSection | None) -> HostOption:
    """A host with so many of a GPU."""
    card = card_of(table, priced, reference)
    name = priced.gpu.name if count == 1 else f"{count} × {priced.gpu.name}"
    return HostOption(name, (card,) * count, costs_of(table, priced, count), priced.source)


def card_of(table: GpuTable, priced: PricedGpu, reference: GpuSection | None) -> Card:
    """How fast a GPU is beside the one that the config's speeds are given for.

    Writing is bound by memory, so it goes by the bandwidth; reading prompts is bound by arithmetic, so it goes by the
    FP16 throughput where the table knows both cards, else by the bandwidth, too.
    """
    if reference is None:
        return Card(priced.gpu)
    decode = priced.gpu.bandwidth_bytes_per_s / reference.bandwidth_bytes_per_s
    known = find(table, reference.name)
    theirs = None if known is None else known.fp16_tflops
    prefill = priced.fp16_tflops / theirs if priced.fp16_tflops and theirs else decode
    return Card(priced.gpu, prefill, decode)


def costs_of(table: GpuTable, priced: PricedGpu, count: int) -> Costs:
    """Bought: price over its years and its power; rented: the rent, which has the power in it."""
    if priced.price_per_hour is not None:
        return Costs(priced.price_per_hour * count, 0.0, 0.0, 0.0)
    machine = table.machine
    fixed = ((priced.price or 0) * count + machine.price) / (table.years * HOURS_A_YEAR)
    idle_w, busy_w = (
        priced.idle_w * count + machine.idle_w,
        priced.busy_w + priced.idle_w * (count - 1) + machine.busy_w,
    )
    return Costs(fixed, idle_w, busy_w, table.electricity_per_kwh)


def find(table: GpuTable, name: str) -> PricedGpu | None:
    """The table's entry for a GPU by name (blanks, case and the vendor's name do not matter)."""
    return next((one for one in table.gpus if _key(one.gpu.name) == _key(name)), None)


def _key(name: str) -> str:
    bare = "".join(character for character in name.lower() if character.isalnum())
    for vendor in ("nvidia", "geforce", "amd", "radeon"):
        bare = bare.removeprefix(vendor)
    return bare
