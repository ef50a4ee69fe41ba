"""The body of a question about other strategies."""

from typing import Annotated

from pydantic import ConfigDict, Field

from toolkit.gateway.api.fields import Shape
from toolkit.gateway.whatif.question import MOST_STRATEGIES


class WhatIfBody(Shape):
    """`POST /api/llm/what-if`: which strategies, and over which time (`1h`, `24h`, `7d`; null for the whole trace)."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    strategies: list[str] = Field(min_length=1, max_length=MOST_STRATEGIES)
    since: Annotated[str | None, Field(pattern=r"^[1-9][0-9]{0,4}[mhd]$")] = None
