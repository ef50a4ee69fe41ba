"""`hotswap swap`: how long every change of model takes on a host, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.cli.options import global_options


@click.command("swap")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--repeat", type=click.IntRange(1, 1000), default=6, show_default=True, help="Samples of each pair.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the order in which pairs are measured.")
@click.option("--num-ctx", type=click.IntRange(4), help="Context that every request asks for; none: the server's own.")
@click.option("--ram", metavar="SIZE", help="RAM that the host can use as page cache: tells what may still be cached.")
@click.option("--drop-caches", is_flag=True, help="Measure loads from disk, too: drops the host's page cache over ssh.")
@click.option("--ssh", metavar="TARGET", help="USER@HOST for --drop-caches; none: the config's host.ssh.")
@click.option("--yes", is_flag=True, help="Do not ask before the page cache is dropped.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Where the results go.")
@global_options
def swap(models: tuple[str, ...], out: Path | None, **given: Any) -> None:
    """Measure every change of model on a host, and say what holds it back.

    For each ordered pair of models (by default the config's) and for each model from nothing: how long the change
    takes, split into queue, eviction, memory recovery, load, prefill and first token as far as there is evidence.
    Writes a page, swap.json and swap_matrix.csv (which `hotswap calibrate` reads) to DIR. The host is left as it was
    found, also after Ctrl-C, and what was measured is kept.

    \b
    hotswap swap --host http://127.0.0.1:11434 qwen2.5:7b llama3.1:8b --repeat 10
    hotswap swap --config my-host.yaml --host config --num-ctx 8192 --ram 56GiB
    hotswap swap --config my-host.yaml --host config --drop-caches --ssh ollama@my-host
    """  # noqa: D301 - click reads the mark
    from toolkit.cli.swap_run import finish, run  # noqa: PLC0415 - keeps `--help` cheap

    study, directory = run(models, out, given)
    finish(study, directory, given)
