"""Stop sequences: what may be sent of a text that is still growing, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.host.speech.thinking import overlap


@dataclass(slots=True)
class StopWatch:
    """Feed it pieces; it holds back what may become a stop sequence and cuts at one."""

    stops: tuple[str, ...]
    stopped: bool = False
    _held: str = ""

    def add(self, piece: str) -> str:
        """What may be sent after this piece; `stopped` says whether a stop sequence is complete."""
        if not self.stops:
            return piece
        text = self._held + piece
        places = [at for stop in self.stops if (at := text.find(stop)) >= 0]
        if places:
            self.stopped, self._held = True, ""
            return text[: min(places)]
        if any(overlap(text, stop) for stop in self.stops):
            self._held = text
            return ""
        self._held = ""
        return text

    def flush(self) -> str:
        """What was held back in vain, when the model has ended by itself."""
        held, self._held = self._held, ""
        return held
