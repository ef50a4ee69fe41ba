"""`hotswap serve`: one address in front of the hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.cli.options import global_options_of_host


@click.command()
@global_options_of_host
@click.option("--bind", metavar="ADDRESS", help="Where to listen; by default the config's gateway.bind.")
@click.option("--port", type=click.IntRange(0, 65535), help="By default the config's gateway.port; 0: any free one.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Gets the base URL once clients can connect.")
@click.option("--trace-out", type=click.Path(path_type=Path), metavar="FILE", help="Where requests are written down.")
def serve(**given: Any) -> None:
    """One chat endpoint over all the models: routed, queued, counted, recorded.

    Clients of Ollama and of OpenAI need nothing but the address; a request without a model, or for the model `auto`,
    goes to the one that suits its last user message. Everything is answered by the host of --host, of gateway.hosts,
    or of llm.base_url.

    \b
    hotswap serve --config my-host.yaml
    curl http://127.0.0.1:8434/api/chat -d '{"messages": [{"role": "user", "content": "Why is the sky blue?"}]}'
    """  # noqa: D301 - click reads the mark
    from toolkit.cli.serve_run import run  # noqa: PLC0415 - loaded only by this command

    run(given)
