from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from toolkit.errors import HotswapError
from toolkit.report.figures import FigureFile, svg_files
from toolkit.report.html import render_html
from toolkit.report.markdown import render_markdown
from toolkit.report.results_json import to_jsonable
from toolkit.report.write import ReportError, write_report

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.replay.results import Comparison
    from toolkit.report.scene import Scene

FIGURES = 11


def test_a_report_has_all_its_parts_and_nothing_else(small: Comparison, tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    files = write_report(small, out)
    assert files.index.read_text(encoding="utf-8") == render_html(small)
    assert files.summary.read_text(encoding="utf-8") == render_markdown(small)
    assert json.loads(files.results.read_text()) == to_jsonable(small)
    assert {one.suffix for one in files.figures} == {".svg"}
    assert len(files.figures) == FIGURES
    assert {path for path in out.rglob("*") if path.is_file()} == {
        files.index,
        files.results,
        files.summary,
        *files.figures,
    }


def test_writing_again_replaces_and_leaves_other_files_alone(small: Comparison, tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    before = {path: path.read_bytes() for path in write_report(small, tmp_path).figures}
    (tmp_path / "index.html").write_text("old")
    files = write_report(small, tmp_path)
    assert files.index.read_text(encoding="utf-8") == render_html(small)
    assert {path: path.read_bytes() for path in files.figures} == before
    assert other.read_text() == "mine"


def test_figures_in_another_format_are_of_this_report_or_gone(small: Comparison, tmp_path: Path) -> None:
    def as_png(figures: dict[str, Scene]) -> tuple[FigureFile, ...]:
        return tuple(FigureFile(f"{name}.png", b"drawn") for name in figures)

    both = write_report(small, tmp_path, (svg_files, as_png)).figures
    assert sorted(path.suffix for path in both) == FIGURES * [".png"] + FIGURES * [".svg"]
    (tmp_path / "figures" / "mine.png").write_text("mine")
    alone = write_report(small, tmp_path).figures
    assert set((tmp_path / "figures").iterdir()) == {*alone, tmp_path / "figures" / "mine.png"}


def test_a_file_in_the_way_is_one_clear_error(small: Comparison, tmp_path: Path) -> None:
    blocked = tmp_path / "report"
    blocked.write_text("a file")
    with pytest.raises(
        ReportError, match=r"could not be written to .*report.*give another folder with --out"
    ) as caught:
        write_report(small, blocked)
    assert isinstance(caught.value, HotswapError)
    assert "\n" not in str(caught.value)
    assert blocked.read_text() == "a file"


def test_a_failure_leaves_the_old_page_and_no_litter(small: Comparison, tmp_path: Path) -> None:
    """A folder stands where the results file belongs: the page is written after it, so the old one stays whole."""
    (tmp_path / "index.html").write_text("old")
    (tmp_path / "results.json").mkdir()
    with pytest.raises(ReportError):
        write_report(small, tmp_path)
    assert (tmp_path / "index.html").read_text() == "old"
    assert [path.name for path in tmp_path.rglob("*.part")] == []


def test_files_have_the_rights_that_others_have(small: Comparison, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    files = write_report(small, tmp_path)
    assert files.index.stat().st_mode == plain.stat().st_mode


def test_only_the_figure_files_need_matplotlib() -> None:
    """Table, page, Markdown and JSON load neither matplotlib nor numpy, nor does importing the writer."""
    modules = "html markdown results_json terminal verdict write"
    script = (
        "import importlib, sys\n"
        f"for name in '{modules}'.split(): importlib.import_module(f'toolkit.report.{{name}}')\n"
        "print([name for name in ('matplotlib', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
