"""The installed models, read from the store when they are asked for and kept until it changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.host.library.models import InstalledModel, read_model

if TYPE_CHECKING:
    from toolkit.host.library.names import ModelName
    from toolkit.host.library.store import Store


MOST_SPELLINGS = 4096


@dataclass(slots=True)
class Catalog:
    """Models by name. `jinja`: whether chat templates inside model files are used (v0.32)."""

    store: Store
    jinja: bool
    _read: dict[tuple[str, str, str, str], InstalledModel] = field(default_factory=dict)
    _existing: dict[ModelName, ModelName] = field(default_factory=dict)
    _generation: int = -1

    def existing(self, name: ModelName) -> ModelName:
        """The name in the spelling of what is installed."""
        self._refresh()
        known = self._existing.get(name)
        if known is None:
            if len(self._existing) >= MOST_SPELLINGS:  # clients may ask for anything
                self._existing.clear()
            known = self._existing[name] = self.store.existing(name)
        return known

    def exact(self, name: ModelName) -> InstalledModel | None:
        """The model of exactly this name."""
        self._refresh()
        found = self._read.get(name.key)
        if found is None:
            found = read_model(self.store, name, jinja=self.jinja)
            if found is not None:
                self._read[name.key] = found
        return found

    def find(self, name: ModelName) -> InstalledModel | None:
        """The model of this name, in whatever spelling."""
        return self.exact(self.existing(name))

    def models(self) -> list[InstalledModel]:
        """All models, newest first (by whole seconds, as the server sorts)."""
        found = [model for name in self.store.names() if (model := self.exact(name)) is not None]
        return sorted(found, key=lambda model: -(model.manifest.modified_ns // 1_000_000_000))

    def _refresh(self) -> None:
        if self._generation != self.store.generation:
            self._read.clear()
            self._existing.clear()
            self._generation = self.store.generation
