"""The scheduler is pure: it imports nothing that knows a clock, a file, a socket, chance or a log."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

STANDARD = {"__future__", "collections", "dataclasses", "functools", "itertools", "typing"}
OWN = ("toolkit.host.scheduler", "toolkit.errors", "toolkit.ollama.keep_alive")


def imported(source: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_the_scheduler_imports_only_pure_things(project_dir: Path) -> None:
    for path in sorted((project_dir / "toolkit" / "host" / "scheduler").glob("*.py")):
        for name in imported(path.read_text(encoding="utf-8")):
            assert name.partition(".")[0] in STANDARD or name.startswith(OWN), f"{path.name} imports {name}"


def test_its_modules_are_small(project_dir: Path) -> None:
    """One idea each: no module over 400 lines, no function over 60."""
    for path in sorted((project_dir / "toolkit" / "host" / "scheduler").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        assert len(source.splitlines()) <= 400, path.name
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 60, f"{path.name}: {node.name}"
