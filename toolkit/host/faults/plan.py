"""A plan of faults, and reading one from a file.

seed: 7
faults:
  - fault: stall
    for: 30s
    when: {path: /api/chat, nth: 2}
  - fault: out_of_memory
    when: {model: "qwen2.5:32b", times: 1}
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_type_hints

from pydantic import BaseModel, Field, create_model, field_validator

from toolkit.config.positions import load_yaml_model
from toolkit.config.section import Section
from toolkit.errors import InputError
from toolkit.host.faults.conditions import ClockJump, GpuMemoryTaken, SlowDisk
from toolkit.host.faults.delays import SlowTokens, Stall, StallStream
from toolkit.host.faults.garbling import ErrorLine, HalfLine, HttpError, WrongContentType
from toolkit.host.faults.loads import LoadFails, LoadHangs, OutOfMemory
from toolkit.host.faults.pulls import PullCorrupts, PullFillsDisk, PullRepeats, PullStops
from toolkit.host.faults.rivals import ModelDeleted, StuckEviction
from toolkit.host.faults.severing import Refuse, Reset
from toolkit.host.faults.when import LoadWhen, RequestWhen, Span

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "KINDS",
    "ClockJump",
    "ErrorLine",
    "Fault",
    "FaultPlan",
    "GpuMemoryTaken",
    "HalfLine",
    "HttpError",
    "LoadFails",
    "LoadHangs",
    "LoadWhen",
    "ModelDeleted",
    "OutOfMemory",
    "PullCorrupts",
    "PullFillsDisk",
    "PullRepeats",
    "PullStops",
    "Refuse",
    "RequestWhen",
    "Reset",
    "SlowDisk",
    "SlowTokens",
    "Span",
    "Stall",
    "StallStream",
    "StuckEviction",
    "WrongContentType",
    "kind_of",
    "load_faults",
]

KINDS: tuple[tuple[str, type[Any]], ...] = (
    ("refuse", Refuse),
    ("reset", Reset),
    ("stall", Stall),
    ("stall_stream", StallStream),
    ("slow_tokens", SlowTokens),
    ("half_line", HalfLine),
    ("wrong_content_type", WrongContentType),
    ("http_error", HttpError),
    ("error_line", ErrorLine),
    ("load_fails", LoadFails),
    ("load_hangs", LoadHangs),
    ("out_of_memory", OutOfMemory),
    ("model_deleted", ModelDeleted),
    ("stuck_eviction", StuckEviction),
    ("slow_disk", SlowDisk),
    ("gpu_memory_taken", GpuMemoryTaken),
    ("clock_jump", ClockJump),
    ("pull_stops", PullStops),
    ("pull_repeats", PullRepeats),
    ("pull_corrupts", PullCorrupts),
    ("pull_fills_disk", PullFillsDisk),
)
"""Every fault with its name in files, in the order of docs/faults.md."""

Fault = (
    Refuse | Reset | Stall | StallStream | SlowTokens | HalfLine | WrongContentType | HttpError | ErrorLine
    | LoadFails | LoadHangs | OutOfMemory | ModelDeleted | StuckEviction | SlowDisk | GpuMemoryTaken | ClockJump
    | PullStops | PullRepeats | PullCorrupts | PullFillsDisk
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class FaultPlan:
    """What goes wrong. Of several faults that hit one request all apply; the first one is nearest to the client."""

    faults: tuple[Fault, ...] = ()
    seed: int = 0


def kind_of(fault: Fault) -> str:
    """The name of a fault in files."""
    return next(name for name, record in KINDS if record is type(fault))


def load_faults(path: Path) -> FaultPlan:
    """Read a plan from a YAML or JSON file.

    Raises:
        InputError: with one `FILE:LINE: …` sentence for each mistake.
    """
    read = load_yaml_model(path, _file_model(), error=lambda problems: InputError("\n".join(problems)))
    entries: Any = read.value
    return FaultPlan(tuple(_record(entry) for entry in entries.faults), entries.seed)


def _file_model() -> type[BaseModel]:
    """The model of a file, made from the records, so that each field is said once."""
    spans = _section("Span", Span, {"on": (_section("On", RequestWhen, {}) | None, None)})
    whens = {RequestWhen: _section("When", RequestWhen, {}), LoadWhen: _section("LoadWhen", LoadWhen, {}), Span: spans}
    arms = []
    for name, record in KINDS:
        own: dict[str, Any] = {"fault": (Literal[name], ...)}
        for field in dataclasses.fields(record):
            if field.type in whens or field.name in {"when", "span"}:
                kind = get_type_hints(record)[field.name]
                own[field.name] = (whens[kind], Field(default_factory=whens[kind]))
        arms.append(_section(record.__name__, record, own))
    union: Any = Union[tuple(arms)]  # noqa: UP007 - made at run time
    entry: Any = Annotated[union, Field(discriminator="fault")]
    model: type[BaseModel] = create_model("Faults", __base__=Section, seed=(int, 0), faults=(tuple[entry, ...], ()))
    return model


class _When(Section):
    """One number may stand for a list of one."""

    @field_validator("nth", mode="before", check_fields=False)
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, int) and not isinstance(value, bool) else value


def _section(name: str, record: type[Any], own: dict[str, Any]) -> type[Section]:
    """A section with the fields of a record; `own` takes the place of some. What only Python can say is left out."""
    hints = get_type_hints(record, include_extras=True)
    fields: dict[str, Any] = dict(own)
    for field in dataclasses.fields(record):
        if field.name in own or field.name == "predicate":
            continue
        default = ... if field.default is dataclasses.MISSING else field.default
        fields[field.name] = (hints[field.name], default)
    made: type[Section] = create_model(name, __base__=_When, **fields)
    return made


_RECORDS = {record.__name__: record for _, record in KINDS} | {"When": RequestWhen, "On": RequestWhen}
_RECORDS |= {"LoadWhen": LoadWhen, "Span": Span}


def _record(section: BaseModel) -> Any:
    """The record of a section."""
    values = {name: getattr(section, name) for name in type(section).model_fields if name != "fault"}
    plain = {name: _record(value) if isinstance(value, BaseModel) else value for name, value in values.items()}
    return _RECORDS[type(section).__name__](**plain)
