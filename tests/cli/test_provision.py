"""`hotswap provision` as a program against a served twin: what it prints, how it ends, Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.program import Done, run_here

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = [sys.executable, "-c", "import sys; from toolkit.cli.main import main; sys.exit(main())"]
CONFIG = """\
llm:
  base_url: "{url}"
  models:
    primary: "qwen2.5:32b"
    code: "deepseek-coder-v2:16b"
    fast:
      name: short
      pin: true
      modelfile: {{base: "qwen2.5:7b", parameters: {{num_ctx: 8192}}, system: "Be short."}}
host: {{disk: {{free: 60GB}}}}
"""
FAULTS = "faults: [{fault: pull_stops, at: 50, when: {path: /api/pull, model: 'deepseek-coder-v2:16b', times: 1}}]\n"


def provision(*arguments: object, code: int = 0) -> Done:
    """Run a command that is expected to end with `code`; nobody is at its terminal."""
    done = run_here("provision", *arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def as_json(*arguments: object, code: int = 0) -> Any:
    return json.loads(provision(*arguments, "--json", "--quiet", code=code).stdout)


@pytest.fixture
def config(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A config of a host that lacks two of its three models and has one that the config does not name.

    The parameter, if there is one, is a file of faults.
    """
    ready, faults, file = tmp_path / "ready", tmp_path / "faults.yaml", tmp_path / "host.yaml"
    faults.write_text(getattr(request, "param", "faults: []\n"), encoding="utf-8")
    options = ("--port", "0", "--time-scale", "0", "--quiet", "--ready-file", ready, "--faults", faults)
    with subprocess.Popen([*PROGRAM, "twin", "serve", *map(str, options)]) as server:
        try:
            while not ready.exists():
                assert server.poll() is None
                time.sleep(0.02)
            url = ready.read_text(encoding="utf-8").strip()
            with httpx.Client(base_url=url) as client:
                client.post("/api/copy", json={"source": "qwen2.5:32b", "destination": "old"})
                for name in ("deepseek-coder-v2:16b", "qwen2.5:7b"):
                    client.request("DELETE", "/api/delete", json={"model": name})
            file.write_text(CONFIG.format(url=url), encoding="utf-8")
            yield file
        finally:
            server.send_signal(signal.SIGTERM)


def installed(config: Path) -> set[str]:
    url = config.read_text(encoding="utf-8").split('"')[1]
    return {model["name"] for model in httpx.get(f"{url}/api/tags").json()["models"]}


@pytest.mark.parametrize("config", [FAULTS], indirect=True)
def test_plan_apply_status_and_prune(config: Path) -> None:
    plan = provision("plan", "--config", config).stdout
    assert "+  pull      deepseek-coder-v2:16b  about 8.9 GB" in plan
    assert "disk needed: about 13.6 GB; free: 60.0 GB, as the config says" in plan
    assert "-  prunable  old:latest" in plan

    # Ctrl-C while a layer does not move: what was fetched stays, nothing else is touched, the next call goes on.
    with subprocess.Popen(
        [*PROGRAM, "provision", "apply", "--config", str(config)], stderr=subprocess.PIPE, text=True
    ) as broken_off:
        assert broken_off.stderr is not None
        for line in broken_off.stderr:
            if line.startswith("qwen2.5:7b: success"):
                break
        broken_off.send_signal(signal.SIGINT)
        rest = broken_off.stderr.read()
        assert broken_off.wait() == 130
    assert "apply again goes on from there" in rest
    assert "Traceback" not in rest
    assert installed(config) == {"qwen2.5:32b", "qwen2.5:7b", "old:latest"}

    applied = as_json("apply", "--config", config)
    assert applied["converged"] is True
    assert [(row["action"], row["name"], row["tries"]) for row in applied["results"]] == [
        ("pull", "deepseek-coder-v2:16b", 1),
        ("create", "short", 1),
    ]
    assert applied["results"][0]["fetched_bytes"] < 5_000_000_000  # the other half was there
    assert as_json("apply", "--config", config)["results"] == []

    everything = {"qwen2.5:32b", "deepseek-coder-v2:16b", "qwen2.5:7b", "short:latest"}
    assert "say --yes" in provision("prune", "--config", config, code=2).stderr
    assert installed(config) == {*everything, "old:latest"}
    assert [row["name"] for row in as_json("prune", "--yes", "--config", config)["removed"]] == ["old:latest"]
    assert installed(config) == everything
    assert as_json("prune", "--config", config)["removed"] == []


