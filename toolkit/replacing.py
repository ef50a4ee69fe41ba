"""Files that are there whole or not at all; what stood there before stays until then."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A file beside `target` to write and close: it takes its name at the end, or is removed if that is not reached.

    Raises:
        OSError: it cannot be written, or cannot take the name.
    """
    partial = target.with_name(f".{secrets.token_hex(8)}.part")  # of a name as long as allowed no longer one is made
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def replace_with(target: Path, content: bytes) -> None:
    """Write all of a file, on the disk before it takes the name. Raises OSError."""
    with replacing(target) as partial, partial.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
