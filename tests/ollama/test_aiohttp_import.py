"""aiohttp without the authorities that it reads for a default which nobody here uses: what stays as it was."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from toolkit.ollama.aiohttp_import import import_aiohttp

ASKED = """
import ssl
from toolkit.ollama.aiohttp_import import import_aiohttp

import_aiohttp()
from aiohttp.connector import _SSL_CONTEXT_VERIFIED as default

print(default.verify_mode == ssl.CERT_REQUIRED and default.check_hostname, len(default.get_ca_certs()))
"""


@pytest.mark.parametrize("given", [None, "/some/where.pem"])
def test_the_environment_is_as_it_was(monkeypatch: pytest.MonkeyPatch, given: str | None) -> None:
    if given is None:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    else:
        monkeypatch.setenv("SSL_CERT_FILE", given)
    import_aiohttp()
    assert os.environ.get("SSL_CERT_FILE") == given


def test_the_default_that_nobody_uses_trusts_less_and_never_more() -> None:
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "0"]
