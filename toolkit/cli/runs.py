"""`hotswap runs`: the stored runs, found, shown, named, exported, imported, removed."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.cli.options import check_overrides, open_given_store, store_option
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import TextIO

    from toolkit.store import RunRow, RunStore

REF = click.argument("ref", metavar="RUN")
REFS = click.argument("refs", nargs=-1, required=True, metavar="RUN...")
FORMATS = ("jsonl", "csv", "parquet")
JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")


@click.group("runs")
def runs() -> None:
    """List, show, report, tag, export, import and remove stored runs.

    RUN is an id, at least four characters of its beginning, a tag, or `latest`. Every `compare` and `replay` stores
    its runs in reports/runs.db, or where --store or HOTSWAP_STORE says.

    \b
    hotswap runs list
    hotswap runs show latest
    hotswap runs tag latest before-upgrade
    hotswap runs export before-upgrade --out before.parquet
    """  # noqa: D301 - click reads the mark


@runs.command("list")
@click.option("--plan", metavar="NAME", help="Only runs of this scenario or trace.")
@click.option("--strategy", metavar="NAME", help="Only runs under this strategy.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the newest N.")
@store_option
@JSON
def list_(plan: str | None, strategy: str | None, limit: int | None, store: Path | None, *, as_json: bool) -> None:
    """List the stored runs, the newest first."""
    from toolkit.report.stored import list_data, list_text  # noqa: PLC0415 - keeps `--help` cheap

    with _store(store) as opened:
        rows = [
            row for row in opened.runs() if plan in {None, row.provenance.plan} and strategy in {None, row.strategy}
        ][:limit]
    click.echo(json.dumps(list_data(rows), indent=2) if as_json else list_text(rows))


@runs.command("show")
@REF
@store_option
@JSON
def show(ref: str, store: Path | None, *, as_json: bool) -> None:
    """Show a run: what it was, whether to trust it, and its numbers with 95 % intervals."""
    from toolkit.replay.samples import collect, estimates  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.report.stored import run_data, run_text  # noqa: PLC0415
    from toolkit.report.trust import judge_closely, judge_run  # noqa: PLC0415

    with _store(store) as opened:
        row = opened.find(ref)
        samples = collect(opened.records(row.id))
    judged = judge_run(row.provenance, row.client, samples, complete=row.complete)
    trust = judge_closely(judged, samples)
    if as_json:
        click.echo(json.dumps(run_data(row, samples, estimates(samples), trust), indent=2))
    else:
        click.echo(run_text(row, samples, estimates(samples), trust))


@runs.command("report")
@REFS
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The page; reports/ID.html by default.",
)
@store_option
def report(refs: tuple[str, ...], out: Path | None, store: Path | None) -> None:
    """Write a page about runs: trust, numbers with intervals, distributions, and from three runs on their history.

    A run that has repetitions stands for itself only; name each, or use tags.

    \b
    hotswap runs report latest
    hotswap runs report before-upgrade after-upgrade --out upgrade.html
    """  # noqa: D301 - click reads the mark
    from toolkit.cli.whole_file import write_whole  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.replay.samples import collect  # noqa: PLC0415 - as above
    from toolkit.report.runs_page import labelled, runs_page  # noqa: PLC0415

    with _store(store) as opened:
        rows = list({row.id: row for row in map(opened.find, refs)}.values())
        seen = labelled([(row, collect(opened.records(row.id))) for row in rows])
    path = out or Path("reports") / f"{'-'.join(row.id for row in rows[:2])}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, runs_page(seen))
    click.echo(f"report: {path}")


@runs.command("tag")
@click.argument("ref", metavar="RUN", required=False)
@click.argument("name", required=False)
@click.option("--delete", metavar="NAME", help="Take a tag away instead; the run stays.")
@store_option
def tag(ref: str | None, name: str | None, delete: str | None, store: Path | None) -> None:
    """Give a run a name. A tag names one run: if another had it, it moves.

    \b
    hotswap runs tag 3f4b baseline
    hotswap runs tag --delete baseline
    """  # noqa: D301 - click reads the mark
    if (delete is None) == (name is None) or (delete is not None and ref is not None):
        raise UsageError("write `hotswap runs tag RUN NAME`, or `hotswap runs tag --delete NAME`")
    with _store(store) as opened:
        if delete is not None:
            opened.untag(delete)
            click.echo(f"no run is tagged {delete} any more")
        elif ref is not None and name is not None:
            click.echo(f"run {opened.tag(ref, name).id} is tagged {name}")


@runs.command("export")
@REFS
@click.option("--format", "kind", type=click.Choice(FORMATS), help="By default as --out ends.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="By default stdout.")
@store_option
def export(refs: tuple[str, ...], kind: str | None, out: Path | None, store: Path | None) -> None:
    """Write runs to a file: JSON Lines and Parquet with everything, CSV with the records only.

    \b
    hotswap runs export latest --out run.jsonl
    hotswap runs export baseline latest --out both.parquet
    hotswap runs export latest --format csv | head
    """  # noqa: D301 - click reads the mark
    from toolkit.store.exports import export_csv, export_jsonl, export_parquet  # noqa: PLC0415 - keeps `--help` cheap

    chosen = kind or _format_of(out)
    if out is not None and not out.parent.is_dir():
        raise UsageError(f"{out}: there is no directory {out.parent}; make it first, or name another file")
    with _store(store) as opened:
        rows = [opened.find(ref) for ref in refs]
        if chosen == "parquet":
            export_parquet(opened, rows, _needed(out))
            return
        write = export_csv if chosen == "csv" else export_jsonl
        with _opened(out) as file:
            write(opened, rows, file)


@runs.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@store_option
def import_(paths: tuple[Path, ...], store: Path | None) -> None:
    """Store runs of files: run.jsonl, exports, or directories with run.jsonl files in them.

    A run that is there already stays as it is; one that was cut short is replaced by a longer copy.
    """
    from toolkit.store.imports import import_path  # noqa: PLC0415 - keeps `--help` cheap

    with _store(store) as opened:
        for path in paths:
            for one in import_path(opened, path):
                click.echo(f"{one.row.id}  {'stored' if one.new else 'was there already'}  {one.path}")


@runs.command("rm")
@REFS
@click.option("--yes", is_flag=True, help="Do not ask.")
@store_option
def rm(refs: tuple[str, ...], store: Path | None, *, yes: bool) -> None:
    """Remove runs with all their records; asks first."""
    with _store(store) as opened:
        rows = list({row.id: row for row in map(opened.find, refs)}.values())
        if not yes:
            _ask(rows)
        for row in rows:
            opened.remove(row.id)
            click.echo(f"removed {row.id}")


def _store(store: Path | None) -> RunStore:
    """Open the store. These commands read no config, and a `--set` that none takes is a mistake all the same."""
    check_overrides(None)
    return open_given_store(store)


def _format_of(out: Path | None) -> str:
    """The format by the ending of the file's name; JSON Lines for stdout. Raises UsageError for another ending."""
    if out is None or out == Path("/dev/stdout"):
        return "jsonl"
    ending = out.suffix.removeprefix(".")
    if ending not in FORMATS:
        raise UsageError(f"{out}: its ending names no format; end it in .{', .'.join(FORMATS)}, or give --format")
    return ending


def _needed(out: Path | None) -> Path:
    if out is None:
        raise UsageError("Parquet is no text for a terminal; name a file with --out FILE")
    return out


def _opened(out: Path | None) -> AbstractContextManager[TextIO]:
    """The file to write to, or stdout, which stays open."""
    if out is None:
        return nullcontext(sys.stdout)
    from toolkit.cli.whole_file import writing_whole  # noqa: PLC0415 - keeps `--help` cheap

    return writing_whole(out)


def _ask(rows: list[RunRow]) -> None:
    """Ask on a terminal; elsewhere nobody could answer. Raises UsageError, or Abort on no."""
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to be asked: say --yes to remove runs")
    for row in rows:
        tags = f", tagged {', '.join(row.tags)}" if row.tags else ""
        click.echo(f"{row.id}: {row.provenance.plan} under {row.strategy}, {row.record_count:,} requests{tags}")
    click.confirm("Remove for good?", abort=True)
