"""Imports point one way, and the pure parts stay pure; read from the source, so that lazy imports count, too."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
TOOLKIT = PROJECT / "toolkit"

LAYERS = (
    ("cli",),
    ("plan",),
    ("experiment", "gateway", "telegram"),
    ("gate",),
    ("report", "llm", "ops", "record"),
    ("metrics",),
    ("store", "measure"),
    ("replay",),
    ("host", "workload", "lab"),
    ("cache", "routing", "stats", "fit"),
    ("ollama", "config"),
    ("errors", "replacing", "sole_writer"),
)
"""A part may import its own layer and those below."""

ALLOWED = {
    ("config", "routing"): "a config's patterns are compiled when it is read, with the router's own compiler",
    ("fit", "host"): "what Ollama predicts is the twin's arithmetic; written once",
    ("replay", "workload"): "below in the list",
}
IO_LIBRARIES = {"httpx", "aiohttp", "asyncio", "socket", "subprocess", "requests", "sqlite3", "threading", "time"}
PURE_MODULES = (
    *(f"ops/provision/{name}.py" for name in ("backoff", "company", "desired", "drift", "meter", "plan", "sizes")),
    *(f"ops/provision/{name}.py" for name in ("render", "render_company", "state", "verify")),
    *(f"ops/settings/{name}.py" for name in ("deployment", "rendered")),
    *(f"measure/swap/{name}.py" for name in ("moves", "sample", "split", "outliers", "cache_state", "bound", "matrix")),
    *(f"measure/vram/{name}.py" for name in ("ladder", "study")),
    "llm/conversation.py",
    *(
        f"plan/{name}.py"
        for name in ("slo", "workload", "case", "tally", "search", "crossing", "confirm", "answers", "judge")
    ),
    *(f"plan/{name}.py" for name in ("time_left", "words", "text", "json_text", "picture", "sentences")),
    *(f"plan/{name}.py" for name in ("cost", "memory", "settings_question", "host_question", "more_question")),
    "plan/judge.py",
    "plan/shelf.py",
    *(f"gateway/sessions/{name}.py" for name in ("query", "ranking", "records", "rows")),
    *(
        f"gateway/context/{name}.py"
        for name in ("account", "compose", "excerpts", "head", "parts", "room", "tokens", "window")
    ),
    "gateway/context/summary.py",
    "gateway/weight.py",
    "telegram/page.py",
    "telegram/words.py",
    "gateway/dashboard/live.py",
    *(
        f"gateway/{name}.py"
        for name in ("order", "memory", "limits", "breaker", "residency", "reading", "refusal", "ask", "stats")
    ),
    *(f"gateway/{name}.py" for name in ("openai_in", "openai_out", "openai_text", "registries", "repeats")),
    *(f"gateway/{name}.py" for name in ("by_model", "histogram", "tally", "totals")),
    *(
        f"gateway/api/{name}.py"
        for name in ("answers", "document", "fields", "native", "openai", "operations", "reading")
    ),
    *(f"record/{name}.py" for name in ("asked", "framing", "heads", "sessions", "told", "watch")),
)
PURE = ("host/scheduler", "cache", "routing", "stats", "fit", "lab", "ops/doctor/checks", *PURE_MODULES, "metrics")
THREADS_ALLOWED = {"cache/manager.py"}
"""The online bookkeeping of live clients is locked; it still does no I/O."""


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Every module that a file imports, wherever in the file, but not only for type checking."""
    found: list[str] = []
    left: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while left:
        node = left.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            left += node.orelse
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
        elif not isinstance(node, ast.expr):
            left += ast.iter_child_nodes(node)
    return tuple(found)


def level(part: str) -> int:
    """The layer's number, 0 at the top."""
    return next(number for number, parts in enumerate(LAYERS) if part in parts)


def files(below: str = "") -> list[Path]:
    place = TOOLKIT / below
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(TOOLKIT)))
def test_imports_point_down(path: Path) -> None:
    mine = path.relative_to(TOOLKIT).parts[0].removesuffix(".py")
    if mine == "__init__":
        return
    for module in imports(path):
        if not module.startswith("toolkit."):
            continue
        other = module.split(".")[1]
        if (mine, other) not in ALLOWED:
            assert level(other) >= level(mine), f"{mine} imports {module}"


@pytest.mark.parametrize("part", PURE)
def test_pure_parts_import_no_io(part: str) -> None:
    assert files(part)
    for path in files(part):
        allowed = {"threading", "time"} if str(path.relative_to(TOOLKIT)) in THREADS_ALLOWED else set()
        used = {module.split(".")[0] for module in imports(path)} & IO_LIBRARIES
        assert used <= allowed, f"{path.relative_to(TOOLKIT)} imports {sorted(used - allowed)}"


def test_http_libraries_are_known_in_one_place_each() -> None:
    for path in files():
        place = str(path.relative_to(TOOLKIT))
        if {"httpx", "aiohttp"} & {module.split(".")[0] for module in imports(path)}:
            assert place.startswith(("ollama/", "host/mock")), place
