"""Alibaba's trace of image generation (lora_request_trace.csv of cluster-trace-v2026-GenAI), with each request's model.

It has service times where text has tokens, and prompts as numbers of characters. The publisher's words for the
columns: `exec_time_seconds` is the total execution time of the request, `prompt_length` a character count, `groupId` an
anonymised user or group, `checkpoint_model_version_id` the base model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.config.durations import NS_PER_S
from toolkit.workload.tokens import CHARACTERS_PER_TOKEN, MESSAGE_OVERHEAD_TOKENS
from toolkit.workload.traces.clock import MomentError, parse_moment_ns
from toolkit.workload.traces.rows import TraceRow, csv_records, header_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.workload.traces.rows import CsvRecord, TraceText

COLUMNS = (
    "gmt_create",
    "exec_time_seconds",
    "groupId",
    "prompt_length",
    "checkpoint_model_version_id",
)
TOKENS_PER_S = 20
"""How many tokens of text stand for a second of image generation, for hosts that need a length of the answer: about
what a 32B model writes on one consumer GPU."""
NOTES = (
    (
        "The trace has service times, not tokens: the twin takes them as they are; "
        f"on a real host a second of image generation stands for {TOKENS_PER_S} tokens of text."
    ),
    "Every row counts, in file order, whatever its status; rows that were never executed have no service time.",
)
_AT, _EXEC, _GROUP, _PROMPT, _MODEL = range(len(COLUMNS))


def recognises(first_line: str) -> bool:
    """Whether a file that begins so is of this format."""
    return {"gmt_create", "checkpoint_model_version_id"} <= header_names(first_line)


def read_rows(source: TraceText) -> Iterator[TraceRow]:
    """One row a line, in file order; an empty model is a model.

    Raises:
        InputError: a line is not of this format.
    """
    for record in csv_records(source, COLUMNS):
        try:
            at_ns = parse_moment_ns(record.text(_AT))
        except MomentError as error:
            raise record.wrong(_AT, str(error)) from None
        exec_s = record.amount(_EXEC) if record.text(_EXEC) else 0.0
        yield TraceRow(
            line=record.line,
            at_ns=at_ns,
            prompt_tokens=_prompt_tokens(record),
            output_tokens=max(1, round(exec_s * TOKENS_PER_S)),
            model=record.text(_MODEL),
            session=record.text(_GROUP) or None,
            shared_prefix_tokens=0,
            service_ns=round(exec_s * NS_PER_S) or None,
        )


def _prompt_tokens(record: CsvRecord) -> int:
    characters = record.amount(_PROMPT) if record.text(_PROMPT) else 0.0
    return -(-round(characters) // CHARACTERS_PER_TOKEN) + MESSAGE_OVERHEAD_TOKENS
