"""A disk that is really full: a file system of 2 MB of the gateway's own, mounted in a user namespace, without root."""

from __future__ import annotations

import asyncio
import errno
import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.gateway.chaos.place import Served
from tests.gateway.conftest import scripted_host
from tests.ollama.fake_host import answer_chat
from toolkit.gateway.sessions.book import SessionBook

if TYPE_CHECKING:
    from io import FileIO

MOUNT = 'mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"'
CHAT = {"model": "big:7b", "messages": [{"role": "user", "content": "Hi."}]}


def namespace(folder: Path) -> tuple[str, ...]:
    """What to write before a command so that it has a small disk there; skips where the system allows none."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("there is no unshare(1) to mount a small disk with")
    before = (unshare, "--user", "--map-root-user", "--mount", "sh", "-c", MOUNT, str(folder))
    if subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces may not mount a file system here")
    return before


def fill(folder: Path) -> Path:
    """Write until nothing more goes in."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            while _goes_in(file, b"x" * size):
                pass
    return ballast


def _goes_in(file: FileIO, data: bytes) -> bool:
    try:
        return file.write(data) == len(data)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return False
        raise


async def test_a_full_disk_costs_what_could_not_be_stored_and_nothing_else(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    before = namespace(disk)
    config = tmp_path / "config.yaml"
    config.write_text(
        f"gateway:\n  trace: {{file: {disk}/trace.jsonl}}\n  sessions: {{file: {disk}/s.db}}\n", encoding="utf-8"
    )
    async with scripted_host(answer_chat, loaded=("big:7b",)) as host, aiohttp.ClientSession() as http:
        gateway = Served(("serve", "--config", str(config), "--host", host.url), tmp_path / "ready", before)
        gateway.start()
        try:
            await asyncio.to_thread(gateway.wait)
            inside = Path(f"/proc/{gateway.pid}/root{disk}")

            async def ask(session: str | None, *, stream: bool = False) -> tuple[int, str]:
                body = {**CHAT, "stream": stream} | ({} if session is None else {"session": session})
                async with http.post(f"{gateway.url}/api/chat", json=body) as answer:
                    last = (await answer.read()).splitlines()[-1]
                    return answer.status, json.loads(last).get("error", "")

            assert await ask("a") == (200, "")
            ballast = await asyncio.to_thread(fill, inside)
            told = await asyncio.gather(*(ask(f"full-{number}", stream=number % 2 == 0) for number in range(10)))
            assert {status for status, _ in told} == {200, 507}
            assert all("nothing of this" in error for _, error in told)
            assert await ask(None) == (200, "")
            ballast.unlink()
            assert set(await asyncio.gather(*(ask(f"room-{number}") for number in range(10)))) == {(200, "")}
            # SQLite would follow /proc/PID/root back to our own file system, so the files are read as copies.
            for name in ("s.db", "s.db-wal"):
                shutil.copy(inside / name, tmp_path / name)
            with SessionBook(tmp_path / "s.db") as book:
                kept = {row.id for row in book.sessions() if row.messages}
            assert kept == {"a", *(f"room-{number}" for number in range(10))}
            written = (inside / "trace.jsonl").read_text(encoding="utf-8")
            outcomes = [json.loads(line)["outcome"] for line in written.splitlines()]
            assert outcomes[-10:] == ["ok"] * 10
            assert written.endswith("\n")
            gateway.stop()
        finally:
            gateway.kill()
