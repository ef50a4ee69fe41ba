"""The `gateway` section: where the gateway listens."""

from typing import Annotated

from pydantic import Field, StringConstraints

from toolkit.config.section import Section


class GatewaySection(Section):
    """`bind` is an address of this machine; the default is reachable from this machine alone."""

    bind: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:%-]{1,255}$")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 8434
