"""The fixture, as another project's tests see it."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

pytest_plugins = ["pytester"]

_IS_INSTALLED = bool(entry_points(group="pytest11", name="hotswap"))
PLUGIN = () if _IS_INSTALLED else ("-p", "toolkit.host.pytest_plugin")


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    pytester.makeini("[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n")
    # What other packages of this environment plug in has no part in it, and takes seconds to start.
    without = [word for name in ("cacheprovider", "schemathesis", "hypothesispytest") for word in ("-p", f"no:{name}")]
    return pytester.runpytest_subprocess(*PLUGIN, "--strict-markers", *without, *arguments)


def test_the_fixture_of_the_docs_works(pytester: pytest.Pytester, project_dir: Path) -> None:
    text = (project_dir / "docs" / "mock.md").read_text(encoding="utf-8")
    block = next(block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "def test_" in block)
    pytester.makepyfile(block)
    run(pytester).assert_outcomes(passed=1)


def test_the_marker_takes_the_arguments_of_the_mock(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import httpx, pytest

        def version(): return httpx.get("http://127.0.0.1:11434/api/version").json()["version"]

        @pytest.mark.ollama_twin(profile="v0.24")
        def test_old(ollama_twin): assert version() == "0.24.0"

        def test_default(ollama_twin): assert version() == "0.32.15"

        @pytest.mark.ollama_twin(["a:1b"])
        async def test_async(ollama_twin):
            async with httpx.AsyncClient() as client:
                tags = await client.get("http://127.0.0.1:11434/api/tags")
            assert [model["name"] for model in tags.json()["models"]] == ["a:1b"]
        """
    )
    run(pytester, "-o", "asyncio_mode=auto").assert_outcomes(passed=3)


def test_loading_the_plugin_loads_nothing_else() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import toolkit.host.pytest_plugin; "
        "print(sorted(name for name in set(sys.modules) - before if not name.startswith('toolkit')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_respx_the_mock_says_what_to_install() -> None:
    code = "import sys; sys.modules['respx'] = None; import toolkit.host.mock"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'hotswap-toolkit[mock]'" in done.stderr.splitlines()[-1]
