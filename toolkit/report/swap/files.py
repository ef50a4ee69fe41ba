"""Everything that a swap study leaves in its directory."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - a public annotation
from typing import TYPE_CHECKING

from toolkit.measure.swap.recording import FILE_NAME, csv_text
from toolkit.replacing import replace_with
from toolkit.report.png import png
from toolkit.report.svg import standalone
from toolkit.report.swap.data import to_jsonable
from toolkit.report.swap.heatmap import heatmap
from toolkit.report.swap.page import render_page
from toolkit.report.swap.text import markdown_text
from toolkit.report.write import ReportError

if TYPE_CHECKING:
    from toolkit.measure.swap.study import SwapStudy


def write_study(study: SwapStudy, directory: Path) -> Path:
    """Write the recording, the JSON, the summary, the picture and the page; returns the page's path.

    Every file appears under its name only when it is whole. Raises ReportError if the directory cannot be written to.
    """
    drawn = heatmap(study)
    contents = {
        FILE_NAME: csv_text(study.matrix.rows).encode(),
        "swap.json": (json.dumps(to_jsonable(study), indent=2, ensure_ascii=False) + "\n").encode(),
        "summary.md": markdown_text(study).encode(),
        "heatmap.svg": standalone(drawn).encode(),
        "heatmap.png": png(drawn),
        "index.html": render_page(study, drawn).encode(),
    }
    try:
        for name, content in contents.items():
            replace_with(directory / name, content)
    except OSError as error:
        raise ReportError(
            f"the report could not be written to {directory}: {error.strerror or error}; give another folder with --out"
        ) from error
    return directory / "index.html"
