"""Which model speaks how: its vocabulary, its voice, whether its file is broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.host.speech.tokens import Tokenizer, WordTokenizer
from toolkit.host.speech.voice import ContextVoice, EchoVoice, FixedVoice, ProseVoice, Voice

if TYPE_CHECKING:
    from toolkit.host.library.models import InstalledModel

VOICES = ("prose", "echo", "context")


@dataclass(frozen=True, slots=True)
class Speaker:
    """How the models of one file speak. `broken`: the file cannot be loaded."""

    tokenizer: Tokenizer
    voice: Voice | None
    """None: the default voice."""
    broken: bool = False


@dataclass(slots=True)
class Speech:
    """Speakers by the digest of a model file, and one for all the others."""

    default: Voice
    speakers: dict[str, Speaker] = field(default_factory=dict)
    by_name: dict[str, Voice] = field(default_factory=dict)
    """Voices that tests give to models by their short name; they come first."""

    def tokenizer(self, model: InstalledModel) -> Tokenizer:
        """The vocabulary of a model."""
        speaker = self.speakers.get(model.model_digest)
        return speaker.tokenizer if speaker is not None else _WORDS

    def voice(self, model: InstalledModel) -> Voice:
        """The voice of a model."""
        named = self.by_name.get(model.name.short)
        if named is not None:
            return named
        speaker = self.speakers.get(model.model_digest)
        return speaker.voice if speaker is not None and speaker.voice is not None else self.default

    def broken(self, model: InstalledModel) -> bool:
        """Whether the model's process ends while it loads."""
        speaker = self.speakers.get(model.model_digest)
        return speaker is not None and speaker.broken


_WORDS = WordTokenizer()


def named_voice(name: str, seed: int) -> Voice:
    """`prose`, `echo`, `context` or `say:TEXT`. Raises UsageError."""
    if name == "echo":
        return EchoVoice()
    if name == "context":
        return ContextVoice()
    if name == "prose":
        return ProseVoice(seed)
    if name.startswith("say:"):
        return FixedVoice(name.removeprefix("say:"))
    raise UsageError(f"there is no voice {name!r}; use one of {', '.join(VOICES)} or say:TEXT")
