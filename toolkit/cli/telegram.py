"""`hotswap telegram`: the gateway's chat in Telegram."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import click

from toolkit.errors import UsageError

TOKEN = "HOTSWAP_TELEGRAM_TOKEN"  # noqa: S105 - the variable's name
KEY = "HOTSWAP_GATEWAY_KEY"


@click.command()
@click.option("--gateway", default="http://127.0.0.1:8434", show_default=True, metavar="URL", help="Of hotswap serve.")
@click.option("--allow", type=int, multiple=True, metavar="USER", help="A user's number; may be given several times.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    default="reports/telegram.state",
    show_default=True,
    metavar="FILE",
    help="Where each chat's model and conversation are remembered.",
)
@click.option("--api-url", metavar="URL", help="Of a Bot API server of your own.")
def telegram(gateway: str, allow: tuple[int, ...], state: Path, api_url: str | None) -> None:
    """Chat with the models in Telegram, through a running gateway.

    The bot's token is read from HOTSWAP_TELEGRAM_TOKEN, the gateway's API key (if it has keys) from
    HOTSWAP_GATEWAY_KEY. Only users of --allow are answered; the numbers of others who try are shown here.

    \b
    export HOTSWAP_TELEGRAM_TOKEN=…    # from @BotFather
    hotswap telegram --allow 123456789
    """  # noqa: D301 - click reads the mark
    if find_spec("telegram") is None:
        raise UsageError("this needs python-telegram-bot: pip install 'hotswap-toolkit[telegram]'")
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        raise UsageError(f"{TOKEN} is not set; @BotFather in Telegram gives a bot's token")
    if not allow:
        raise UsageError("nobody may speak to the bot: give --allow USER (a number, as @userinfobot tells)")
    from toolkit.ollama.address import parse_address  # noqa: PLC0415 - keeps `--help` cheap
    from toolkit.telegram.asking import Asking  # noqa: PLC0415
    from toolkit.telegram.bot import API_URL, Bot  # noqa: PLC0415

    asking = Asking(parse_address(gateway), os.environ.get(KEY) or None)
    Bot(asking, allow, lambda text: click.echo(text, err=True)).run(token, state, api_url or API_URL)
