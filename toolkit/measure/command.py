"""What `hotswap calibrate` does, from a directory to the text of a config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.errors import UsageError
from toolkit.measure.calibrate import Calibration, calibrate, read_material
from toolkit.measure.fit_loads import LEAST_ROWS
from toolkit.measure.recording import REQUESTS
from toolkit.measure.sizes import declared_sizes
from toolkit.measure.twin_yaml import config_text

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.config.loading import LoadedConfig
    from toolkit.stats.interval import Interval

GB = 1e9
MS = 1e3
_NOTHING = 1e-4


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The config's text, and what to say about it."""

    config: str
    text: str
    summary: dict[str, Any]


def calibrated(directory: Path, part: str, seed: int, base: LoadedConfig | None) -> Calibrated:
    """Fit, and write. `base` describes the host so far: its other sections are kept, its models keep their headers.

    Raises:
        InputError: the directory or a file in it cannot be read.
        UsageError: the recording is of a host with GPUs, and no config says which.
        Inconclusive: there is too little of everything.
    """
    source = str(directory) if part == "all" else f"{directory} ({part})"
    section = None if base is None or base.path is None else base.config.twin
    known = {} if section is None else {model.name: declared_sizes(model) for model in section.models}
    # A run of `replay` may be one of a host with GPUs, which without a description would become a host without.
    by_loads = section is None and (directory / REQUESTS).is_file()
    calibration = calibrate(read_material(directory), part, seed, source, None if by_loads else known)
    if calibration.on_gpu and (section is None or not section.gpus):
        raise UsageError(
            f"{directory}: models were on a GPU there; name a config with --config whose twin.gpus says which"
        )
    base_text = None if base is None or base.path is None else base.path.read_text(encoding="utf-8")
    text = config_text(calibration, base_text, section)
    return Calibrated(text, "\n".join(_lines(calibration)), _summary(calibration))


def _lines(calibration: Calibration) -> list[str]:
    lines = [f"calibrated on {calibration.source}"]
    for name, interval, factor, unit in _host_values(calibration):
        if interval is not None:
            low, high = interval.low * factor, interval.high * factor
            value = f"{_number(interval.estimate * factor):>9} {unit:<5}"
            lines.append(f"  {name:<34}{value} ({_number(low)} to {_number(high)}, n {interval.count})")
    if calibration.loads is None:
        lines.append(
            f"  loads: fewer than {LEAST_ROWS} are usable, so the twin keeps the speeds that it had; measure more"
        )
    if calibration.sizes_by_loads:
        lines.append(f"  size by its loads, as nothing says it: {', '.join(calibration.sizes_by_loads)}")
    services = calibration.services
    if services is not None:
        lines.append(f"  {len(services.models)} models, answers spread by {services.spread:.0%} around what is fitted")
        for name, one in services.models.items():
            spread = f"reading ±{one.reading.spread:.0%}" + (
                f", writing ±{one.writing.spread:.0%}" if one.writing else ""
            )
            known = (
                "borrowed from the nearest in size"
                if one.borrowed
                else f"{len(one.reading.residuals)} answers, {spread}"
            )
            lines.append(f"    {name:<24}{known}")
    if any(threads for _, threads in calibration.background):
        lines.append("  other programs took cores during the recording; that was allowed for, and is not in the config")
    return lines


def _number(value: float) -> str:
    """Four digits; what is less than a ten thousandth of its unit is nothing."""
    return f"{0.0 if abs(value) < _NOTHING else value:.4g}"


def _host_values(calibration: Calibration) -> list[tuple[str, Interval | None, float, str]]:
    loads, stops, services = calibration.loads, calibration.stops, calibration.services
    return [
        ("start of a process", None if loads is None else loads.start_s, MS, "ms"),
        ("loading from the page cache", None if loads is None else loads.cached_bytes_per_s, 1 / GB, "GB/s"),
        ("loading from disk", None if loads is None else loads.disk_bytes_per_s, 1 / GB, "GB/s"),
        ("end of a process", None if stops is None else stops.stop_s, MS, "ms"),
        ("for each GB that it held", None if stops is None else stops.s_per_byte, GB * MS, "ms"),
        ("an answer besides its tokens", calibration.answer_s, MS, "ms"),
        ("of that outside the server's total", calibration.client_s, MS, "ms"),
        ("GPU memory comes back after", calibration.recovery_s, MS, "ms"),
        ("cores", None if services is None else services.cores_interval, 1.0, ""),
    ]


def _summary(calibration: Calibration) -> dict[str, Any]:
    return {
        "source": calibration.source,
        "host": {
            name: {
                "value": value.estimate * factor,
                "low": value.low * factor,
                "high": value.high * factor,
                "n": value.count,
                "unit": unit,
            }
            for name, value, factor, unit in _host_values(calibration)
            if value is not None
        },
        "models": {
            name: {
                "answers": len(one.reading.residuals),
                "borrowed": one.borrowed,
                "reading_spread": one.reading.spread,
                "writing_spread": None if one.writing is None else one.writing.spread,
            }
            for name, one in (calibration.services.models.items() if calibration.services else ())
        },
    }
