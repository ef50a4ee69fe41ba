"""The `host` section: how to reach the real machine, and what is known of its server."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from toolkit.config.declared import DeclaredModel, contradiction
from toolkit.config.durations import NS_PER_S
from toolkit.config.scalars import EnvironmentName, HeaderName, SizeBytes, SshTarget, TimeoutNs
from toolkit.config.section import Section, wrong_key
from toolkit.config.server_settings import read_settings

ServerSettings = Annotated[Mapping[str, str], BeforeValidator(read_settings)]
"""Environment variables of the server, values as text: `OLLAMA_NUM_PARALLEL: 2` is "2"."""


class TimeoutSection(Section):
    """How long to wait; Go durations or seconds, negative for no limit (None).

    `connect` is the TCP connection, `first_byte` from the request to the first byte of the answer (queue, eviction and
    load lie in it), `idle` between two chunks of a stream.
    """

    connect_ns: TimeoutNs = Field(default=5 * NS_PER_S, alias="connect")
    first_byte_ns: TimeoutNs = Field(default=600 * NS_PER_S, alias="first_byte")
    idle_ns: TimeoutNs = Field(default=120 * NS_PER_S, alias="idle")


class ModelDiskSection(Section):
    """The disk with the server's models, as far as it is known: no call of Ollama's API tells.

    `free` is what is free now; from `size` follows what can be free at most.
    """

    size_bytes: SizeBytes | None = Field(default=None, alias="size")
    free_bytes: SizeBytes | None = Field(default=None, alias="free")


class HostSection(Section):
    """The machine behind `llm.base_url`.

    Secrets stand in environment variables; the file holds their names. `bearer_env` names the one with the token of
    `Authorization: Bearer …`, `headers_env` maps headers to the ones with their values; see `toolkit.config.secrets`.
    `settings` are the server's own variables, as far as they are known, or as `hotswap provision settings` is to set
    them. `models` are those that the host should have besides the ones with a role; `disk` is where they lie.
    """

    timeouts: TimeoutSection = Field(default_factory=TimeoutSection)
    bearer_env: EnvironmentName | None = None
    headers_env: Mapping[HeaderName, EnvironmentName] = Field(default_factory=dict)
    ssh: SshTarget | None = None
    settings: ServerSettings = Field(default_factory=dict)
    models: tuple[DeclaredModel, ...] = ()
    disk: ModelDiskSection = Field(default_factory=ModelDiskSection)

    @model_validator(mode="before")
    @classmethod
    def _no_secrets_in_the_file(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key, instead in (("bearer", "bearer_env"), ("token", "bearer_env"), ("headers", "headers_env")):
                if key in data:
                    raise wrong_key(
                        key,
                        f"secrets do not stand in a config; use {instead} with the name of an environment variable",
                    )
        return data

    @model_validator(mode="after")
    def _models_agree(self) -> Self:
        wrong = contradiction(self.models)
        if wrong is not None:
            raise wrong_key("models", wrong)
        return self

    @model_validator(mode="after")
    def _one_authorization(self) -> Self:
        both = next((name for name in self.headers_env if name.lower() == "authorization"), None)
        if both is not None and self.bearer_env is not None:
            raise wrong_key("headers_env", f"bearer_env sets the header {both} already; keep one of them")
        return self
