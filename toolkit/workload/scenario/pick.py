"""Which prompt comes next."""

from __future__ import annotations

from itertools import accumulate, cycle, repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from toolkit.workload.scenario.schema import Prompt, Scenario


def picks(scenario: Scenario, rng: random.Random) -> Iterator[Prompt]:
    """Endless prompts: the `sequence` round and round, or drawn by weight, one number of `rng` each."""
    if scenario.sequence is not None:
        by_id = {prompt.id: prompt for prompt in scenario.prompts}
        return cycle([by_id[each] for each in scenario.sequence])
    cumulative = list(accumulate(prompt_weights(scenario)))
    return (rng.choices(scenario.prompts, cum_weights=cumulative)[0] for _ in repeat(None))


def prompt_weights(scenario: Scenario) -> tuple[float, ...]:
    """The share of each prompt, not normalised: its weight, scaled so that the labels come as `mix` says."""
    if scenario.mix is None:
        return tuple(prompt.weight for prompt in scenario.prompts)
    totals = {
        label: sum(prompt.weight for prompt in scenario.prompts if prompt.label == label) for label in scenario.mix
    }
    return tuple(
        scenario.mix[prompt.label] * prompt.weight / totals[prompt.label] if prompt.label and prompt.weight else 0.0
        for prompt in scenario.prompts
    )
