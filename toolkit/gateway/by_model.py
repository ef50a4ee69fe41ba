"""What a config says of models, found by their names in whatever spelling. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.config.scalars import canonical_model_name, model_key

if TYPE_CHECKING:
    from collections.abc import Mapping


class OptionsByModel:
    """The config's options of models. A name as the config has it costs one look."""

    def __init__(self, options: Mapping[str, Mapping[str, Any]]) -> None:
        self._by_name = {canonical_model_name(name): dict(given) for name, given in options.items()}
        self._by_key = {model_key(name): given for name, given in self._by_name.items()}

    def of(self, name: str) -> Mapping[str, Any]:
        """The model's options, perhaps none. `name` has its tag."""
        found = self._by_name.get(name)
        return self._by_key.get(model_key(name), {}) if found is None else found
