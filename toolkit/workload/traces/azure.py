"""Azure's LLM inference traces (AzureLLMInferenceTrace_*.csv of Azure/AzurePublicDataset): moments and token counts.

They name no model and no conversation: every request stands alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.workload.traces.clock import MomentError, parse_moment_ns
from toolkit.workload.traces.rows import TraceRow, csv_records, header_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.workload.traces.rows import TraceText

COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
NOTES = ("The Azure trace has no texts, models or conversations: only moments and token counts come from it.",)


def recognises(first_line: str) -> bool:
    """Whether a file that begins so is of this format."""
    return set(COLUMNS) <= header_names(first_line)


def read_rows(source: TraceText) -> Iterator[TraceRow]:
    """One row a line, in file order; an answer of 0 tokens counts as 1, since every request gets one.

    Raises:
        InputError: a line is not of this format.
    """
    for record in csv_records(source, COLUMNS):
        try:
            at_ns = parse_moment_ns(record.text(0))
        except MomentError as error:
            raise record.wrong(0, str(error)) from None
        yield TraceRow(
            line=record.line,
            at_ns=at_ns,
            prompt_tokens=max(1, record.count(1)),
            output_tokens=max(1, record.count(2)),
            model=None,
            session=None,
            shared_prefix_tokens=0,
            service_ns=None,
        )
