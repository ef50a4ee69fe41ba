"""One comparison at a time, in a process of its own: begun, watched, given up, and what came of it.

The process is `hotswap compare --trace` with the gateway's own config. It simulates: it is given no host, and never
asks one. The latest answer stays until the next question or the end of the gateway; who comes back finds it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import secrets
import signal
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from toolkit.gateway.refusal import Refusal, Why
from toolkit.gateway.whatif.answer import answer_from
from toolkit.gateway.whatif.bounded import MOST_CPU_S, MOST_MEMORY_BYTES
from toolkit.gateway.whatif.question import OFFERED

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable

    from toolkit.gateway.whatif.question import Question, Queue

MOST_S: Final = 600.0
GRACE_S: Final = 1.0
_LINES: Final = 20
_PIPE_BYTES: Final = 1 << 20
_PROGRESS: Final = "progress"
_SINGLE_THREADED: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Means:
    """How to compare: the program with the gateway's config, its trace, and sentences about the simulated host."""

    command: tuple[str, ...]
    trace: Path
    in_use: str
    queue: Queue
    caveats: tuple[str, ...] = ()


@dataclass(slots=True)
class _Run:
    """One question and what is known of it so far. `token` names its report: who does not know it does not get it."""

    question: Question
    began_s: float
    folder: tempfile.TemporaryDirectory[str]
    token: str
    state: str = "running"
    why: str | None = None
    answered: int = 0
    of: int | None = None
    took_s: float | None = None
    result: dict[str, Any] | None = None
    work: asyncio.Task[None] | None = None


