"""What hosts have shown of their loaded models: a file of JSON lines, one observation a line.

`hotswap vram` writes such a file, `hotswap fit --observed FILE` learns from it. A line is one object:

    {"schema": 1, "model": "qwen2.5:7b", "digest": "2bada8a7…", "num_ctx": 8192, "parallel": 1, "kv_type": "f16",
     "flash_attn": "auto", "batch": null, "size_vram_bytes": 5435817984, "size_bytes": 5435817984,
     "context_length": 8192, "host": "http://127.0.0.1:11434", "server_version": "0.32.15",
     "observed_at": "2026-11-28T01:02:03Z"}

`num_ctx` is the context of a slot that was asked for, `context_length` the one that `/api/ps` showed (null if it showed
none). `size_vram_bytes` and `size_bytes` are `size_vram` and `size` of `/api/ps`; they differ if layers spilled.
`batch` null: whatever the server chose. `kv_type` and `flash_attn` are the server's settings as far as they are known.
Lines stand in the order in which they were seen; unknown keys are refused, so that a typing error is not a silent gap.
Nothing here touches a file: `parse_observations` takes lines, `observation_line` gives one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from toolkit.errors import InputError, UsageError
from toolkit.fit.setting import FLASH_ATTENTION, KV_TYPES, FlashAttention, Setting

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class HostObservation:
    """One loaded model as `/api/ps` showed it; the fields are those of a line (see the module).

    Raises UsageError if a value is impossible.
    """

    model: str
    digest: str
    num_ctx: int
    size_vram_bytes: int
    size_bytes: int
    host: str
    server_version: str
    observed_at: str
    context_length: int | None = None
    parallel: int = 1
    kv_type: str = "f16"
    flash_attn: FlashAttention = "auto"
    batch: int | None = None

    def __post_init__(self) -> None:
        if not self.model:
            raise UsageError("model is empty")
        if not 0 <= self.size_vram_bytes <= self.size_bytes:
            raise UsageError(
                f"size_vram_bytes is {self.size_vram_bytes}, not between 0 and size_bytes ({self.size_bytes})"
            )
        if self.kv_type not in KV_TYPES or self.flash_attn not in FLASH_ATTENTION:
            raise UsageError(f"kv_type {self.kv_type!r} or flash_attn {self.flash_attn!r} is unknown")
        for name in ("num_ctx", "parallel", "batch", "context_length"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}; it must be 1 or more")
        try:
            datetime.fromisoformat(self.observed_at)
        except ValueError as error:
            raise UsageError(f"observed_at is {self.observed_at!r}, no time like 2026-11-28T01:02:03Z") from error

    @property
    def on_gpus_only(self) -> bool:
        """True if nothing spilled: only then does the number say what the whole model takes."""
        return self.size_vram_bytes == self.size_bytes > 0

    def setting(self, batch: int) -> Setting:
        """The setting of the load; `batch` is used where the line does not say."""
        return Setting(
            num_ctx=self.context_length or self.num_ctx,
            parallel=self.parallel,
            batch=self.batch or batch,
            kv_type=self.kv_type,
            flash_attn=self.flash_attn,
        )


def observation_line(seen: HostObservation) -> str:
    """The observation as one line of JSON, without the line's end."""
    return json.dumps({"schema": SCHEMA, **asdict(seen)}, ensure_ascii=False)


def parse_observations(lines: Iterable[str], name: str) -> tuple[HostObservation, ...]:
    """Observations out of lines; empty lines are left out. Raises InputError that begins with `NAME:LINE`."""
    return tuple(_parsed(line, f"{name}:{number}") for number, line in enumerate(lines, start=1) if line.strip())


_TYPES: Final[dict[str, tuple[type, ...]]] = {
    **dict.fromkeys(("model", "digest", "host", "server_version", "observed_at", "kv_type", "flash_attn"), (str,)),
    **dict.fromkeys(("num_ctx", "parallel", "size_vram_bytes", "size_bytes"), (int,)),
    **dict.fromkeys(("batch", "context_length"), (int, type(None))),
}
_NEEDED: Final = tuple(one.name for one in fields(HostObservation))[:8]
"""The fields without a default; they stand first."""


def _parsed(line: str, where: str) -> HostObservation:
    try:
        value = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{where}: not JSON; an observation is one JSON object a line") from error
    if not isinstance(value, dict):
        raise InputError(f"{where}: an observation is a JSON object")
    schema = value.pop("schema", None)
    if schema != SCHEMA:
        raise InputError(f"{where}: schema is {schema!r}; this version reads {SCHEMA}")
    _check(value, where)
    try:
        return HostObservation(**value)
    except UsageError as error:
        raise InputError(f"{where}: {error}") from error


def _check(value: dict[str, Any], where: str) -> None:
    unknown = sorted(value.keys() - _TYPES.keys())
    if unknown:
        raise InputError(f"{where}: {unknown[0]!r} is no key of an observation; there are {', '.join(_TYPES)}")
    missing = [name for name in _NEEDED if name not in value]
    if missing:
        raise InputError(f"{where}: {missing[0]} is missing")
    for key, given in value.items():
        if not isinstance(given, _TYPES[key]) or isinstance(given, bool):
            wanted = " or ".join("null" if kind is type(None) else kind.__name__ for kind in _TYPES[key])
            raise InputError(f"{where}: {key} is {given!r}, not of type {wanted}")
