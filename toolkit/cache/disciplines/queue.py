"""Those who wait: in order of arrival, and by model. What every discipline keeps."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from toolkit.cache.disciplines.base import Waiting


class Queue:
    """All operations are O(1), but for `by_model` and `fullest`: a row a model that somebody waits for at most."""

    __slots__ = ("_all", "_models")

    def __init__(self) -> None:
        self._all: OrderedDict[int, Waiting] = OrderedDict()
        self._models: dict[str, OrderedDict[int, Waiting]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Waiting]:
        """In order of arrival."""
        return iter(self._all.values())

    def add(self, request: Waiting) -> None:
        """One more, who arrived after all others."""
        self._all[request.number] = request
        same = self._models.get(request.model)
        if same is None:
            same = self._models[request.model] = OrderedDict()
        same[request.number] = request

    def take(self, number: int) -> Waiting | None:
        """Remove one; None if it does not wait."""
        request = self._all.pop(number, None)
        if request is not None:
            same = self._models[request.model]
            del same[number]
            if not same:
                del self._models[request.model]
        return request

    def oldest(self) -> Waiting:
        """Who has waited longest; there must be somebody."""
        return next(iter(self._all.values()))

    def by_model(self) -> Iterable[tuple[str, OrderedDict[int, Waiting]]]:
        """Models that somebody waits for, each with its requests in order of arrival."""
        return self._models.items()

    def fullest(self, resident: Collection[str]) -> Waiting:
        """The oldest request for the resident model with the most waiting; if none, for the model with the most.

        Of equals, the one whose oldest request has waited longest.
        """
        waiting = self._models
        # A host may have a thousand models in memory while three are waited for, or the other way round.
        if len(resident) <= len(waiting):
            here = [same for model in resident if (same := waiting.get(model))]
        else:
            here = [same for model, same in waiting.items() if model in resident]
        return min((next(iter(same.values())) for same in _most(here or list(self._models.values()))), key=_number)


def _most(groups: list[OrderedDict[int, Waiting]]) -> Iterator[OrderedDict[int, Waiting]]:
    most = max(map(len, groups))
    return (group for group in groups if len(group) == most)


def _number(request: Waiting) -> int:
    return request.number