class Desk:
    """See the module. Without `means` it only says that, and why. `clock_s` is one that does not go back."""

    def __init__(self, means: Means | None, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._means = means
        self._clock_s = clock_s
        self._run: _Run | None = None

    @property
    def in_use(self) -> str:
        """The strategy that is compared in any case. Raises Refusal where nothing can be compared."""
        return self._needed().in_use

    def ask(self, question: Question) -> None:
        """Begin.

        Raises:
            Refusal: one is under way, or there is nothing to compare with.
        """
        means = self._needed()
        if self._run is not None and self._run.state == "running":
            raise Refusal(Why.BUSY, "a comparison is under way; wait for it, or cancel it", 5)
        self._forget()
        folder = tempfile.TemporaryDirectory(prefix="hotswap-what-if-", ignore_cleanup_errors=True)
        run = _Run(question, self._clock_s(), folder, secrets.token_urlsafe(16))
        run.work = asyncio.get_running_loop().create_task(self._compare(run, means))
        self._run = run

    async def over(self) -> None:
        """Wait until nothing is under way."""
        if self._run is not None and self._run.work is not None:
            await asyncio.wait({self._run.work})

    async def cancel(self) -> None:
        """Give up what is under way, if anything is."""
        run = self._run
        if run is not None and run.work is not None and not run.work.done():
            run.work.cancel()
            await asyncio.wait({run.work})
            if run.state == "running":  # it had not begun yet
                run.state, run.why = "cancelled", _CANCELLED

    async def aclose(self) -> None:
        """Give up what is under way, and remove what was written."""
        await self.cancel()
        self._forget()

    def report(self, token: str) -> Path:
        """The page of the comparison that has this token. Raises Refusal."""
        run = self._run
        if run is None or run.result is None or not hmac.compare_digest(run.token.encode(), token.encode()):
            raise Refusal(
                Why.NOT_FOUND, "there is no such report (any more); the latest one is linked on the dashboard"
            )
        return Path(run.folder.name) / "index.html"

    def as_json(self) -> dict[str, Any]:
        """Where things stand. `state`: off, idle, running, done, failed or cancelled."""
        means, run = self._means, self._run
        if means is None:
            return {"state": "off", "why": "the gateway writes no trace (gateway.trace.file), so there is none to play"}
        offered = [{"name": name, "does": does} for name, does in OFFERED if name != means.in_use]
        known = {"in_use": means.in_use, "queue": means.queue.discipline, "offered": offered}
        if run is None:
            return {"state": "idle", **known}
        took_s = self._clock_s() - run.began_s if run.took_s is None else run.took_s
        return {
            "state": run.state,
            **known,
            "why": run.why,
            "asked": run.question.as_json(),
            "answered": run.answered,
            "of": run.of,
            "took_s": round(took_s, 3),
            "result": run.result,
            "report": None if run.result is None else f"what-if/{run.token}",
        }

    def _needed(self) -> Means:
        if self._means is None:
            raise Refusal(Why.NOT_FOUND, "the gateway writes no trace (gateway.trace.file), so there is none to play")
        return self._means

    def _forget(self) -> None:
        if self._run is not None:
            self._run.folder.cleanup()
            self._run = None

    async def _compare(self, run: _Run, means: Means) -> None:
        """Play it. Never raises: what goes wrong is the run's state."""
        try:
            async with asyncio.timeout(MOST_S):
                run.result = await _played(run, means)
            run.state = "done"
        except TimeoutError:
            run.state, run.why = "failed", f"it took longer than {MOST_S / 60:.0f} minutes; {_LESS}"
        except asyncio.CancelledError:
            run.state, run.why = "cancelled", _CANCELLED
        except OSError as error:
            run.state, run.why = "failed", f"the comparison could not be started: {error.strerror or error}"
        except _Failed as failure:
            run.state, run.why = "failed", str(failure)
        finally:
            run.took_s = self._clock_s() - run.began_s


class _Failed(Exception):  # noqa: N818 - never leaves this module
    """The process ended without a result; the text says why."""


_CANCELLED: Final = "it was cancelled"
_LESS: Final = "choose a shorter time, or fewer strategies"


async def _played(run: _Run, means: Means) -> dict[str, Any]:
    options = (
        f"--trace={means.trace}",
        "--format=jsonl",
        f"--out={run.folder.name}",
        "--json",
        "--no-store",
        "--known-models",
    )
    process = await asyncio.create_subprocess_exec(
        *means.command,
        *options,
        *run.question.options(means.queue),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C at the gateway's terminal is the gateway's
        limit=_PIPE_BYTES,
        env={**os.environ, "HOTSWAP_PROGRESS": "lines", **dict.fromkeys(_SINGLE_THREADED, "1")},
    )
    try:
        said, told = await asyncio.gather(_all_of(process), _followed(process, run))
        code = await process.wait()
    finally:
        await _ended(process)
    if code != 0:
        raise _Failed(_why(code, told))
    try:
        return answer_from(json.loads(said), means.in_use, means.queue.discipline, means.caveats)
    except (ValueError, KeyError, TypeError) as error:
        raise _Failed(f"the comparison printed something else than its results ({type(error).__name__})") from error


async def _all_of(process: Process) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    return await process.stdout.read()


async def _followed(process: Process, run: _Run) -> deque[str]:
    """Take the progress out of what it says on stderr; gives the last of the other lines."""
    assert process.stderr is not None  # noqa: S101 - it was asked for
    others: deque[str] = deque(maxlen=_LINES)
    async for line in process.stderr:
        words = line.decode("utf-8", "replace").split()
        if len(words) == 3 and words[0] == _PROGRESS:  # noqa: PLR2004 - the word and two numbers
            run.answered, run.of = int(words[1]), int(words[2])
        elif words:
            others.append(" ".join(words))
    return others


async def _ended(process: Process) -> None:
    """Have it end: asked first, then killed with all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await process.wait()


def _why(code: int, told: deque[str]) -> str:
    last = told[-1] if told else "it said nothing"
    if code == -signal.SIGXCPU:
        return f"it used more than {MOST_CPU_S} s of the processor; {_LESS}"
    if "MemoryError" in last or code == -signal.SIGKILL:
        return f"it needed more than {MOST_MEMORY_BYTES >> 30} GiB of memory, or the system ended it; {_LESS}"
    return last
