"""What a host should have, model by model: a name, perhaps the digest it must have, perhaps how to make it.

`ModelEntry` of the `llm` section is such a declaration with a role; `host.models` lists those without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, field_validator, model_serializer, model_validator

from toolkit.config.runner_options import OptionValue, check_options
from toolkit.config.scalars import Digest, ModelName, canonical_model_name
from toolkit.config.section import Section, wrong_key

_Text = Annotated[str, StringConstraints(min_length=1, max_length=100_000)]


class ModelfileSection(Section):
    """How a derived model is made: what a Modelfile says with FROM, PARAMETER, SYSTEM and TEMPLATE.

    What is not said is the base's own.
    """

    base: ModelName
    parameters: Mapping[str, OptionValue] = Field(default_factory=dict)
    system: _Text | None = None
    template: _Text | None = None

    @field_validator("parameters")
    @classmethod
    def _parameters_have_their_types(cls, parameters: Mapping[str, OptionValue]) -> Mapping[str, OptionValue]:
        check_options(parameters)
        return parameters

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not (self.parameters or self.system or self.template):
            raise wrong_key("base", "nothing is derived from it; add parameters, system or template, or name it itself")
        return self


class DeclaredModel(Section):
    """A model that the host should have; in the file its name alone, or a mapping.

    `digest` is the one that `/api/tags` must show; `modelfile` makes the model of another one instead of pulling it;
    `pin` keeps it loaded for ever.
    """

    name: ModelName
    digest: Digest | None = None
    modelfile: ModelfileSection | None = None
    pin: bool = False

    @model_validator(mode="before")
    @classmethod
    def _a_name_alone(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"name": data}
        if not isinstance(data, dict | cls):
            keys = ", ".join(cls.model_fields)
            raise ValueError(f"a model is a name in quotes, or a mapping with {keys}")  # noqa: TRY004 - pydantic reports ValueError only
        return data

    @model_validator(mode="after")
    def _pulled_or_made(self) -> Self:
        if self.modelfile is None:
            return self
        if self.digest is not None:
            raise wrong_key("digest", "a model that is made here has no digest to pin; pin that of its base")
        if canonical_model_name(self.modelfile.base) == canonical_model_name(self.name):
            raise wrong_key("modelfile", f"'{self.name}' cannot be made of itself; give it another name")
        return self

    @model_serializer
    def _as_written(self) -> str | dict[str, Any]:
        given = {"name": self.name, **self._given()}
        if self.digest is not None:
            given["digest"] = self.digest
        if self.modelfile is not None:
            modelfile = self.modelfile.model_dump(mode="json", exclude_none=True)
            given["modelfile"] = {key: value for key, value in modelfile.items() if value != {}}
        if self.pin:
            given["pin"] = True
        return given if len(given) > 1 else self.name

    def _given(self) -> dict[str, Any]:
        """What a kind of declaration adds to the written form."""
        return {}


def contradiction(models: Iterable[DeclaredModel]) -> str | None:
    """What cannot be true of all these declarations together, as a sentence; None if nothing.

    Names may be given more than once, if only one of them says how the model is made or pinned to a digest.
    """
    known: dict[str, DeclaredModel] = {}
    for model in models:
        name = canonical_model_name(model.name)
        other = known.setdefault(name, model)
        if (
            _says_more(other)
            and _says_more(model)
            and (other.digest, other.modelfile)
            != (
                model.digest,
                model.modelfile,
            )
        ):
            return f"'{model.name}' is declared twice, with different digests or modelfiles; keep one of them"
        if _says_more(model):
            known[name] = model
    for name in known:
        chain = [name]
        while (made := known.get(chain[-1])) is not None and made.modelfile is not None:
            base = canonical_model_name(made.modelfile.base)
            if base in chain:
                return f"models are made of each other in a circle: {' of '.join([*chain, base])}"
            chain.append(base)
    return None


def _says_more(model: DeclaredModel) -> bool:
    return model.digest is not None or model.modelfile is not None
