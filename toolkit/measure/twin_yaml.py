"""A calibration as the `twin` section of a config: each value with its interval, how many observations, and whence."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from toolkit.config.units import format_size
from toolkit.host import timing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.config.twin import TwinSection
    from toolkit.measure.calibrate import Calibration
    from toolkit.measure.fit_services import ModelServices
    from toolkit.measure.sizes import Sizes
    from toolkit.stats.interval import Interval

NS_PER_S = 1e9
MS_PER_S = 1e3
US_PER_S = 1e6
GB = 1e9
GIB = 1 << 30
DIGEST_DIGITS = 64
COMMENT_COLUMN = 34
MOST_SPEED = 1e9


def twin_yaml(calibration: Calibration, base: TwinSection | None) -> str:
    """The section as YAML text. What the recording does not show is taken from `base`, the host as described so far."""
    lines = ["twin:"]
    lines += _host(calibration, base)
    lines += _processes(calibration, timing.DEVICE_START_NS / NS_PER_S if base is not None and base.gpus else 0.0)
    services = calibration.services
    if services is not None and services.cores is not None and not (base and base.gpus):
        cores = services.cores_interval
        note = f"{cores.low:g} to {cores.high:g}, {cores.count} answers that others slowed down" if cores else ""
        lines.append("  cpu:")
        lines.append(_line(4, f"cores: {services.cores.count:g}", note))
        lines.append(_line(4, f"threads: {calibration.threads or 1}", "of one answering runner"))
        if services.cores.drag:
            known = "while other programs filled a core" if services.drag_known else "assumed: nothing here tells"
            lines.append(_line(4, f"drag: {services.cores.drag:g}", known))
    lines.append("  models:")
    for model in calibration.models:
        lines += _model(model, calibration, base)
    if base is not None:
        measured = {model.name for model in calibration.models}
        for other in base.models:
            if other.name not in measured:
                lines += _kept(other.model_dump(mode="json", by_alias=True, exclude_defaults=True))
    return "\n".join(lines) + "\n"


def config_text(calibration: Calibration, base_text: str | None, base: TwinSection | None) -> str:
    """A whole config: the text of the given one with its `twin` section replaced, or one with roles guessed by size."""
    section = twin_yaml(calibration, base)
    if base_text is not None:
        return without_twin(base_text).rstrip("\n") + "\n\n" + section
    by_size = [model.name for model in calibration.models if not model.embedding]
    roles = {"primary": by_size[-1], "code": by_size[len(by_size) // 2], "fast": by_size[0]} if by_size else {}
    head = [f"# Calibrated on {calibration.source}. Intervals hold 95 %.", "llm:"]
    head.append("  models:                         # guessed by size: put your own in")
    head += [f"    {role}: {_quoted(name)}" for role, name in roles.items()]
    return "\n".join(head) + "\n\n" + section


def without_twin(text: str) -> str:
    """The text of a config without its top-level `twin` section and the comments just above it."""
    kept: list[str] = []
    inside = False
    for line in text.splitlines():
        if re.match(r"twin\s*:", line):
            inside = True
        elif inside and line and not line[0].isspace() and not line.startswith("#"):
            inside = False
        if not inside:
            kept.append(line)
    return "\n".join(kept) + "\n"


def _host(calibration: Calibration, base: TwinSection | None) -> Iterator[str]:
    if base is None or not base.gpus:
        yield "  gpus: []"
    else:
        yield "  gpus:"
        for gpu in base.gpus:
            fields = gpu.model_dump(mode="json", by_alias=True, exclude_none=True)
            if calibration.recovery_s is not None:
                fields["recovery"] = f"{calibration.recovery_s.estimate * MS_PER_S:.0f}ms"
            yield "    - {" + ", ".join(f"{key}: {_quoted(str(value))}" for key, value in fields.items()) + "}"
    if base is not None:
        yield f"  profile: {base.profile}"
        yield f"  ram: {format_size(base.ram_bytes)}"
        yield f"  ram_bandwidth: {format_size(base.ram_bandwidth_bytes_per_s)}/s"
    environment = {**(base.env if base else {}), **calibration.environment}
    if environment:
        yield "  env: {" + ", ".join(f"{key}: {_quoted(value)}" for key, value in sorted(environment.items())) + "}"
    spread = max(calibration.loads.spread if calibration.loads else 0.0, 0.0)
    if spread:
        yield _line(2, f"jitter: {spread:.3f}", "sigma of the loads' logarithm")


def _processes(calibration: Calibration, device_start_s: float) -> Iterator[str]:
    """`device_start_s` is what the twin adds to the start of a process on a GPU: it is part of what was fitted."""
    loads, stops = calibration.loads, calibration.stops
    if loads is not None and (loads.disk_bytes_per_s or loads.cached_bytes_per_s):
        yield "  disk:"
        if loads.disk_bytes_per_s is not None:
            yield _line(
                4,
                f"read: {_rate(loads.disk_bytes_per_s)}",
                _range(loads.disk_bytes_per_s, 1 / GB, "GB/s", "loads from disk"),
            )
        if loads.cached_bytes_per_s is not None:
            note = _range(loads.cached_bytes_per_s, 1 / GB, "GB/s", "loads from the page cache")
            yield _line(4, f"cached: {_rate(loads.cached_bytes_per_s)}", note)
    if loads is not None or stops is not None or calibration.answer_s is not None:
        yield "  process:"
    if loads is not None:
        low, middle, high = (
            max(value - device_start_s, 0.0)
            for value in (loads.start_s.low, loads.start_s.estimate, loads.start_s.high)
        )
        start_s = replace(loads.start_s, low=low, estimate=middle, high=high)
        beside = f"loads, beside the {device_start_s:g} s of a GPU" if device_start_s else "loads"
        yield _line(4, f"start: {_ms(start_s)}", _range(start_s, MS_PER_S, "ms", beside))
    if stops is not None:
        yield _line(4, f"stop: {_ms(stops.stop_s)}", _range(stops.stop_s, MS_PER_S, "ms", "stops"))
        per_gb = stops.s_per_byte
        text = f"stop_per_gb: {per_gb.estimate * GB * MS_PER_S:.1f}ms"
        yield _line(4, text, _range(per_gb, GB * MS_PER_S, "ms", "stops"))
    if calibration.answer_s is not None:
        yield _line(4, f"answer: {_ms(calibration.answer_s)}", _range(calibration.answer_s, MS_PER_S, "ms", "answers"))


def _model(model: Sizes, calibration: Calibration, base: TwinSection | None) -> Iterator[str]:
    known = base.model(model.name) if base else None
    yield f"    - name: {_quoted(model.name)}"
    if known is not None:
        given = known.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        for key in ("name", *_SPEEDS):
            given.pop(key, None)
        yield from (f"      {key}: {_flow(value)}" for key, value in given.items())
    else:
        yield f"      size: {format_size(model.file_bytes)}"
        if model.blob is not None:
            yield _line(6, f"digest: {model.blob.ljust(DIGEST_DIGITS, '0')}", "the log's first twelve digits")
        # The header is not in a recording; on a host without GPU nothing asks for it.
        yield from (f"      {key}: 1" for key in _HEADER)
        yield _line(6, f"context_length: {model.context}", "the largest that was loaded")
        if model.embedding:
            yield "      embedding: true"
        kv = f"kv_per_token: {format_size(model.kv_bytes_per_token)}, compute: {format_size(model.compute_bytes)}"
        yield _line(6, f"vram: {{{kv}}}", "by what the runner held")
    services = calibration.services.models.get(model.name) if calibration.services else None
    if services is not None:
        on_gpu = base is not None and bool(base.gpus)
        yield from _speeds(services, "" if on_gpu else "cpu_")


_HEADER = ("blocks", "embedding_length", "head_count", "head_count_kv")
_SPEEDS = (
    "prefill_tok_per_s", "decode_tok_per_s", "cpu_prefill_tok_per_s", "cpu_decode_tok_per_s", "prompt_start",
    "prefill_ns_per_context", "decode_ns_per_context",
)  # fmt: skip


def _speeds(services: ModelServices, prefix: str) -> Iterator[str]:
    start, token, attention = services.reading.terms
    whence = "answers" if not services.borrowed else "no answers of its own: scaled from the nearest in size"
    yield _line(6, f"{prefix}prefill_tok_per_s: {_per_s(token)}", _speed_range(token, whence))
    if start.high > 0:
        yield _line(6, f"prompt_start: {start.estimate * US_PER_S:.0f}us", _range(start, MS_PER_S, "ms", whence))
    if attention.high > 0:
        text = f"prefill_ns_per_context: {attention.estimate * NS_PER_S:.2f}"
        yield _line(6, text, _range(attention, NS_PER_S, "", whence))
    if services.writing is None:
        return
    token, attention = services.writing.terms
    yield _line(6, f"{prefix}decode_tok_per_s: {_per_s(token)}", _speed_range(token, whence))
    if attention.high > 0:
        text = f"decode_ns_per_context: {attention.estimate * NS_PER_S:.1f}"
        yield _line(6, text, _range(attention, NS_PER_S, "", whence))


def _kept(given: dict[str, object]) -> Iterator[str]:
    """A model of the base that the recording does not have."""
    first = True
    for key, value in given.items():
        yield f"    {'-' if first else ' '} {key}: {_flow(value)}"
        first = False


def _flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    return _quoted(value) if isinstance(value, str) else str(value)


def _per_s(seconds: Interval) -> str:
    """Tokens a second; a cost that cannot be told from nothing is written as the largest speed there is."""
    return f"{min(1 / seconds.estimate, MOST_SPEED):.6g}" if seconds.estimate > 0 else f"{MOST_SPEED:.0f}"


def _speed_range(seconds: Interval, what: str) -> str:
    low = f"{1 / seconds.high:.4g}" if seconds.high > 0 else "?"
    high = f"{1 / seconds.low:.4g}" if seconds.low > 0 else "no limit"
    return f"{low} to {high} tok/s{_count(seconds, what)}"


def _range(interval: Interval, factor: float, unit: str, what: str) -> str:
    low, high = interval.low * factor, interval.high * factor
    return f"{low:.3g} to {high:.3g}{' ' if unit else ''}{unit}{_count(interval, what)}"


def _count(interval: Interval, what: str) -> str:
    return f", {interval.count} {what}" if interval.count else f", {what}"


def _rate(interval: Interval) -> str:
    return f"{interval.estimate / GB:.3f}GB/s"


def _ms(seconds: Interval) -> str:
    return f"{seconds.estimate * MS_PER_S:.2f}ms"


def _line(indent: int, text: str, comment: str) -> str:
    text = " " * indent + text
    return f"{text:<{COMMENT_COLUMN}}  # {comment}" if comment else text


def _quoted(text: str) -> str:
    """As YAML: plain where that is unmistakable, else in double quotes."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]*|[0-9]+(\.[0-9]+)?[A-Za-z/]+", text)
    return text if plain and text.lower() not in {"true", "false", "yes", "no", "on", "off", "null"} else f'"{text}"'
