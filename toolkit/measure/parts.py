"""Halves of a recording, so that what is fitted to one is judged by the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.measure.recording import Recording

PARTS = ("all", "first-half", "second-half", "odd", "even")
OTHER = {"first-half": "second-half", "second-half": "first-half", "odd": "even", "even": "odd"}
"""The half that is left for the other purpose."""


def numbers_of(recording: Recording, part: str) -> frozenset[int]:
    """The numbers of the requests of a part: halves by order of sending, or every other request.

    `part` is one of `PARTS`.
    """
    ordered = [request.number for request in sorted(recording.requests, key=lambda request: request.sent_ns)]
    middle = len(ordered) // 2
    chosen = {
        "all": ordered,
        "first-half": ordered[:middle],
        "second-half": ordered[middle:],
        "odd": ordered[1::2],
        "even": ordered[::2],
    }[part]
    return frozenset(chosen)
