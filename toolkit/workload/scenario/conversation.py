"""One prompt, picked at some moment, as the requests it makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.workload.plan import PlannedRequest
from toolkit.workload.tokens import estimate_message_tokens

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from toolkit.workload.scenario.schema import Prompt, Scenario, Turn


@dataclass(frozen=True, slots=True)
class Streams:
    """The random numbers of a plan, one stream for each use."""

    lengths: random.Random
    think: random.Random


@dataclass(frozen=True, slots=True)
class Opening:
    """How a conversation begins: at a moment of its own, or `think_ns` after the answer to another request."""

    number: int
    at_ns: int | None
    after: str | None
    think_ns: int


def requests_of(prompt: Prompt, opening: Opening, scenario: Scenario, streams: Streams) -> Iterator[PlannedRequest]:
    """The first message and, each after the answer to the one before, its follow-ups.

    Every message brings the whole history: the previous request's prompt and answer are its shared prefix.
    """
    messages = prompt.messages()
    session = f"s{opening.number:04d}" if len(messages) > 1 else None
    system = prompt.system if prompt.system is not None else scenario.system
    history_tokens = estimate_message_tokens(system) if system else 0
    previous: str | None = None
    for place, turn in enumerate(messages):
        identity = f"{opening.number:04d}" if session is None else f"{opening.number:04d}.{place + 1}"
        prompt_tokens = history_tokens + _message_tokens(turn, prompt, scenario, streams.lengths)
        output_tokens = _output_tokens(turn, prompt, scenario, streams.lengths)
        yield PlannedRequest(
            id=identity,
            at_ns=opening.at_ns if previous is None else None,
            after=opening.after if previous is None else previous,
            think_ns=opening.think_ns if previous is None else _think_ns(turn, prompt, scenario, streams.think),
            text=turn.text,
            system=system,
            prompt_tokens=prompt_tokens,
            shared_prefix_tokens=0 if previous is None else history_tokens,
            output_tokens=output_tokens,
            model=turn.model or prompt.model,
            label=turn.label or prompt.label,
            session=session,
        )
        previous = identity
        history_tokens = prompt_tokens + output_tokens


def _message_tokens(turn: Turn, prompt: Prompt, scenario: Scenario, rng: random.Random) -> int:
    """What the message adds to the history: its text at least, more if something is pasted into it."""
    written = estimate_message_tokens(turn.text)
    spread = turn.prompt_tokens or prompt.prompt_tokens or scenario.prompt_tokens
    return written if spread is None else max(written, round(spread.build().at(rng.random())))


def _output_tokens(turn: Turn, prompt: Prompt, scenario: Scenario, rng: random.Random) -> int:
    spread = turn.output_tokens or prompt.output_tokens or scenario.output_tokens
    return max(1, round(spread.build().at(rng.random())))


def _think_ns(turn: Turn, prompt: Prompt, scenario: Scenario, rng: random.Random) -> int:
    spread = turn.think or prompt.think or scenario.think
    return int(spread.build().at(rng.random()))
