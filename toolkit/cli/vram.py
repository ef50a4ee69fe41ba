"""`hotswap vram`: what models really take on a host, and where they begin to spill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.cli.options import global_options


@click.command("vram")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--num-ctx", metavar="LIST", help="Contexts, with commas; none: 4096 and its doubles, up to the cliff.")
@click.option("--gpu", "--gpus", "gpus", metavar="NAMES", help="The host's GPUs, as for `hotswap fit`.")
@click.option("--parallel", type=click.IntRange(1, 1024), help="The server's OLLAMA_NUM_PARALLEL; none: the config's.")
@click.option("--kv-type", help="The server's OLLAMA_KV_CACHE_TYPE; none: the config's.")
@click.option("--flash-attn", type=click.Choice(("auto", "on", "off")), default="auto", show_default=True)
@click.option("--ssh", metavar="TARGET", help="USER@HOST: ask nvidia-smi there, too.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Where the results go.")
@global_options
def vram(models: tuple[str, ...], out: Path | None, **given: Any) -> None:
    """Observe what models take on a host at rising contexts, against what `hotswap fit` says.

    Loads each model alone at each context, reads size and size_vram of /api/ps, has it write a little for its tokens a
    second, and closes in on the context at which layers begin to spill to RAM. Writes vram.json and observations.jsonl
    (which `hotswap fit --observed` learns from) to DIR. The host is left as it was found, also after Ctrl-C.

    \b
    hotswap vram --host http://127.0.0.1:11434 qwen2.5:7b --gpu rtx4090
    hotswap vram --config my-host.yaml --host config --num-ctx 8192,16384 --kv-type q8_0
    hotswap vram --config my-host.yaml --host config --ssh ollama@my-host
    """  # noqa: D301 - click reads the mark
    from toolkit.cli.vram_run import run  # noqa: PLC0415 - keeps `--help` cheap

    run(models, out, given)
