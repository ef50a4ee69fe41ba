"""Mooncake's traces (kvcache-ai/Mooncake, FAST'25): JSON Lines with lengths and the identity of every 512-token block.

A block's id stands for all text up to its end, so two requests that have an id in common begin with the same text. That
shows conversations, which the trace does not name: a request whose blocks contain all full blocks of an earlier one
goes on from it. Blocks that begin every request of the trace (a common system prompt) prove nothing and are left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.workload.traces.rows import TraceRow, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolkit.workload.traces.rows import TraceText

BLOCK_TOKENS = 512
NOTES = (
    (
        "The Mooncake trace has no texts or models; "
        f"conversations were found by the longest known prefix, in blocks of {BLOCK_TOKENS} tokens."
    ),
)
KEYS = ("timestamp", "input_length", "output_length", "hash_ids")
_MOST = 10**15
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class _Record:
    line: int
    timestamp_ms: int
    input_tokens: int
    output_tokens: int
    blocks: tuple[int, ...]


def recognises(first_line: str) -> bool:
    """Whether a file that begins so is of this format."""
    return first_line.startswith("{") and '"hash_ids"' in first_line


def read_rows(source: TraceText) -> Iterator[TraceRow]:
    """One row a line, in file order; blank lines are passed over.

    Raises:
        InputError: a line is not of this format.
    """
    records = tuple(_read_records(source))
    for record, (session, shared_tokens) in zip(records, _conversations(records), strict=True):
        yield TraceRow(
            line=record.line,
            at_ns=record.timestamp_ms * _NS_PER_MS,
            prompt_tokens=max(1, record.input_tokens),
            output_tokens=max(1, record.output_tokens),
            model=None,
            session=session,
            shared_prefix_tokens=shared_tokens,
            service_ns=None,
        )


def _read_records(source: TraceText) -> Iterator[_Record]:
    for line, text in enumerate(source.text.split("\n"), start=1):
        if not text.strip():
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise source.error(line, f"found {shown(text)}; each line of a mooncake trace is one JSON object") from None
        if not isinstance(value, dict):
            raise source.error(line, f"found {shown(value)}; each line of a mooncake trace is one JSON object")
        counts = [_count(source, line, value, key) for key in KEYS[:3]]
        yield _Record(line, counts[0], counts[1], counts[2], _blocks(source, line, value))


def _count(source: TraceText, line: int, value: dict[str, Any], key: str) -> int:
    if key not in value:
        raise source.error(line, f"the key {key} is missing; a mooncake trace has {', '.join(KEYS)}")
    number = value[key]
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= _MOST:
        raise source.error(line, f"{key}: found {shown(number)}; a whole number, at least 0")
    return number


def _blocks(source: TraceText, line: int, value: dict[str, Any]) -> tuple[int, ...]:
    if "hash_ids" not in value:
        raise source.error(line, f"the key hash_ids is missing; a mooncake trace has {', '.join(KEYS)}")
    blocks = value["hash_ids"]
    if not isinstance(blocks, list) or not all(type(block) is int for block in blocks):
        raise source.error(line, f"hash_ids: found {shown(blocks)}; a list of whole numbers, one for each 512 tokens")
    return tuple(blocks)


def _conversations(records: Sequence[_Record]) -> Iterator[tuple[str, int]]:
    """For each record its session and how many tokens it shares with the session's previous request."""
    everywhere = min((_shared_length(records[0].blocks, record.blocks) for record in records[1:]), default=0)
    session_of_tip: dict[int, str] = {}
    latest: dict[str, _Record] = {}
    for number, record in enumerate(records, start=1):
        known = (session_of_tip[block] for block in reversed(record.blocks[everywhere:]) if block in session_of_tip)
        session = next(known, f"s{number:05d}")
        shared_blocks = _shared_length(latest[session].blocks, record.blocks) if session in latest else 0
        yield session, min(shared_blocks * BLOCK_TOKENS, record.input_tokens)
        latest[session] = record
        full_blocks = min(record.input_tokens // BLOCK_TOKENS, len(record.blocks))
        if full_blocks > everywhere:
            session_of_tip[record.blocks[full_blocks - 1]] = session


def _shared_length(one: Sequence[int], other: Sequence[int]) -> int:
    """How many first elements two sequences have in common."""
    differences = (place for place, (left, right) in enumerate(zip(one, other, strict=False)) if left != right)
    return next(differences, min(len(one), len(other)))
