"""`hotswap fit`: will it fit, and which models fit together?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.options import global_options

if TYPE_CHECKING:
    from toolkit.fit.report import Question, Report


@click.command("fit")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--gpu", "--gpus", "gpus", metavar="NAMES", help="rtx4090, 24GiB, 2xa6000, or several with commas.")
@click.option("--num-ctx", type=click.IntRange(4), help="Context of a slot; none: the automatic one, and 4096.")
@click.option("--parallel", type=click.IntRange(1, 1024), default=1, show_default=True, help="OLLAMA_NUM_PARALLEL.")
@click.option("--kv-type", default="f16", show_default=True, help="f16, q8_0, q4_0: OLLAMA_KV_CACHE_TYPE.")
@click.option("--flash-attn", type=click.Choice(("auto", "on", "off")), default="auto", show_default=True)
@click.option("--max-models", type=click.IntRange(1), help="OLLAMA_MAX_LOADED_MODELS; none: three for each GPU.")
@click.option("--overhead", metavar="SIZE", default="450MiB", show_default=True, help="CUDA's own, a process and GPU.")
@click.option("--observed", type=click.Path(path_type=Path), metavar="FILE", help="Learn from what `hotswap vram` saw.")
@click.option("--picture", type=click.Path(path_type=Path), metavar="FILE.svg", help="Draw it, too.")
@click.option("--cases", type=click.Path(path_type=Path), metavar="FILE", help="One JSON case a line, one answer each.")
@global_options
def fit(models: tuple[str, ...], cases: Path | None, **given: Any) -> None:
    """Say what models really take, what Ollama thinks they take, and which can stay loaded together.

    MODEL is the path of a GGUF file, or a name: asked of the server given by --host, else found among published models.
    Without MODEL: those of the config, on its GPUs.

    \b
    hotswap fit qwen2.5:32b --gpu rtx4090
    hotswap fit ./model.gguf --gpu 12GiB --num-ctx 8192 --kv-type q8_0
    hotswap fit --config config/ollama-vm.yaml --gpus 24GiB
    hotswap fit qwen2.5:7b --gpu rtx3060 --observed seen.jsonl
    """  # noqa: D301 - click reads the mark
    if cases is not None:
        _answer_cases(cases)
        return
    from toolkit.fit.report import as_json, report_on  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.fit.table import text_of  # noqa: PLC0415

    report = report_on(_question(models, given))
    if given["picture"]:
        _draw(given["picture"], report)
    click.echo(_json(as_json(report)) if given["as_json"] else text_of(report))


def _answer_cases(path: Path) -> None:
    """Print one answer a case."""
    from toolkit.errors import UsageError, unreadable  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.fit.cases import answers  # noqa: PLC0415
    from toolkit.ollama.gguf import read_file  # noqa: PLC0415

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {unreadable(error)}") from error
    for answer in answers(lines, str(path), read_file):
        click.echo(_json(answer, indent=None))


def _draw(path: Path, report: Report) -> None:
    """Write the picture. Raises UnwrittenError."""
    from toolkit.cli.whole_file import write_whole  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.fit.picture import svg_of  # noqa: PLC0415

    write_whole(path, svg_of(report), "--picture")


def _question(models: tuple[str, ...], given: dict[str, Any]) -> Question:
    """Models, host and wish out of arguments and config."""
    from toolkit.cli.fit_models import config_gpus, learned_from, model_names, specs_of  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.cli.options import load_given_config, note_assumed_gpus  # noqa: PLC0415
    from toolkit.config.units import parse_size_bytes  # noqa: PLC0415
    from toolkit.fit.gpus import gpus_of  # noqa: PLC0415
    from toolkit.fit.report import Question, Wish  # noqa: PLC0415
    from toolkit.fit.room import Room  # noqa: PLC0415

    loaded = load_given_config(given["config"], quiet=given["quiet"])
    gpus = gpus_of(given["gpus"]) if given["gpus"] else config_gpus(loaded.config)
    if not given["gpus"]:
        note_assumed_gpus(loaded, quiet=given["quiet"])
    wish = Wish(given["num_ctx"], given["parallel"], given["kv_type"], given["flash_attn"], given["max_models"])
    named = tuple(specs_of(models or model_names(loaded.config), loaded.config, given["host"]))
    room = Room(gpus, parse_size_bytes(given["overhead"]))
    learned = learned_from(given["observed"], named, room) if given["observed"] else None
    return Question(named, room, wish, learned)


def _json(value: object, indent: int | None = 2) -> str:
    import json  # noqa: PLC0415 - keeps `--help` cheap

    return json.dumps(value, indent=indent)
