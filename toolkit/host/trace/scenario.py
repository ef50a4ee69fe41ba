"""Scenarios in the golden format: one JSON object a line, checked on reading.

Only the input part is turned into records; `expected` and `alternatives` are kept apart for `check`.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolkit.errors import InputError, UsageError
from toolkit.host.scheduler import profile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Count = Field(ge=0)
SHOWN_IDS = 5


class _Part(BaseModel):
    """Strict about types; keys that are not in the format are ignored, so that newer recordings can be read."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class ScenarioGpu(_Part):
    """A GPU of the scenario's host."""

    id: str
    library: str
    total: int = Count
    free_at_start: int = Count
    recovery_delay_ns: int = Count
    integrated: bool = False
    compute_major: int = 8


class ScenarioHost(_Part):
    """The scenario's host; without GPUs a CPU host."""

    gpus: tuple[ScenarioGpu, ...] = Field(strict=False)
    system_memory_total: int = Count
    system_memory_free: int = Count


class ScenarioModel(_Part):
    """A model: what the scheduler reads of it, and what the fake runner does."""

    name: str
    digest: str
    file_size: int = Count
    architecture: str
    block_count: int = Count
    embedding_length: int = Count
    head_count: int = Count
    head_count_kv: int = Count
    context_length: int = Count
    embedding: bool = False
    options: dict[str, Any] | None = None
    load_ns: int = Count
    unload_ns: int = Count
    vram: int = Count
    vram_per_token: int = Field(default=0, ge=0)
    total_extra: int = Field(default=0, ge=0)
    fail: Literal["error", "oom"] | None = None
    fail_after_ns: int | None = None
    fail_attempts: int | None = None
    fail_num_ctx_above: int | None = None
    fail_if_others_loaded: bool = False


class ScenarioRequest(_Part):
    """A request of the scenario."""

    id: str
    at_ns: int = Count
    model: str
    kind: Literal["chat", "preload", "unload"] = "chat"
    keep_alive: Any = None
    options: dict[str, Any] | None = None
    service_ns: int = Field(default=0, ge=0)
    cancel_at_ns: int | None = None


class Scenario(_Part):
    """One scenario's input."""

    id: str
    description: str = ""
    profile: str = "v0.32"
    host: ScenarioHost
    env: dict[str, str] = Field(default_factory=dict)
    models: tuple[ScenarioModel, ...] = Field(strict=False)
    requests: tuple[ScenarioRequest, ...] = Field(strict=False)
    slots: bool = False
    end_ns: int = Count


class Line(NamedTuple):
    """A line of a file: the scenario, and the whole object for those who may look at what is expected."""

    place: str
    """`FILE:LINE`."""
    scenario: Scenario
    document: dict[str, Any]


def read_lines(path: Path) -> Iterator[Line]:
    """The scenarios of a file, one by one. Raises InputError naming file and line for what cannot be read."""
    try:
        with path.open(encoding="utf-8") as file:
            found = False
            for number, text in enumerate(file, start=1):
                if text.strip():
                    found = True
                    yield _line(f"{path}:{number}", text)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text: {error.reason} at byte {error.start}") from error
    if not found:
        raise InputError(f"{path}: holds no scenario; one JSON object a line is expected")


def _line(place: str, text: str) -> Line:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InputError(f"{place}: a scenario is a JSON object, this is {type(document).__name__}")
    try:
        scenario = Scenario.model_validate(document)
    except ValidationError as error:
        raise InputError(f"{place}: {_sentence(error)}") from error
    _check_names(place, scenario)
    return Line(place, scenario, document)


def _sentence(error: ValidationError) -> str:
    """The first problem as `models.0.file_size: Input should be a valid integer, found 'x'`, and how many more."""
    problems = error.errors(include_url=False)
    first = problems[0]
    where = ".".join(str(part) for part in first["loc"])
    found = "" if first["type"] == "missing" else f", found {first['input']!r:.60}"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{where}: {first['msg']}{found}{more}"


def _check_names(place: str, scenario: Scenario) -> None:
    try:
        profile(scenario.profile)
    except UsageError as error:
        raise InputError(f"{place}: profile: {error}") from error
    names = [model.name for model in scenario.models]
    for kind, values in (("model", names), ("request", [request.id for request in scenario.requests])):
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise InputError(f"{place}: {kind} {twice!r} is there twice; names must differ")
    for request in scenario.requests:
        if request.model not in names:
            known = ", ".join(names) or "none"
            raise InputError(f"{place}: request {request.id} asks for {request.model!r}; the models are {known}")


def find_scenario(path: Path, scenario_id: str | None) -> Scenario:
    """The scenario of this id; without one, the only scenario of the file. Raises InputError saying which there are."""
    scenarios = [line.scenario for line in read_lines(path)]
    if scenario_id is None and len(scenarios) == 1:
        return scenarios[0]
    found = next((scenario for scenario in scenarios if scenario.id == scenario_id), None)
    if found is not None:
        return found
    ids = [scenario.id for scenario in scenarios]
    close = get_close_matches(scenario_id or "", ids, n=3) or ids[:SHOWN_IDS]
    what = "holds several scenarios; name one with --scenario" if scenario_id is None else f"has no {scenario_id!r}"
    raise InputError(f"{path}: {what}, such as {', '.join(close)} ({len(ids)} in all)")
