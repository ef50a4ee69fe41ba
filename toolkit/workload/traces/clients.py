"""A mix of clients, each with its own arrivals and lengths, as a file that is drawn into traffic.

After ServeGen (NSDI 2026): real load is the sum of a few heavy, bursty clients and many light ones, and a single
process with their average rate hides the bursts. The file names the clients; a seed makes the traffic. Each client
draws from streams of its own, so that one more, or another rate of one, leaves the others as they were.
"""

from __future__ import annotations

import re
from itertools import islice, takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.config.positions import load_yaml_model
from toolkit.errors import InputError
from toolkit.workload.streams import stream
from toolkit.workload.traces.rows import TraceRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.config.positions import Positioned
    from toolkit.workload.traces.client_mix import Client, ClientMix
    from toolkit.workload.traces.rows import TraceText

KEYS = ("duration", "clients")
MOST_REQUESTS = 1_000_000
_MARK = re.compile(r"^clients:|^\s*\{\s*\"(?:duration|clients)\"\s*:", re.MULTILINE)


def recognises(source: TraceText) -> bool:
    """Whether a file is a client mix: YAML with `clients` at the top, or JSON that begins with one of its keys."""
    return _MARK.search(source.text) is not None


def read(source: TraceText, seed: int) -> tuple[tuple[TraceRow, ...], tuple[str, ...]]:
    """Draw the traffic, in order of arrival. A row's `line` is that of its client.

    Raises:
        InputError: the file is wrong, or makes no request at all, or more than `MOST_REQUESTS`.
    """
    from toolkit.workload.traces.client_mix import ClientMix  # noqa: PLC0415 - 40 ms, for this format alone

    mix = load_yaml_model(Path(source.file), ClientMix, error=lambda problems: InputError("\n".join(problems)))
    rows: list[TraceRow] = []
    notes = []
    for place, client in enumerate(mix.value.clients):
        line = mix.line_of(("clients", place)) or 1
        before = len(rows)
        for number in range(1, client.count + 1):
            name = client.name if client.count == 1 else f"{client.name}-{number}"
            rows.extend(islice(_requests(client, name, line, mix.value.duration, seed), MOST_REQUESTS + 1 - len(rows)))
            if len(rows) > MOST_REQUESTS:
                raise InputError(f"{_at(mix, place)} clients: more than {MOST_REQUESTS:,} requests; ask for fewer")
        notes.append(f"{client.name} {len(rows) - before}")
    if not rows:
        raise InputError(
            f"{mix.at(('duration',))} duration: no client asks anything within it; give a longer one, or higher rates"
        )
    rows.sort(key=lambda row: (row.at_ns, row.session or ""))
    return tuple(rows), (f"Drawn with seed {seed} from a mix of clients: {', '.join(notes)} requests.",)


def _requests(client: Client, name: str, line: int, duration_ns: int, seed: int) -> Iterator[TraceRow]:
    end_ns = duration_ns if client.end is None else min(client.end, duration_ns)
    lengths = stream(seed, f"clients/{name}/lengths")
    moments = client.arrivals.build().offsets_ns(stream(seed, f"clients/{name}/arrivals"))
    prompt, output = client.prompt_tokens.build(), client.output_tokens.build()
    coming = takewhile(lambda moment: moment + client.start < end_ns, moments)
    for number, at_ns in enumerate(coming, start=1):
        yield TraceRow(
            line=line,
            at_ns=client.start + at_ns,
            prompt_tokens=max(1, round(prompt.at(lengths.random()))),
            output_tokens=max(1, round(output.at(lengths.random()))),
            model=client.model,
            session=name,
            shared_prefix_tokens=0,
            service_ns=None,
            options=() if client.num_ctx is None else (("num_ctx", client.num_ctx),),
            priority=client.priority,
            id=f"{name}/{number}",
        )


def _at(mix: Positioned[ClientMix], place: int) -> str:
    return mix.at(("clients", place))
