"""One call of `hotswap plan`: from options to a study, and from its answers to what is printed and written."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.options import load_given_config
from toolkit.cli.plan_progress import plan_bar
from toolkit.errors import Inconclusive, UsageError
from toolkit.experiment.compare import one_strategy
from toolkit.experiment.order import Order
from toolkit.experiment.setup import check_models
from toolkit.plan.answers import Report
from toolkit.plan.case import Case
from toolkit.plan.evaluate import Study, setup_of, source_digest
from toolkit.plan.executors.pool import PoolExecutor
from toolkit.plan.executors.serial import SerialExecutor
from toolkit.plan.json_text import to_jsonable
from toolkit.plan.load_question import largest_load
from toolkit.plan.order import workload_of
from toolkit.plan.points import KnownPoints, PointFile
from toolkit.plan.search import Effort
from toolkit.plan.slo import parse_slos
from toolkit.plan.sweep import Sweep
from toolkit.plan.tally import offered_per_h
from toolkit.plan.text import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolkit.plan.executors.base import Executor
    from toolkit.plan.points import Points

POINTS = Path("reports/plan-points.jsonl")
NARROWEST, WIDEST = 80, 120


def run_plan(given: dict[str, Any]) -> None:
    """Answer, print, and end with 3 where an answer was found and could not be confirmed."""
    if given["host"] is not None:
        raise UsageError("a plan is simulated and asks no host; describe yours with --config, and leave out --host")
    study, case = _study(given)
    with _executor(given) as executor, _points(given) as points, plan_bar(quiet=given["quiet"]) as watcher:
        sweep = Sweep(study, executor, points, watcher)
        report = _answer(sweep, case, Effort(most=given["repeat"], fewest=min(given["repeat"], Effort().fewest)))
    if given["as_json"]:
        click.echo(json.dumps(to_jsonable(report), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else NARROWEST
        click.echo(text_of(report, max(NARROWEST, min(columns, WIDEST))))
    checked = report.load.checked
    if checked.at is not None and not checked.confirmed:
        raise Inconclusive("the answer was not confirmed; more repetitions decide (--repeat)")


def _study(given: dict[str, Any]) -> tuple[Study, Case]:
    """The study, and the case that is in force."""
    config = load_given_config(given["config"], quiet=given["quiet"]).config
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


def _answer(sweep: Sweep, case: Case, effort: Effort) -> Report:
    study = sweep.study
    plan = study.workload.plan(1.0, 0)
    (base,) = sweep.measure([(case, 1.0)], range(effort.scan), "this workload")
    return Report(
        workload=plan.name,
        description=plan.description,
        host=setup_of(study.config, case, case.sites[0]).spec.description,
        slos=study.slos,
        base_per_h=offered_per_h(base),
        base_users=study.workload.users,
        load=largest_load(sweep, case, "as configured", effort),
        notes=plan.notes,
    )


@contextmanager
def _executor(given: dict[str, Any]) -> Iterator[Executor]:
    """The place that `--executor` names. Raises UsageError for another one."""
    makers: dict[str, Callable[[], Executor]] = {
        "pool": lambda: PoolExecutor(given["workers"]),
        "serial": SerialExecutor,
    }
    name: str = given["executor"]
    if name not in makers:
        raise UsageError(f"--executor {name}: it is pool or serial")
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
