"""What a scenario's parts must be to each other; the parts themselves are checked by their models."""

from __future__ import annotations

import difflib
from collections import defaultdict
from typing import TYPE_CHECKING

from toolkit.config.positions import format_key_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.config.positions import Positioned
    from toolkit.config.yaml_tree import KeyPath
    from toolkit.workload.scenario.schema import Scenario


def contradictions(scenario: Positioned[Scenario]) -> tuple[str, ...]:
    """One `FILE:LINE: key.path: …` sentence for each pair of parts that do not fit, in file order."""
    found = [*_ids(scenario.value), *_sequence(scenario.value), *_mix(scenario.value), *_weights(scenario.value)]
    found.sort(key=lambda each: scenario.line_of(each[0]) or 0)
    return tuple(f"{scenario.at(path)} {format_key_path(path)}: {text}" for path, text in found)


def _ids(scenario: Scenario) -> Iterator[tuple[KeyPath, str]]:
    first: dict[str, int] = {}
    for place, prompt in enumerate(scenario.prompts):
        if prompt.id is None:
            continue
        if prompt.id in first:
            yield ("prompts", place, "id"), f"found {prompt.id!r}, which prompts[{first[prompt.id]}] has already"
        first.setdefault(prompt.id, place)


def _sequence(scenario: Scenario) -> Iterator[tuple[KeyPath, str]]:
    ids = [prompt.id for prompt in scenario.prompts if prompt.id is not None]
    for place, wanted in enumerate(scenario.sequence or ()):
        if wanted not in ids:
            close = difflib.get_close_matches(wanted, ids, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"prompts with an id: {', '.join(ids) or 'none'}"
            yield ("sequence", place), f"found {wanted!r}, and no prompt has this id; {hint}"


def _mix(scenario: Scenario) -> Iterator[tuple[KeyPath, str]]:
    if scenario.mix is None:
        return
    if not any(scenario.mix.values()):
        yield ("mix",), "all shares are 0, so nothing would ever be asked"
    weights: defaultdict[str, float] = defaultdict(float)
    for place, prompt in enumerate(scenario.prompts):
        if prompt.label is None:
            yield ("prompts", place), "the prompt needs a label, because the scenario has a mix of labels"
        elif prompt.label not in scenario.mix:
            yield ("prompts", place, "label"), f"found {prompt.label!r}, which has no share in mix; give it one, if 0"
        else:
            weights[prompt.label] += prompt.weight
    for label, share in scenario.mix.items():
        if share and not weights[label]:
            yield ("mix", label), "no prompt with this label has a weight above 0"


def _weights(scenario: Scenario) -> Iterator[tuple[KeyPath, str]]:
    if scenario.sequence is None and not any(prompt.weight for prompt in scenario.prompts):
        yield (
            ("prompts",),
            "all weights are 0, so nothing would ever be asked; give at least one prompt a weight above 0",
        )
