"""Recorded requests get the recorded answers: a selection in every checkout, the whole corpus where it is at hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.http_replay import differences, exchange, raw_request, replayable, wanted
from toolkit.host.app.serve import listening
from toolkit.host.assembly import Twin, TwinOptions, assemble
from toolkit.host.clock import RealClock

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PROFILES = ("v0.32", "v0.24")
GROUPS = (
    "general",
    "show",
    "errors",
    "names",
    "cors",
    "chat",
    "generate",
    "embed",
    "keep_alive",
    "openai",
    "openai_models",
)
FOLDERS = {"v0.32": ".", "v0.24": "v0.24.0"}


def recorded_twin(
    models: Path, profile: str, environment: dict[str, str] | None = None, bind: str = "127.0.0.1"
) -> Twin:
    """The twin of the recorded server: its models, no invented durations."""
    options = TwinOptions(profile=profile, environment=environment or {}, models_file=models, time_scale=0.0, bind=bind)
    return assemble(options, RealClock())


async def check(models: Path, profile: str, cases: Iterable[dict[str, Any]]) -> int:
    """Play cases that share an environment, one server for each environment; returns how many there were."""
    by_environment: dict[str, list[dict[str, Any]]] = {}
    for case in cases:
        by_environment.setdefault(json.dumps(case["setup"].get("env") or {}), []).append(case)
    wrong, count = [], 0
    for text, group in by_environment.items():
        environment = json.loads(text)
        bind = environment.get("OLLAMA_HOST", "127.0.0.1").partition(":")[0]
        twin = recorded_twin(models, profile, environment, bind)
        async with listening(twin.app, "127.0.0.1", 0) as url:
            for case in group:
                request = case["request"]
                got = await exchange(url, raw_request(request), head=request["method"] == "HEAD")
                count += 1
                found = differences(got, wanted(case["response"]))
                wrong += [f"{case['id']}: {'; '.join(found)}"] if found else []
    assert not wrong, f"{len(wrong)} of {count} differ:\n" + "\n".join(wrong)
    return count


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("group", GROUPS)
async def test_a_selection(project_dir: Path, profile: str, group: str) -> None:
    folder = project_dir / "tests" / "fixtures" / "http_twin"
    lines = (folder / f"{profile}.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [case for line in lines if (case := json.loads(line))["group"] == group]
    assert await check(folder / "models.json", profile, cases) > 0


@pytest.mark.shared
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("group", GROUPS)
async def test_the_whole_corpus(shared_dir: Path, profile: str, group: str) -> None:
    golden = shared_dir / "ollama" / "golden" / "http"
    cases = json.loads((golden / FOLDERS[profile] / f"{group}.json").read_text(encoding="utf-8"))
    assert await check(golden / "models.json", profile, filter(replayable, cases)) > 0
