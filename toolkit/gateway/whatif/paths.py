"""Where the comparison is asked for, and where its reports are."""

from typing import Final

WHAT_IF: Final = "/api/llm/what-if"
REPORTS: Final = "/what-if/"
"""Below it a report by its token, which is told to those who have a key: a link cannot carry the key itself."""
