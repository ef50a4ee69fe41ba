"""The first import of aiohttp, without what it does beside and nobody here uses.

aiohttp reads every certificate authority of the system while it is imported, for a default that
`toolkit.ollama.aiohttp_transport` never uses: it brings its own context (`tls.py`), and only for https. That took 60
of the 440 ms of processor time from the start of a command to its first request.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE_VARIABLE = "SSL_CERT_FILE"


def import_aiohttp() -> None:
    """Import aiohttp with the system's file of authorities out of OpenSSL's sight.

    For programs of our own only, before anything else imports aiohttp: its default context then trusts the system's
    directory of authorities alone, and where there is none nobody, which fails, and never passes what should not.
    """
    with _no_file_of_authorities():
        import aiohttp  # noqa: F401, PLC0415 - what it is all about


@contextmanager
def _no_file_of_authorities() -> Iterator[None]:
    before = os.environ.get(_FILE_VARIABLE)
    os.environ[_FILE_VARIABLE] = os.devnull
    try:
        yield
    finally:
        if before is None:
            del os.environ[_FILE_VARIABLE]
        else:
            os.environ[_FILE_VARIABLE] = before
