"""Writes the tables of checks and vulnerabilities into doctor.md, between its marks."""

from __future__ import annotations

import re
from pathlib import Path

from toolkit.ops.doctor.advisories import ADVISORIES
from toolkit.ops.doctor.checks import CHECKS
from toolkit.ops.doctor.render import advisories_table, checks_table

PAGE = Path(__file__).resolve().parent / "doctor.md"


def renewed(page: str) -> str:
    """The page with both tables as they are now."""
    for mark, table in (("checks", checks_table(CHECKS)), ("advisories", advisories_table(ADVISORIES))):
        block = f"<!-- {mark} -->\n{table}\n<!-- /{mark} -->"
        page = re.sub(rf"<!-- {mark} -->.*?<!-- /{mark} -->", lambda _, block=block: block, page, flags=re.DOTALL)
    return page


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
