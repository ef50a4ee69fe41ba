"""When a hypervisor took the cores away: Linux counts it in `/proc/stat`, for each core, in hundredths of a second.

What was under way at such a moment tells of the neighbours on the machine, not of what is measured. Elsewhere than on
Linux nothing is known, and all counts.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

_EVERY_S: Final = 0.05
_STEAL: Final = 8
"""The column of `cpu0 …` that has it."""


class Watch:
    """Looks again and again while its block runs; `disturbed` then tells of any time in it, on the monotonic clock."""

    def __init__(self, file: Path = Path("/proc/stat")) -> None:
        self._file = file
        self._looks: list[tuple[int, int]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def disturbed(self, begin_ns: int, end_ns: int) -> bool:
        """Whether a core was taken in that time, or just before or after: it is counted a little late."""
        pad_ns = round(_EVERY_S * 1e9)
        return any(
            after != before and begin_ns <= late_ns + pad_ns and early_ns - pad_ns <= end_ns
            for (early_ns, before), (late_ns, after) in zip(self._looks, self._looks[1:], strict=False)
        )

    def _run(self) -> None:
        while not self._over.is_set():
            self._look()
            self._over.wait(_EVERY_S)

    def _look(self) -> None:
        try:
            lines = self._file.read_text(encoding="ascii").splitlines()
        except OSError:
            return
        cores = [line.split() for line in lines if line.startswith("cpu") and line[3:4].isdigit()]
        self._looks.append((time.monotonic_ns(), sum(int(core[_STEAL]) for core in cores)))
