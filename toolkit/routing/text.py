"""Text as the patterns see it: a sequence of Unicode scalar values, which is what a string is in Rust and in RE2."""

from __future__ import annotations


def scalar_text(text: str) -> str:
    r"""The same text without surrogates.

    A Python string may hold surrogates (from `"\ud83d"` in JSON, or from undecodable bytes on the command line), which
    UTF-8 cannot. A high one followed by a low one becomes the character they stand for; any other becomes U+FFFD.
    """
    if not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def encoded(text: str) -> tuple[bytes, int]:
    """The text as UTF-8, and its length in code points, after `scalar_text`."""
    try:
        return text.encode(), len(text)
    except UnicodeEncodeError:
        repaired = scalar_text(text)
        return repaired.encode(), len(repaired)
