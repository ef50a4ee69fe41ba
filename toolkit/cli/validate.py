"""`hotswap validate`: a recording against the calibrated twin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.options import global_options_without_host

if TYPE_CHECKING:
    from toolkit.measure.validate import Service

PARTS = ("all", "first-half", "second-half", "odd", "even")


@click.command("validate")
@click.option("--recording", required=True, type=click.Path(path_type=Path), metavar="DIR", help="What was measured.")
@click.option("--service", type=click.Choice(("model", "measured")), default="model", show_default=True)
@click.option("--part", type=click.Choice(PARTS), default="all", show_default=True, help="Of the requests score these.")
@click.option("--runs", type=click.IntRange(1, 1000), help="1: nothing varies. Default: 25, with measured services 1.")
@click.option("--background/--no-background", default=True, help="Give the twin the other programs that ran, or none.")
@global_options_without_host
def validate(recording: Path, service: Service, part: str, runs: int | None, *, background: bool, **given: Any) -> None:
    """Play recorded traffic on the twin of a config, and say how far the two are apart.

    Judge a calibration by another recording than it was made from, or by the other half. The whole recording is always
    played, since each request meets what those before it have left; only --part is scored. With --service measured each
    answer lasts as long as it did, so that only the scheduler, loads and stops are under test.

    \b
    hotswap validate --config my-twin.yaml --recording measured-next-day/
    hotswap validate --config half.yaml --recording measured/ --part second-half
    hotswap validate --config my-twin.yaml --recording measured/ --service measured --json
    """  # noqa: D301 - click reads the mark
    from toolkit.cli.options import load_given_twin  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.measure.traffic import read_traffic  # noqa: PLC0415
    from toolkit.measure.validate import RUNS  # noqa: PLC0415
    from toolkit.measure.validate import validate as validated  # noqa: PLC0415

    loaded = load_given_twin(given["config"], quiet=given["quiet"])
    seen = read_traffic(recording)
    result = validated(seen, loaded.config.twin, service, part, runs=runs or RUNS[service], background=background)
    click.echo(_shown(result, str(recording), str(loaded.path or "the embedded default"), as_json=given["as_json"]))


def _shown(result: Any, recording: str, config: str, *, as_json: bool) -> str:
    import json  # noqa: PLC0415 - keeps `--help` cheap

    from toolkit.measure.validation_text import validation_json, validation_text  # noqa: PLC0415

    if as_json:
        return json.dumps(validation_json(result), indent=2)
    return validation_text(result, recording, config)
