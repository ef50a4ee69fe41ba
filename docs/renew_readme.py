"""Puts the table that the demo prints (read from stdin) into the README, between its two `demo` marks."""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"


def renewed(readme: str, printed: str) -> str:
    """The README with the table of `printed`: everything before the footnotes, without trailing blanks."""
    table = printed.split("\n\n* ", maxsplit=1)[0] if "\n\n* " in printed else printed.split("\n\n- ", maxsplit=1)[0]
    lines = "\n".join(line.rstrip() for line in table.strip().splitlines())
    block = f"<!-- demo -->\n```text\n{lines}\n```\n<!-- /demo -->"
    return re.sub(r"<!-- demo -->.*?<!-- /demo -->", lambda _: block, readme, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(renewed(README.read_text(encoding="utf-8"), sys.stdin.read()), encoding="utf-8")
