"""Whom an encrypted connection trusts; the same for every transport."""

from __future__ import annotations

import ssl

from toolkit.errors import UsageError


def tls_context(ca_file: str | None, *, is_tls: bool) -> ssl.SSLContext:
    """The system's authorities, or those of a file. For plain http one that trusts nobody and costs no time.

    Raises:
        UsageError: the file holds no authorities.
    """
    if not is_tls:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(f"{ca_file} holds no certificate authorities in PEM form: {error}; check the file") from None
