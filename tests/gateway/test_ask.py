"""What a client asks for beside the body."""

from __future__ import annotations

import pytest

from toolkit.gateway.ask import PRIORITIES, priority_of
from toolkit.gateway.refusal import Refusal


def test_a_priority_is_one_of_three_and_an_empty_one_is_none() -> None:
    assert [priority_of(text) for text in (None, "", "  ", "normal")] == [PRIORITIES["normal"]] * 4
    assert priority_of(" High ") == PRIORITIES["high"]
    with pytest.raises(Refusal, match="one of low, normal, high"):
        priority_of("highest")
