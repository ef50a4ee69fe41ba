"""Random numbers with a name, so that a change in one part of a scenario leaves the others as they were."""

from __future__ import annotations

import random


def stream(seed: int, name: str) -> random.Random:
    """A generator of its own for one use (`arrivals`, `prompts`, `lengths`, `think`, …) of a run's seed.

    Streams of unlike names are independent; the same seed and name give the same numbers on every machine and Python.
    """
    return random.Random(f"hotswap/{name}/{seed}")  # a string is hashed with SHA-512, whatever PYTHONHASHSEED says
