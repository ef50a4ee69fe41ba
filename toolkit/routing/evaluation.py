"""How often the router sends labelled prompts where a person would have sent them.

The file is JSON Lines: one object a line with `text` and `label`, a role (`code`) or a model's name; other keys are
left alone, empty lines skipped. A role and its model are one class, shown by the first role that has the model: the
router is right if the prompt reaches the right model.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from toolkit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolkit.routing.router import Decision, Router

_Z_95 = 1.959964
_UTF8_SIGNATURE = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class LabelledPrompt:
    """A prompt, where a person would send it (a role or a model), and where that is written (`FILE:LINE`)."""

    text: str
    label: str
    where: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """A prompt that went elsewhere: the class it belongs to, and what the router decided."""

    prompt: LabelledPrompt
    expected: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The router against labels.

    `confusion[i][j]` counts prompts that belong to `labels[i]` and went to `labels[j]`; `labels` holds every class
    that occurs, roles first in the config's order. `mistakes` stand in the file's order.
    """

    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    mistakes: tuple[Mistake, ...]

    @property
    def prompts(self) -> int:
        """How many prompts were routed."""
        return sum(map(sum, self.confusion))

    @property
    def correct(self) -> int:
        """How many went where they belong."""
        return sum(row[index] for index, row in enumerate(self.confusion))

    @property
    def accuracy(self) -> float:
        """`correct / prompts`, 0 to 1."""
        return self.correct / self.prompts

    @property
    def accuracy_interval(self) -> tuple[float, float]:
        """Where the accuracy on many such prompts would lie, 95 %: Wilson's score interval (1927)."""
        n, rate, z2 = self.prompts, self.accuracy, _Z_95**2
        middle = (rate + z2 / (2 * n)) / (1 + z2 / n)
        half = _Z_95 / (1 + z2 / n) * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)


def parse_labelled(data: bytes, source: str) -> tuple[LabelledPrompt, ...]:
    """The prompts of a file; `source` is its name in messages.

    Raises:
        InputError: a row is not such an object (`SOURCE:LINE: …`), or there is no row at all.
    """
    prompts = tuple(_rows(data.removeprefix(_UTF8_SIGNATURE), source))
    if not prompts:
        raise InputError(
            f'{source}:1: no labelled prompt in the file; write lines like {{"text": "…", "label": "code"}}'
        )
    return prompts


def evaluate(router: Router, prompts: Sequence[LabelledPrompt]) -> Evaluation:
    """Route every prompt and compare. `prompts` must not be empty.

    Raises:
        InputError: a label is neither a role nor a model of this router.
    """
    pairs: Counter[tuple[str, str]] = Counter()
    mistakes = []
    for prompt in prompts:
        expected, decision = _expected(router, prompt), router.route(prompt.text)
        actual = router.role_of(decision.model) or decision.model
        pairs[expected, actual] += 1
        if actual != expected:
            mistakes.append(Mistake(prompt, expected, decision))
    seen = {label for pair in pairs for label in pair}
    roles = [role for role, _ in router.models if role in seen]
    labels = (*roles, *sorted(seen.difference(roles)))
    confusion = tuple(tuple(pairs[expected, actual] for actual in labels) for expected in labels)
    return Evaluation(labels, confusion, tuple(mistakes))


def _expected(router: Router, prompt: LabelledPrompt) -> str:
    """The class of the prompt's label, in the spelling of `Evaluation.labels`."""
    by_role = dict(router.models)
    model = by_role.get(prompt.label, prompt.label)
    known = (*by_role, *by_role.values(), *(rule.model for rule in router.rules))
    if prompt.label not in known:
        near = get_close_matches(prompt.label, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(dict.fromkeys(known))}"
        raise InputError(f"{prompt.where}: label {prompt.label!r} is neither a role nor a model of the config; {hint}")
    return router.role_of(model) or model


def _rows(data: bytes, source: str) -> Iterator[LabelledPrompt]:
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        where = f"{source}:{number}"
        try:
            row = json.loads(line.decode())
        except UnicodeDecodeError as error:
            raise InputError(
                f"{where}: not UTF-8 (byte {error.start + 1} of the line); save the file as UTF-8"
            ) from None
        except json.JSONDecodeError as error:
            raise InputError(f"{where}: not JSON: {error.msg} at column {error.colno}") from None
        except (ValueError, RecursionError):  # a number of thousands of digits, thousands of brackets
            raise InputError(f"{where}: not JSON that can be read: too long a number or too deep a nesting") from None
        yield LabelledPrompt(_string(row, "text", where), _string(row, "label", where), where)


def _string(row: object, key: str, where: str) -> str:
    if not isinstance(row, dict):
        raise InputError(f'{where}: expected an object {{"text": "…", "label": "…"}}, found {type(row).__name__}')
    if key not in row:
        raise InputError(f"{where}: no {key!r}; an object needs text and label")
    value = row[key]
    if not isinstance(value, str):
        raise InputError(f"{where}: {key!r} must be a string, found {type(value).__name__}")
    return value
