"""The whole config. Every section has defaults: an empty file is valid, and means the embedded twin."""

from pydantic import Field

from toolkit.config.gateway import GatewaySection
from toolkit.config.host import HostSection
from toolkit.config.llm import LlmSection
from toolkit.config.section import Section
from toolkit.config.twin import TwinSection


class Config(Section):
    """Models, cache and routing (`llm`), the real machine (`host`), the simulated one (`twin`), and the gateway."""

    llm: LlmSection = Field(default_factory=LlmSection)
    host: HostSection = Field(default_factory=HostSection)
    twin: TwinSection = Field(default_factory=TwinSection)
    gateway: GatewaySection = Field(default_factory=GatewaySection)
