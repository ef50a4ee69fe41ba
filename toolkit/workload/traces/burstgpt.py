"""BurstGPT (HPMLL/BurstGPT, `BurstGPT_*.csv`): four months of a campus's use of ChatGPT and GPT-4.

The publisher's words for the columns: `Timestamp` is the submission time in seconds from 0:00:00 on the first day,
`Model` is `ChatGPT` or `GPT-4`, `Log Type` says whether somebody talked (`Conversation log`) or a program asked
(`API log`). Failed requests have 0 response tokens. Later files also have `Session ID`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from toolkit.config.durations import NS_PER_S
from toolkit.workload.traces.rows import TraceRow, csv_records, header_names

if TYPE_CHECKING:
    from toolkit.workload.traces.rows import TraceText

COLUMNS = ("Timestamp", "Model", "Request tokens", "Response tokens", "Log Type")
SESSION_COLUMN = "Session ID"
_AT, _MODEL, _REQUEST, _RESPONSE, _LOG_TYPE, _SESSION = range(6)
NOTES = ("The BurstGPT trace has no texts; its models are those of another host.",)


def recognises(first_line: str) -> bool:
    """Whether a file that begins so is of this format."""
    return {"Request tokens", "Response tokens", "Log Type"} <= header_names(first_line)


def read(source: TraceText) -> tuple[tuple[TraceRow, ...], tuple[str, ...]]:
    """One row a line, in file order, without those that failed; and what became of the others.

    Raises:
        InputError: a line is not of this format.
    """
    has_sessions = SESSION_COLUMN in header_names(source.first_line())
    rows, failed, programs = [], 0, 0
    for record in csv_records(source, (*COLUMNS, SESSION_COLUMN) if has_sessions else COLUMNS):
        record.amount(_AT)
        output_tokens = record.count(_RESPONSE)
        if not output_tokens:
            failed += 1
            continue
        programs += record.text(_LOG_TYPE) == "API log"
        rows.append(
            TraceRow(
                line=record.line,
                at_ns=round(Fraction(record.text(_AT)) * NS_PER_S),
                prompt_tokens=max(1, record.count(_REQUEST)),
                output_tokens=output_tokens,
                model=record.text(_MODEL),
                session=(record.text(_SESSION) or None) if has_sessions else None,
                shared_prefix_tokens=0,
                service_ns=None,
            )
        )
    notes = []
    if failed:
        notes.append(f"{failed} requests of the trace failed (0 response tokens): left out.")
    if programs:
        notes.append(f"{programs} of {len(rows)} requests came from programs (API log), the others from conversations.")
    return tuple(rows), tuple(notes)
