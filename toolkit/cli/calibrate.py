"""`hotswap calibrate`: the twin's timing model out of measurements of a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.cli.options import global_options_without_host

PARTS = ("all", "first-half", "second-half", "odd", "even")


@click.command("calibrate")
@click.option("--recording", required=True, type=click.Path(path_type=Path), metavar="DIR", help="What was measured.")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.option("--part", type=click.Choice(PARTS), default="all", show_default=True, help="Of the requests only these.")
@click.option("--seed", type=int, default=0, help="Of the resampling that gives the intervals.")
@global_options_without_host
def calibrate(recording: Path, out: Path, part: str, seed: int, **given: Any) -> None:
    """Fit the twin's timing model to measurements, and write it as a config with a `twin` section.

    DIR holds swap_matrix.csv, requests.jsonl or both, with the server's logs if there are any, or the run.jsonl of a
    replay. Loads, stops, the costs of each model's prompts and tokens, and the cores that they share: each with its
    interval and how many observations are behind it. What --config says of the host beside that is kept; a host with
    GPUs has to be described there.

    \b
    hotswap calibrate --recording measured/ --out my-twin.yaml
    hotswap calibrate --recording measured/ --config my-host.yaml --out my-twin.yaml
    hotswap calibrate --recording measured/ --part first-half --out half.yaml
    """  # noqa: D301 - click reads the mark
    from toolkit.cli.whole_file import write_whole  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.measure.command import calibrated  # noqa: PLC0415 - keeps `--help` cheap

    done = calibrated(recording, part, seed, _base(given["config"], quiet=given["quiet"]))
    write_whole(out, done.config)
    click.echo(_json(done.summary, out) if given["as_json"] else f"{done.text}\nconfig: {out}")


def _base(config: str | None, *, quiet: bool) -> Any:
    """The config that describes the host so far, if one is named."""
    import os  # noqa: PLC0415 - keeps `--help` cheap

    from toolkit.cli.options import check_overrides, load_given_config  # noqa: PLC0415
    from toolkit.config.loading import config_path  # noqa: PLC0415

    if config_path(config, os.environ) is None:
        check_overrides(config)
        return None
    return load_given_config(config, quiet=quiet)


def _json(summary: dict[str, Any], out: Path) -> str:
    import json  # noqa: PLC0415 - keeps `--help` cheap

    return json.dumps({"config": str(out), **summary}, indent=2)
