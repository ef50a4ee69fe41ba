"""The example report and the README's table are what the commands make today."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
TEXTS = ("index.html", "results.json", "summary.md")


def renewed(readme: str, printed: str) -> str:
    """What `make pictures` would make of the README."""
    spec = importlib.util.spec_from_file_location("renew_readme", PROJECT / "docs" / "renew_readme.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    result: str = module.renewed(readme, printed)
    return result


def test_the_example_is_current(tmp_path: Path) -> None:
    """If this fails, type `make pictures` and look at what changed."""
    command = [sys.executable, "-c", "from toolkit.cli.main import main; main()", "compare", "--no-color"]
    arguments = ["scenarios/working-day.yaml", "--out", str(tmp_path)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True, cwd=PROJECT)
    for name in TEXTS:
        assert (tmp_path / name).read_bytes() == (PROJECT / "reports/example" / name).read_bytes(), name
    for figure in sorted((tmp_path / "figures").glob("*.svg")):
        assert figure.read_bytes() == (PROJECT / "reports/example/figures" / figure.name).read_bytes(), figure.name
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert renewed(readme, done.stdout) == readme
