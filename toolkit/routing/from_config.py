"""The router that a config describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.routing.router import Router, Rule

if TYPE_CHECKING:
    from toolkit.config.llm import LlmSection


def router_from_config(llm: LlmSection) -> Router:
    """The router of the config's `llm` section: its rules in order, its models by role.

    Raises:
        PatternError: a rule's pattern cannot be compiled (a config that was loaded from a file has none of those).
    """
    rules = [Rule(rule.pattern, rule.model) for rule in llm.routing.rules]
    return Router(rules, {role: entry.name for role, entry in llm.roles.items()})
