"""Writes down what a scheduler does, in the golden format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.host.scheduler import Launch, Request, Runner, RunnerReport
from toolkit.host.trace.events import sorted_events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from toolkit.host.scheduler import GpuSpec

Fields = dict[str, Any]


class Recorder:
    """An Observer. `events()` gives the list; instants are closed as time moves on."""

    def __init__(self, gpus: Sequence[GpuSpec], names: Mapping[str, str] | None = None) -> None:
        """`names`: under which name a blob's runners go, by digest; by default the name it was loaded under."""
        self._gpu_ids = [gpu.id for gpu in gpus]
        self._names = names or {}
        self._events: list[Fields] = []
        self._now_ns = -1
        self._states: dict[Runner, Fields] = {}
        """States touched in this instant, the last of each runner."""
        self._shown: dict[Runner, Fields] = {}
        self._this_instant: set[tuple[Any, ...]] = set()
        self._starting: Fields | None = None
        self._writers: dict[str, Callable[..., Fields]] = {
            "request_cancelled": _cancelled,
            "request_served": self._served,
            "request_rejected": self._rejected,
            "request_failed": self._failed,
            "fit_check": self._fit_check,
            "evict": self._evict,
            "load_start": self._load_start,
            "load_done": self._load_done,
            "load_failed": _load_failed,
        }

    def events(self) -> list[Fields]:
        """Everything so far, sorted."""
        self._close_instant()
        return sorted_events(self._events)

    def runner_name(self, runner: Runner) -> str:
        """`<model>#<n>`."""
        return f"{self._names.get(runner.key, runner.model.name)}#{runner.number}"

    # Observer ----------------------------------------------------------------------------------------------------

    def event(self, now_ns: int, name: str, **fields: Any) -> None:
        """Write one event down."""
        self._move(now_ns)
        if name == "process_started":
            self._process_started(**fields)
            return
        writer = self._writers.get(name)
        if writer is not None:
            extra = writer(**{key: value for key, value in fields.items() if key != "model"})
            for used in ("plan", "launch", "failure", "serving", "victim"):
                fields.pop(used, None)
        else:
            extra = {}
        written: Fields = {"t_ns": now_ns, "event": name}
        for key, value in fields.items():
            if value is not None:
                written[key] = self._plain(value)
        written.update(extra)
        if name in {"fit_check", "evict"} and self._is_repeat(written):
            return
        self._events.append(written)
        if name == "load_start":
            self._starting = written

    def touched(self, now_ns: int, runner: Runner) -> None:
        """Remember the runner's state; what it is when the instant ends is written down if it is new."""
        self._move(now_ns)
        self._states[runner] = state_fields(runner)

    def _move(self, now_ns: int) -> None:
        if now_ns != self._now_ns:
            self._close_instant()
            self._now_ns = now_ns

    def _close_instant(self) -> None:
        for runner, state in self._states.items():
            if self._shown.get(runner) != state:
                self._shown[runner] = state
                self._events.append(
                    {"t_ns": self._now_ns, "event": "runner_state", "runner": self.runner_name(runner), **state}
                )
        self._states.clear()
        self._this_instant.clear()

    def _is_repeat(self, written: Fields) -> bool:
        """A victim chosen again, or a check made again with the same figures, in one instant."""
        key: tuple[Any, ...]
        if written["event"] == "evict":
            key = ("evict", written.get("request"), written["victim"], written["reason"])
        else:
            key = tuple((name, str(value)) for name, value in written.items())
        if key in self._this_instant:
            return True
        self._this_instant.add(key)
        return False

    def _plain(self, value: Any) -> Any:
        if isinstance(value, Runner):
            return self.runner_name(value)
        if isinstance(value, Request):
            return value.id
        return getattr(value, "name", value)

    # Events with more than names ---------------------------------------------------------------------------------

    def _served(self, request: Request, **_: Any) -> Fields:
        return {"wait_ns": self._now_ns - request.arrived_ns}

    def _failed(self, request: Request, **_: Any) -> Fields:
        return {"wait_ns": self._now_ns - request.arrived_ns}

    def _rejected(self, request: Request | str, **_: Any) -> Fields:
        """One that was refused before the scheduler saw it never waited."""
        return {"wait_ns": self._now_ns - request.arrived_ns} if isinstance(request, Request) else {}

    def _fit_check(self, plan: Any, **_: Any) -> Fields:
        return {
            "free": plan.free_bytes,
            "gpus": [gpu.spec.id for gpu in plan.placement.gpus],
            "limit": plan.limit_bytes,
            "num_batch": plan.num_batch,
            "predicted": plan.predicted_bytes,
            "surcharge": plan.surcharge_bytes,
            "total_ctx": plan.total_ctx,
        }

    def _evict(self, victim: Runner, **_: Any) -> Fields:
        return {
            "victim": self.runner_name(victim),
            "victim_ref_count": victim.ref_count,
            "victim_session_ns": victim.session_ns,
        }

    def _load_start(self, runner: Runner, launch: Launch, **_: Any) -> Fields:
        return {
            "gpus": [self._gpu_ids[gpu] for gpu in launch.gpus],
            "main_gpu": launch.main_gpu,
            "model": self._names.get(runner.key, runner.model.name),
            "num_batch": launch.num_batch,
            "num_ctx": launch.num_ctx,
            "num_ctx_asked": launch.num_ctx_asked,
            "num_gpu": launch.num_gpu,
            "num_parallel": launch.num_parallel,
            "predicted": launch.predicted_bytes,
            "require_full": launch.require_full,
            "surcharge": launch.surcharge_bytes,
            "use_mmap": launch.use_mmap,
        }

    def _process_started(self, runner: Runner, report: RunnerReport) -> None:
        """What it took completes the event of its start."""
        del runner
        if self._starting is not None:
            self._starting["vram"] = report.vram_bytes

    def _load_done(self, runner: Runner, **_: Any) -> Fields:
        report = runner.report
        return {
            "total_size": report.total_bytes,
            "vram": report.vram_bytes,
            "vram_by_gpu": {self._gpu_ids[gpu]: held for gpu, held in report.vram_by_gpu},
        }


def state_fields(runner: Runner) -> Fields:
    """A runner's state as `runner_state` and `final` show it."""
    return {
        "expires_at_ns": runner.expires_at_ns,
        "ref_count": runner.ref_count,
        "session_ns": runner.session_ns,
        "timer_armed": runner.timer_due_ns is not None,
    }


def _cancelled(serving: bool, **_: Any) -> Fields:
    return {"state": "serving" if serving else "waiting"}


def _load_failed(failure: Any, **_: Any) -> Fields:
    return {"kind": failure.kind, "error": failure.error}
