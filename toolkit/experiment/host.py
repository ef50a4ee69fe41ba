"""Which host is meant.

Neither `base_url` nor OLLAMA_HOST alone ever makes a run touch a real host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.ollama.address import parse_address

if TYPE_CHECKING:
    from toolkit.config.models import Config
    from toolkit.ollama.address import Address

FROM_CONFIG = "config"


def asked_host(given: str | None, config: Config) -> Address | None:
    """The host of `--host URL`, or of the config for `--host config`; None means the twin.

    Raises:
        UsageError: not an address.
    """
    if given is None:
        return None
    return parse_address(config.llm.native_base_url if given == FROM_CONFIG else given)
