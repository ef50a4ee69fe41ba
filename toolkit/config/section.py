"""What every part of a YAML file's model is built on, and how its validators complain."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A mapping of a YAML file: unknown keys are refused, values are frozen, no NaN or infinity.

    A sub-section that is named and left empty (`host:` with all its keys commented out) has its defaults.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_sections_have_defaults(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        sections = {
            field.alias or name
            for name, field in cls.model_fields.items()
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        }
        return {key: value for key, value in data.items() if value is not None or key not in sections}


def wrong_key(key: str, text: str) -> PydanticCustomError:
    """A validator's complaint about one key of its mapping; the message then names that key's line."""
    return PydanticCustomError("wrong_key", "{text}", {"text": text, "key": key})


def own_words(text: str) -> PydanticCustomError:
    """A validator's complaint that says all there is to say: the value itself is not shown (it may be a secret)."""
    return PydanticCustomError("own_words", "{text}", {"text": text})
