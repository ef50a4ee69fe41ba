"""The router of a config's `llm` section."""

from __future__ import annotations

from toolkit.config.llm import LlmSection
from toolkit.routing.from_config import router_from_config
from toolkit.routing.router import Rule


def test_rules_and_roles_come_from_the_section() -> None:
    llm = LlmSection.model_validate(
        {
            "models": {"primary": "big", "quick": {"name": "small", "role": "fast"}},
            "routing": {"rules": [{"pattern": "^a", "model": "other"}]},
        }
    )
    router = router_from_config(llm)
    assert router.rules == (Rule("^a", "other"),)
    assert router.models == (("primary", "big"), ("fast", "small"))
    assert router.route("b").model == "small"