def test_pin_warm_and_unload(config: Path) -> None:
    as_json("apply", "--config", config, "--jobs", "1", code=0)
    pinned = as_json("pin", "--config", config)
    assert pinned["pinned"] == ["short"]
    company = pinned["company"]
    assert (company["beside"], company["apart"]) == (["deepseek-coder-v2:16b"], ["qwen2.5:32b"])
    assert company["shares"] == ["qwen2.5:7b"]
    assert company["num_ctx"] == 8192
    states = {row["name"]: row for row in as_json("status", "--config", config)["models"]}
    assert (states["short"]["loaded"], states["short"]["forever"]) == (True, True)
    assert "for ever" in provision("status", "--config", config).stdout
    provision("warm", "deepseek-coder-v2:16b", "--config", config)
    assert as_json("unload", "short", "--config", config)["asked"] == ["short"]
    assert "not one of the config's models" in provision("pin", "shrt", "--config", config, code=2).stderr


def test_prune_asks_and_takes_no_for_an_answer(config: Path) -> None:
    ours, theirs = pty.openpty()
    command = [*PROGRAM, "provision", "prune", "--config", str(config)]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as asking:
        os.write(ours, b"n\n")
        said, asked = asking.communicate()
    os.close(ours)
    os.close(theirs)
    assert asking.returncode == 0
    assert said == "nothing was removed\n"
    assert "Remove it for good? [y/N]" in asked
    assert "old:latest" in installed(config)


def test_settings_of_a_compose_service(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real files, a docker that only notes what it is told; the twin is the server that comes up again."""
    docker, told, compose = tmp_path / "docker", tmp_path / "told", tmp_path / "compose.yaml"
    docker.write_text(f"#!/bin/sh\necho \"$@\" >> '{told}'\n", encoding="utf-8")
    docker.chmod(0o755)
    plain = config.read_text(encoding="utf-8").replace("disk: {free: 60GB}", "settings: {OLLAMA_ORIGINS: 'a$b \"%'}")
    config.write_text(plain, encoding="utf-8")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    where = ("--local", "--compose", compose, "--config", config)

    def settings(*arguments: object, code: int = 0) -> Any:
        done = provision("settings", *arguments, *where, "--json", "--quiet", code=code)
        return json.loads(done.stdout) if code == 0 else done.stderr

    planned = settings("plan")
    assert (planned["changes"], told.exists()) == (True, False)
    assert "OLLAMA_ORIGINS: a$$b" in planned["diff"]
    assert settings("apply")["applied"] is True
    ours = tmp_path / "compose.hotswap.yaml"
    assert told.read_text(encoding="utf-8") == f"compose -f {compose} -f {ours} up -d -- ollama\n"
    assert settings("apply")["applied"] is False

    before = ours.read_text(encoding="utf-8")
    url = plain.split('"')[1]
    config.write_text(plain.replace("a$b", "other").replace(url, "http://127.0.0.1:1"), encoding="utf-8")
    assert "as it was before, but the server does not answer" in settings("apply", "--within", "0", code=1)
    assert ours.read_text(encoding="utf-8") == before


def test_settings_need_a_place_and_something_to_set(config: Path) -> None:
    assert "the config sets nothing" in provision("settings", "plan", "--local", "--config", config, code=2).stderr
    text = config.read_text(encoding="utf-8").replace("disk: {free: 60GB}", "settings: {OLLAMA_NUM_PARALLEL: 2}")
    config.write_text(text, encoding="utf-8")
    assert "on which machine?" in provision("settings", "plan", "--config", config, code=2).stderr
    assert "no ssh target" in provision("settings", "plan", "--ssh=-oX=y", "--config", config, code=2).stderr
    shown = provision("settings", "plan", "--local", "--unit", "no-such-unit.service", "--config", config).stdout
    assert '+Environment="OLLAMA_NUM_PARALLEL=2"' in shown


def test_without_a_config_nothing_is_done() -> None:
    assert "name one with --config" in provision("apply", "--host", "http://127.0.0.1:1", code=2).stderr


def test_a_host_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "host.yaml"
    file.write_text('llm: {base_url: "http://127.0.0.1:1"}\n', encoding="utf-8")
    done = provision("apply", "--config", file, code=1)
    assert done.stdout == ""
    assert "cannot connect to http://127.0.0.1:1" in done.stderr
