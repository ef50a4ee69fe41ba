"""The `llm` section: which models, on which server, how long they stay, and which prompt goes to which of them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from toolkit.config.declared import DeclaredModel, contradiction
from toolkit.config.durations import NS_PER_S
from toolkit.config.runner_options import OptionValue, check_options
from toolkit.config.scalars import BaseUrl, KeepAliveNs, ModelName
from toolkit.config.section import Section, own_words, wrong_key

PRIMARY, CODE, FAST = "primary", "code", "fast"
CacheType = Literal["ram", "ssd", "none"]
KEEP_ALIVE_NS_BY_TYPE: Mapping[str, int] = {"ram": 1800 * NS_PER_S, "ssd": 120 * NS_PER_S, "none": 0}
"""How long a model stays after a request: `ram` keeps it hot, `ssd` relies on a quick reload, `none` frees at once."""

Role = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class ModelEntry(DeclaredModel):
    """A model in a role; in the file its name alone, or a mapping.

    `options` are sent with each request to it (`num_ctx`, `temperature`, …). `role` overrides the key under which the
    model stands. For the others see `DeclaredModel`.
    """

    role: Role | None = None
    options: Mapping[str, OptionValue] = Field(default_factory=dict)

    @field_validator("options")
    @classmethod
    def _options_have_their_types(cls, options: Mapping[str, OptionValue]) -> Mapping[str, OptionValue]:
        check_options(options)
        return options

    def _given(self) -> dict[str, Any]:
        given: dict[str, Any] = {} if self.role is None else {"role": self.role}
        return {**given, "options": dict(self.options)} if self.options else given


class CacheSection(Section):
    """How the models' places in memory are managed from the client's side.

    `max_models` is how many the client lets be loaded at once; `keep_alive` overrides what `type` says.
    """

    type: CacheType = "ram"
    max_models: Annotated[int, Field(ge=1, le=1000)] = 3
    eviction: Literal["lru"] = "lru"
    keep_alive_override_ns: KeepAliveNs | None = Field(default=None, alias="keep_alive")

    @property
    def keep_alive_ns(self) -> int:
        """What each request carries: 30 m, 2 m or 0 by `type`, or the override; `FOREVER_NS` is for ever."""
        override_ns = self.keep_alive_override_ns
        return KEEP_ALIVE_NS_BY_TYPE[self.type] if override_ns is None else override_ns


class RoutingRule(Section):
    """Prompts in which `pattern` (RE2, unanchored) occurs go to `model`; the first rule that matches decides."""

    pattern: Annotated[str, StringConstraints(max_length=10_000)]
    model: ModelName

    @field_validator("pattern")
    @classmethod
    def _re2_takes_it(cls, pattern: str) -> str:
        from toolkit.routing.patterns import PatternError, compile_pattern  # noqa: PLC0415 - re2 only where rules are

        try:
            compile_pattern(pattern)
        except PatternError as error:
            raise own_words(str(error)) from None
        return pattern


class RoutingSection(Section):
    """The custom rules, tried in order before the built-in heuristics."""

    rules: tuple[RoutingRule, ...] = ()


def _default_models() -> Mapping[str, ModelEntry]:
    names = {PRIMARY: "qwen2.5:32b", CODE: "deepseek-coder-v2:16b", FAST: "qwen2.5:7b"}
    return {role: ModelEntry(name=name) for role, name in names.items()}


class LlmSection(Section):
    """Server, models, cache and routing."""

    provider: Literal["ollama"] = "ollama"
    base_url: BaseUrl = "http://127.0.0.1:11434"
    models: Mapping[Role, ModelEntry] = Field(default_factory=_default_models)
    cache: CacheSection = Field(default_factory=CacheSection)
    routing: RoutingSection = Field(default_factory=RoutingSection)

    @model_validator(mode="after")
    def _roles_are_clear(self) -> Self:
        seen: dict[str, str] = {}
        for key, entry in self.models.items():
            role = entry.role or key
            if role in seen:
                raise wrong_key("models", f"'{key}' and '{seen[role]}' both have the role '{role}'; give it to one")
            seen[role] = key
        wrong = contradiction(self.models.values())
        if wrong is not None:
            raise wrong_key("models", wrong)
        if PRIMARY not in seen:
            raise wrong_key(
                "models", "no model has the role 'primary'; add `primary: NAME`, it takes what others leave"
            )
        return self

    @property
    def roles(self) -> Mapping[str, ModelEntry]:
        """The model of each role, in file order; `primary` is always there."""
        return {entry.role or key: entry for key, entry in self.models.items()}

    @property
    def model_names(self) -> tuple[str, ...]:
        """Every model's name once, roles first, then those that only a rule names."""
        names = [entry.name for entry in self.models.values()] + [rule.model for rule in self.routing.rules]
        return tuple(dict.fromkeys(names))

    @property
    def native_base_url(self) -> str:
        """The address of the native API: `base_url` without `/v1` (or `/api`) and slashes at its end."""
        bare = self.base_url.rstrip("/")
        for tail in ("/v1", "/api"):
            if bare.endswith(tail):
                return bare.removesuffix(tail).rstrip("/")
        return bare
