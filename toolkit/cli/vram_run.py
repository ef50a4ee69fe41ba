"""What `hotswap vram` does with its options: observe, keep, show."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.fit_models import config_gpus, model_names, specs_of
from toolkit.cli.live_host import EXIT_INTERRUPTED, free_directory, needed_host, on_host
from toolkit.cli.options import describes_host, load_given_config
from toolkit.cli.whole_file import write_whole
from toolkit.errors import HostError, UsageError
from toolkit.fit.gpus import gpus_of
from toolkit.fit.observations import observation_line
from toolkit.fit.room import Room
from toolkit.fit.setting import KV_TYPES
from toolkit.measure.host_facts import ask_host
from toolkit.measure.vram.ladder import rungs
from toolkit.measure.vram.session import VramSession
from toolkit.measure.vram.study import ServerSetting, observation_of, study_of
from toolkit.ops.settings.runner import SshRunner
from toolkit.report.vram import terminal_text, to_jsonable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from toolkit.config.loading import LoadedConfig
    from toolkit.fit.spec import Spec
    from toolkit.measure.host_facts import HostFacts
    from toolkit.measure.vram.session import Rung
    from toolkit.measure.vram.study import VramStudy
    from toolkit.ollama.client import OllamaClient

OBSERVATIONS = "observations.jsonl"


def run(models: tuple[str, ...], out: Path | None, given: dict[str, Any]) -> None:
    """Observe, write, print, and end as the observation ended."""
    loaded = load_given_config(given["config"], quiet=given["quiet"])
    address = needed_host(given["host"], loaded, "vram")
    names = models or model_names(loaded.config)
    setting, contexts = _setting(loaded, given), _contexts(given["num_ctx"])
    room = _room(loaded, given["gpus"])
    directory = free_directory("vram", out)
    if (directory / OBSERVATIONS).exists():
        raise UsageError(f"{directory / OBSERVATIONS} is an earlier measurement; give another --out")
    observer = Observer(directory / OBSERVATIONS, setting, contexts, quiet=given["quiet"])
    runner = SshRunner(given["ssh"]) if given["ssh"] else None

    async def observe(client: OllamaClient) -> VramStudy:
        facts = await ask_host(client, names, to_generate=True)
        asked = [model.name for model in facts.models]
        # The specs are asked for through a client of their own; it must not hold this loop up for long.
        specs = dict(specs_of(asked, loaded.config, given["host"]))
        observer.begin(facts, specs)
        session = VramSession(client, runner=runner, on_rung=observer.seen)
        outcome = await session.run([(name, observer.ladder(specs[name])) for name in asked])
        return study_of(facts, outcome, specs, setting, room)

    _finish(on_host(loaded, address, observe), directory, given)


def _finish(study: VramStudy, directory: Path, given: dict[str, Any]) -> None:
    outcome, data = study.outcome, to_jsonable(study)
    if not outcome.rungs:
        if outcome.interrupted:
            raise KeyboardInterrupt
        raise HostError(outcome.ended or (outcome.refusals[0].why if outcome.refusals else "nothing was observed"))
    text = json.dumps(data, indent=2, ensure_ascii=False)
    write_whole(directory / "vram.json", f"{text}\n")
    click.echo(text if given["as_json"] else terminal_text(study))
    click.echo(f"observations: {directory / OBSERVATIONS}", err=given["as_json"])
    if outcome.interrupted:
        click.echo(outcome.ended, err=True)
        sys.exit(EXIT_INTERRUPTED)
    if outcome.ended is not None:
        raise HostError(outcome.ended)


class Observer:
    """Says how far it is on stderr, and keeps every observation the moment it is there."""

    def __init__(self, path: Path, setting: ServerSetting, contexts: tuple[int, ...] | None, *, quiet: bool) -> None:
        self._path = path
        self._setting = setting
        self._contexts = contexts
        self._quiet = quiet
        self._facts: HostFacts | None = None

    def begin(self, facts: HostFacts, specs: Mapping[str, Spec]) -> None:
        """The models are there; from here on the host is changed."""
        self._facts = facts
        self._say(f"{len(specs)} models on {facts.url}, each alone; what is in memory there is loaded again at the end")

    def ladder(self, spec: Spec) -> tuple[int, ...]:
        """The contexts to climb: as asked for, or doubling up to what the model was trained for."""
        return self._contexts or rungs(spec.trained_context)

    def seen(self, rung: Rung) -> None:
        """An observation is there."""
        if self._facts is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(observation_line(observation_of(rung, self._facts, self._setting)) + "\n")
        whole = "whole" if rung.is_whole else "not all on the GPU"
        self._say(f"{rung.model} at {rung.num_ctx:,}: {rung.vram_bytes / (1 << 30):.2f} GiB, {whole}")

    def _say(self, sentence: str) -> None:
        if not self._quiet:
            click.echo(sentence, err=True)


def _setting(loaded: LoadedConfig, given: dict[str, Any]) -> ServerSetting:
    """The options; what is not given stands in the config's `host.settings`, if anywhere."""
    settings = loaded.config.host.settings
    slots = settings.get("OLLAMA_NUM_PARALLEL", "")
    kv_type = given["kv_type"] or settings.get("OLLAMA_KV_CACHE_TYPE") or "f16"
    if kv_type not in KV_TYPES:
        raise UsageError(f"--kv-type {kv_type!r} is unknown; take one of {', '.join(KV_TYPES)}")
    parallel = given["parallel"] or (int(slots) if slots.isdecimal() and int(slots) else 1)
    return ServerSetting(parallel, kv_type, given["flash_attn"])


def _contexts(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and int(part) >= 4 for part in parts):  # noqa: PLR2004 - the server's least
        raise UsageError(f"--num-ctx {text!r}: write whole numbers of at least 4, with commas, like 4096,8192")
    return tuple(sorted({int(part) for part in parts}))


def _room(loaded: LoadedConfig, gpus: str | None) -> Room | None:
    """The host's GPUs: as named, else as a config file describes them; the embedded default says nothing of a host."""
    if gpus:
        return Room(gpus_of(gpus))
    if describes_host(loaded) and loaded.config.twin.gpus:
        return Room(config_gpus(loaded.config))
    return None
