"""Which model a prompt goes to, and why: custom rules in order, the code heuristic, length, the default."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.routing.heuristics import CODE_KEYWORDS, CODE_PATTERN, FENCED
from toolkit.routing.patterns import SET_MEMORY_BYTES, PatternError, PatternList, compile_pattern, compile_set
from toolkit.routing.text import encoded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PRIMARY, CODE, FAST = "primary", "code", "fast"
FAST_BELOW_CODE_POINTS = 100

_SHOWN_PATTERN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Rule:
    """A custom rule: prompts in which `pattern` (RE2 syntax, unanchored, case counts) occurs go to `model`."""

    pattern: str
    model: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a prompt goes, and why.

    `role` is the role (primary, code, fast, …) that the model has in the config, None if it has none. `rule` is the
    custom rule's number, from 1; `keyword` what the code heuristic found. Both are None where they did not decide.
    """

    model: str
    role: str | None
    reason: str
    rule: int | None = None
    keyword: str | None = None


class Router:
    """Routes texts to models. Pure: the same text gives the same decision. Safe to share between threads.

    `models` is the model of each role, in the config's order. `primary` must be there; without `code` the code
    heuristic is off, without `fast` short texts are like any other. A rule may name a model that has no role.

    Raises:
        UsageError: there is no primary model.
        PatternError: a rule's pattern cannot be compiled; the message names the rule.
    """

    def __init__(
        self, rules: Sequence[Rule], models: Mapping[str, str], *, set_memory_bytes: int = SET_MEMORY_BYTES
    ) -> None:
        if PRIMARY not in models:
            raise UsageError(f"no model has the role {PRIMARY!r}: add `primary: NAME` to the config's llm.models")
        _check(rules)
        self.rules = tuple(rules)
        self.models = tuple(models.items())
        patterns = [rule.pattern for rule in self.rules] + ([CODE_PATTERN] if CODE in models else [])
        self._patterns = PatternList(patterns, compile_set(patterns, set_memory_bytes))
        self._code = compile_pattern(CODE_PATTERN)
        self._by_rule = tuple(self._decide_by_rule(number, rule) for number, rule in enumerate(self.rules, start=1))
        self._by_keyword = {word: self._decide_by_keyword(word) for word in (*CODE_KEYWORDS, FENCED) if CODE in models}
        self._short, self._default = self._decide_by_length(models)

    def role_of(self, model: str) -> str | None:
        """The first role that has the model of this name."""
        return next((role for role, name in self.models if name == model), None)

    def route(self, text: str) -> Decision:
        """Decide about a text; lone surrogates in it count as U+FFFD."""
        data, code_points = encoded(text)
        first = self._patterns.first(data)
        if first is None:
            return self._short if code_points < FAST_BELOW_CODE_POINTS else self._default
        if first < len(self._by_rule):
            return self._by_rule[first]
        return self._by_keyword[self._keyword(data)]

    def _keyword(self, data: bytes) -> str:
        """What the code heuristic found, in its own spelling (the text's may have capitals, or a Kelvin sign for k)."""
        found: bytes | None = self._code.search(data).group(1)
        if not found:
            return FENCED
        folded = found.decode().casefold()
        return folded if folded in self._by_keyword else FENCED

    def _decide_by_rule(self, number: int, rule: Rule) -> Decision:
        shown = rule.pattern.replace("\n", "\\n")
        if len(shown) > _SHOWN_PATTERN_CHARACTERS:
            shown = shown[: _SHOWN_PATTERN_CHARACTERS - 1] + "…"
        return Decision(rule.model, self.role_of(rule.model), f"rule {number}: {shown}", rule=number)

    def _decide_by_keyword(self, keyword: str) -> Decision:
        what = keyword if keyword == FENCED else f"the word {keyword!r}"
        return Decision(dict(self.models)[CODE], CODE, f"code heuristic: {what}", keyword=keyword)

    def _decide_by_length(self, models: Mapping[str, str]) -> tuple[Decision, Decision]:
        """The decisions about a short and about a long text that no pattern matched."""
        default = Decision(models[PRIMARY], PRIMARY, "default: no rule, no code, not short")
        if FAST not in models:
            default = replace(default, reason="default: no rule, no code")
            return default, default
        return Decision(models[FAST], FAST, f"shorter than {FAST_BELOW_CODE_POINTS} characters"), default


def _check(rules: Sequence[Rule]) -> None:
    for number, rule in enumerate(rules, start=1):
        try:
            compile_pattern(rule.pattern)
        except PatternError as error:
            raise PatternError(f"routing rule {number}: {error}") from None
