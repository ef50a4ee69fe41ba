"""Simulations on a Dask cluster (`pip install hotswap-toolkit[dask]`).

Points are sent to the scheduler at once; Dask gives them to workers, and those of a worker that dies to others. A point
is counted when its result is here, under its place, so a point that ran twice counts once.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from toolkit.errors import HostError, UsageError
from toolkit.plan.evaluate import source_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from toolkit.plan.case import Point
    from toolkit.plan.tally import Tally

SCHEME: Final = "dask://"


class DaskExecutor:
    """See `Executor`. `address` is that of the scheduler, as `dask://HOST:PORT`.

    Raises:
        UsageError: the package is not installed, or the address is none.
        HostError: no scheduler answers there, it has no workers, or a worker has another version of the toolkit.
    """

    def __init__(self, address: str, *, timeout_s: float = 10) -> None:
        place = address.removeprefix(SCHEME)
        if ":" not in place:
            raise UsageError(f"--executor {address}: write the scheduler's address, as in dask://10.0.0.5:8786")
        try:
            distributed: Any = import_module("distributed")  # an extra, without type information
        except ImportError:
            raise UsageError("--executor dask:// needs the extra: pip install 'hotswap-toolkit[dask]'") from None
        self._distributed: Any = distributed
        self._waiting: list[Any] = []
        try:
            self._client: Any = distributed.Client(f"tcp://{place}", timeout=timeout_s, set_as_default=False)
        except (OSError, TimeoutError) as error:
            raise HostError(
                f"no Dask scheduler answers at {place} in {timeout_s:g} s; is `dask scheduler` running there?"
            ) from error
        try:
            self._check_workers(place)
        except BaseException:
            self.close()
            raise

    def run(self, work: Callable[[Point], Tally], points: Sequence[Point]) -> Iterator[tuple[int, Tally]]:
        """As they are finished."""
        futures = self._client.map(work, points, pure=False)
        places = {future.key: place for place, future in enumerate(futures)}
        self._waiting = futures
        try:
            for future in self._distributed.as_completed(futures, loop=self._client.loop):
                place = places.pop(future.key, None)
                if place is not None:
                    yield place, future.result()
        except self._distributed.KilledWorker as error:
            raise HostError(f"workers of the Dask cluster keep dying: {error}") from error
        self._waiting = []

    def close(self) -> None:
        """Give up what is not finished, and leave the cluster as it was."""
        with warnings.catch_warnings(action="ignore"):  # of a scheduler that has gone before us
            if self._waiting:
                self._client.cancel(self._waiting)
            self._client.close()

    def _check_workers(self, place: str) -> None:
        """Every worker must simulate what this process would."""
        theirs: dict[str, str] = self._client.run(source_digest)
        if not theirs:
            raise HostError(f"the Dask cluster at {place} has no workers; start some with `dask worker {place}`")
        other = sorted(name for name, digest in theirs.items() if digest != source_digest())
        if other:
            raise HostError(f"workers with another version of hotswap: {', '.join(other)}; install this one there")
