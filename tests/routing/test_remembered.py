"""A text is decided about once."""

from __future__ import annotations

from toolkit.routing.remembered import RememberedRoutes


def test_the_decision_is_the_routers_and_is_made_once() -> None:
    asked: list[str] = []

    def decide(text: str) -> int:
        asked.append(text)
        return len(text)

    routes = RememberedRoutes(decide)
    assert [routes.route(text) for text in ("a", "bb", "a")] == [1, 2, 1]
    assert asked == ["a", "bb"]
