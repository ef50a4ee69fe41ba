"""`hotswap sessions`: the gateway's conversations, found, shown, exported, removed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from toolkit.gateway.sessions.book import SessionBook
    from toolkit.gateway.sessions.records import SessionRow

_CONFIG = click.option("--config", metavar="FILE", help="Configuration file (or HOTSWAP_CONFIG).")
_FILE = click.option(
    "--sessions",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The session file; by default the config's gateway.sessions.file, which is reports/sessions.db.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")


@click.group("sessions")
def sessions() -> None:
    """List, show, search, export and remove the gateway's conversations.

    SESSION is an id, its beginning where that is unique, or `latest`. A gateway may be running meanwhile.

    \b
    hotswap sessions list
    hotswap sessions show latest
    hotswap sessions search 'backup "every night"'
    hotswap sessions export --all --out sessions.jsonl
    hotswap sessions rm --older-than 720h --yes
    """  # noqa: D301 - click reads the mark


@sessions.command("list")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="Only the newest N.")
@_FILE
@_CONFIG
@_JSON
def list_(limit: int, file: Path | None, config: str | None, *, as_json: bool) -> None:
    """List the sessions, the last used first."""
    from toolkit.gateway.sessions.text import list_text, row_data  # noqa: PLC0415 - keeps `--help` cheap

    with open_given_sessions(file, config) as book:
        rows = book.sessions(limit)
    click.echo(_json([row_data(row) for row in rows]) if as_json else list_text(rows))


@sessions.command("show")
@click.argument("ref", metavar="SESSION")
@_FILE
@_CONFIG
@_JSON
def show(ref: str, file: Path | None, config: str | None, *, as_json: bool) -> None:
    """Show a session: what was said, who answered and why, tokens and times; what failed, too."""
    from toolkit.gateway.sessions.text import row_data, turn_data, turns_text  # noqa: PLC0415 - keeps `--help` cheap

    with open_given_sessions(file, config) as book:
        row = book.find(ref)
        turns = list(book.turns(row.id))
    if as_json:
        click.echo(_json({**row_data(row), "exchanges": [turn_data(row.id, turn) for turn in turns]}))
    else:
        click.echo(turns_text(row, turns))


@sessions.command("search")
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="Only the best N.")
@_FILE
@_CONFIG
@_JSON
def search(words: tuple[str, ...], limit: int, file: Path | None, config: str | None, *, as_json: bool) -> None:
    """Find messages that have every word; "double quotes" are a phrase. Accents and case do not matter."""
    from toolkit.gateway.sessions.text import hit_data, hits_text  # noqa: PLC0415 - keeps `--help` cheap

    with open_given_sessions(file, config) as book:
        hits = book.search(" ".join(words), limit)
    click.echo(_json([hit_data(hit) for hit in hits]) if as_json else hits_text(hits))


@sessions.command("export")
@click.argument("refs", nargs=-1, metavar="[SESSION...]")
@click.option("--all", "everything", is_flag=True, help="Every session.")
@click.option("--out", type=click.File("w", encoding="utf-8"), default="-", metavar="FILE", help="By default stdout.")
@_FILE
@_CONFIG
def export(refs: tuple[str, ...], file: Path | None, config: str | None, out: TextIO, *, everything: bool) -> None:
    """Write sessions as JSON Lines, one turn a line, with messages, models, reasons, tokens and times."""
    from toolkit.gateway.sessions.text import export_lines  # noqa: PLC0415 - keeps `--help` cheap

    if everything == bool(refs):
        raise UsageError("name the sessions to export, or say --all")
    with open_given_sessions(file, config) as book:
        for row in book.sessions() if everything else _found(book, refs):
            for line in export_lines(row.id, book.turns(row.id)):
                click.echo(line, file=out)


@sessions.command("rm")
@click.argument("refs", nargs=-1, metavar="[SESSION...]")
@click.option("--older-than", metavar="DURATION", help="All that were not used for so long, like 720h.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_FILE
@_CONFIG
def rm(refs: tuple[str, ...], older_than: str | None, file: Path | None, config: str | None, *, yes: bool) -> None:
    """Remove sessions; their text is overwritten in the file. Asks first."""
    if (older_than is None) == (not refs):
        raise UsageError("name the sessions to remove, or say --older-than DURATION")
    with open_given_sessions(file, config) as book:
        rows = _found(book, refs) if older_than is None else book.unused(_duration_ns(older_than))
        if rows and not yes:
            _ask(rows)
        book.remove([row.id for row in rows])
    for row in rows:
        click.echo(f"removed {row.id}")
    if not rows:
        click.echo("nothing to remove")


def open_given_sessions(file: Path | None, config: str | None) -> SessionBook:
    """The file that the option or the config names. Raises UsageError or SessionsError."""
    from toolkit.cli.options import load_given_config  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.gateway.sessions.book import SessionBook  # noqa: PLC0415 - as above

    if file is not None:
        return SessionBook(file)
    named = load_given_config(config, quiet=True).config.gateway.sessions.file
    if named is None:
        raise UsageError("the config keeps no sessions (gateway.sessions.file: null); name a file with --sessions")
    return SessionBook(Path(named))


def _found(book: SessionBook, refs: Sequence[str]) -> list[SessionRow]:
    """Each session once, in the order of the refs."""
    return list({row.id: row for row in map(book.find, refs)}.values())


def _duration_ns(text: str) -> int:
    from toolkit.config.durations import parse_duration_ns  # noqa: PLC0415 - keeps `--help` cheap

    try:
        duration_ns = parse_duration_ns(text)
    except ValueError as error:
        raise UsageError(f"--older-than {text}: {error}") from None
    if duration_ns < 0:
        raise UsageError(f"--older-than {text}: a time that is to come; write how long ago, like 720h")
    return duration_ns


def _ask(rows: Sequence[SessionRow]) -> None:
    """Ask on a terminal; elsewhere nobody could answer. Raises UsageError, or Abort on no."""
    from toolkit.gateway.sessions.text import list_text  # noqa: PLC0415 - keeps `--help` cheap

    if not sys.stdin.isatty():
        raise UsageError("nobody is here to be asked: say --yes to remove sessions")
    click.echo(list_text(rows))
    click.confirm("Remove for good?", abort=True)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
