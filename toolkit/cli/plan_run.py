"""One call of `hotswap plan`: from options to a study, and from its answers to what is printed and written."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.options import load_given_twin
from toolkit.cli.plan_progress import plan_bar
from toolkit.errors import Inconclusive, UsageError
from toolkit.experiment.names import one_strategy
from toolkit.experiment.order import Order
from toolkit.experiment.setup import check_models
from toolkit.plan.case import Case
from toolkit.plan.evaluate import Study, setup_of, source_digest
from toolkit.plan.executors.dask import SCHEME, DaskExecutor
from toolkit.plan.executors.pool import PoolExecutor
from toolkit.plan.executors.serial import SerialExecutor
from toolkit.plan.gpu_table import load_table
from toolkit.plan.json_text import to_jsonable
from toolkit.plan.order import workload_of
from toolkit.plan.picture import latency_against_load
from toolkit.plan.planner import QUESTIONS, Asked, answer
from toolkit.plan.points import KnownPoints, PointFile
from toolkit.plan.search import Effort
from toolkit.plan.slo import parse_slos
from toolkit.plan.sweep import Sweep
from toolkit.plan.text import text_of
from toolkit.report.svg import standalone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolkit.plan.answers import Report
    from toolkit.plan.executors.base import Executor
    from toolkit.plan.points import Points

POINTS = Path("reports/plan-points.jsonl")
NARROWEST, WIDEST = 80, 120


def run_plan(given: dict[str, Any]) -> None:
    """Answer, print, and end with 3 where an answer was found and could not be confirmed."""
    if given["host"] is not None:
        raise UsageError("a plan is simulated and asks no host; describe yours with --config, and leave out --host")
    asked = _asked(given)
    study, case = _study(given)
    with _executor(given) as executor, _points(given) as points, plan_bar(quiet=given["quiet"]) as watcher:
        sweep = Sweep(study, executor, points, watcher)
        report = answer(sweep, case, asked)
    if given["as_json"]:
        click.echo(json.dumps(to_jsonable(report), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else NARROWEST
        click.echo(text_of(report, max(NARROWEST, min(columns, WIDEST))))
    if given["out"] is not None:
        _write(report, given["out"], quiet=given["quiet"])
    doubtful = [one.label for one in report.checks if not one.checked.confirmed]
    if doubtful:
        raise Inconclusive(
            f"not confirmed: the largest load {' and '.join(doubtful)}; more repetitions decide (--repeat)"
        )


def _study(given: dict[str, Any]) -> tuple[Study, Case]:
    """The study, and the case that is in force."""
    config = load_given_twin(given["config"], quiet=given["quiet"]).config
    order = Order(
        scenario=given["scenario"], trace=given["trace"], trace_format=given["trace_format"], seed=given["seed"],
        repeat=1, num_ctx=given["num_ctx"], slots=None, mix=given["mix"], speed=1.0, service_scale=1.0,
        limit=given["limit"],
    )  # fmt: skip
    workload = workload_of(order, config)
    slos = parse_slos(given["slos"]) or workload.slos
    if not slos:
        raise UsageError("this workload promises nothing; say what is to be kept, as in --slo ttft=5s@95%")
    strategy = config.llm.cache.type if given["strategy"] is None else one_strategy(given["strategy"])
    case = Case(strategy, given["num_ctx"])
    check_models(setup_of(config, case, case.sites[0]), workload.plan(1.0, 0))
    return Study(config, workload, slos, source_digest()), case


def _asked(given: dict[str, Any]) -> Asked:
    """The questions, and how much is simulated for them. Raises UsageError."""
    questions = given["questions"] or QUESTIONS
    gpus = tuple(name.strip() for name in (given["gpus"] or "").split(",") if name.strip())
    effort = Effort(most=given["repeat"], fewest=min(given["repeat"], Effort().fewest))
    return Asked(questions, load_table(given["gpus_file"]), gpus, effort)


@contextmanager
def _executor(given: dict[str, Any]) -> Iterator[Executor]:
    """The place that `--executor` names. Raises UsageError for another one."""
    makers: dict[str, Callable[[], Executor]] = {
        "pool": lambda: PoolExecutor(given["workers"]),
        "serial": SerialExecutor,
    }
    name: str = given["executor"]
    if name.startswith(SCHEME):
        makers[name] = lambda: DaskExecutor(name)
    if name not in makers:
        raise UsageError(f"--executor {name}: it is pool, serial, or a Dask cluster as dask://HOST:PORT")
    executor = makers[name]()
    with closing(executor):
        yield executor


@contextmanager
def _points(given: dict[str, Any]) -> Iterator[Points]:
    if given["no_points"]:
        yield KnownPoints()
        return
    with closing(PointFile(given["points"] or POINTS)) as points:
        yield points


def _write(report: Report, directory: Path, *, quiet: bool) -> None:
    """Write `plan.json` and a picture of each largest load. Raises UsageError if the directory cannot be written."""
    pictures = {
        f"latency-{number}.svg": scene
        for number, one in enumerate((report.load, report.best_load, report.host_load), start=1)
        if one is not None
        and (scene := latency_against_load(one, report.slos, f"{report.workload}, {one.label}")) is not None
    }
    try:
        directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps(to_jsonable(report), indent=2, ensure_ascii=False, allow_nan=False)
        (directory / "plan.json").write_text(text + "\n", encoding="utf-8")
        for name, scene in pictures.items():
            (directory / name).write_text(standalone(scene), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{directory}: cannot be written ({error.strerror}); name another with --out") from error
    if not quiet:
        click.echo(f"written to {directory}: plan.json, {', '.join(pictures)}".rstrip(", "), err=True)
