"""The whole config. Every section has defaults: an empty file is valid, and means the embedded twin."""

from typing import Self

from pydantic import Field, model_validator

from toolkit.config.declared import DeclaredModel, contradiction
from toolkit.config.gateway import GatewaySection
from toolkit.config.host import HostSection
from toolkit.config.llm import LlmSection
from toolkit.config.section import Section, wrong_key
from toolkit.config.twin import TwinSection


class Config(Section):
    """Models, cache and routing (`llm`), the real machine (`host`), the simulated one (`twin`), and the gateway."""

    llm: LlmSection = Field(default_factory=LlmSection)
    host: HostSection = Field(default_factory=HostSection)
    twin: TwinSection = Field(default_factory=TwinSection)
    gateway: GatewaySection = Field(default_factory=GatewaySection)

    @model_validator(mode="after")
    def _declarations_agree(self) -> Self:
        wrong = contradiction(self.declared_models)
        if wrong is not None:
            raise wrong_key("host", wrong)
        return self

    @property
    def declared_models(self) -> tuple[DeclaredModel, ...]:
        """Every declaration, those with a role first; a name may occur more than once."""
        return (*self.llm.models.values(), *self.host.models)
