"""`hotswap sessions` and `hotswap context`, as a user types them."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from tests.gateway.sessions.examples import NS_PER_S, WITH_EVERYTHING, exchange
from tests.ollama.fake_host import FakeHost
from toolkit.cli.main import cli
from toolkit.errors import HotswapError
from toolkit.gateway.sessions import SessionStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.ollama.fake_host import Seen, Wire


NOBODY = "http://127.0.0.1:1"


def hotswap(*arguments: object) -> Result:
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    assert result.exception is None or isinstance(result.exception, HotswapError | SystemExit), result.exception
    return result


async def fill(path: Path) -> None:
    """Three sessions: `kitchen-1` and `kitchen-2` are long ago, `lab` has everything, and a turn that failed."""
    now = [1_000 * NS_PER_S]
    store = SessionStore.open(path, clock_ns=lambda: now[0])
    for session, texts in (("kitchen-1", ["My cat is Minka.", "eggs"]), ("kitchen-2", ["secret \x1b[31mrecipe"])):
        for text in texts:
            async with store.turn(session) as turn:
                await turn.record(exchange(text, f"so, {text}", started_ns=now[0]))
    now[0] = time.time_ns()
    async with store.turn("lab") as turn:
        await turn.record(WITH_EVERYTHING)
        await turn.record(exchange("lost", None, outcome="failed", error="the host is gone"))
    await store.aclose()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "s.db"
    asyncio.run(fill(path))
    return path


def sessions(file: Path, command: str, *arguments: object) -> Result:
    return hotswap("sessions", command, *arguments, "--sessions", file)


def test_without_a_file_it_says_who_makes_one(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    result = sessions(path, "list")
    assert "`hotswap serve` keeps them" in str(result.exception)
    assert not path.exists()


def test_the_file_of_the_config_is_the_default(file: Path) -> None:
    listed = hotswap("--set", f"gateway.sessions.file={file}", "sessions", "list").stdout
    assert [line.split()[0] for line in listed.splitlines()][1] == "lab"
    off = hotswap("--set", "gateway.sessions.file=null", "sessions", "list")
    assert "keeps no sessions" in str(off.exception)


def test_list_shows_one_session_a_line(file: Path) -> None:
    lines = sessions(file, "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["session", "lab", "kitchen-2", "kitchen-1"]
    assert lines[3].endswith("fast 2        My cat is Minka.")
    assert "\x1b" not in "".join(lines)
    rows = json.loads(sessions(file, "list", "--json", "--limit", 1).stdout)
    assert [(row["session"], row["turns"], row["messages"]) for row in rows] == [("lab", 2, 4)]


def test_show_tells_who_answered_and_why_and_what_failed(file: Path) -> None:
    text = sessions(file, "show", "lab").stdout
    assert "big:latest · has an image · cold · 812 tokens in · 44 out · first after 2.1 s" in text
    assert "user: What is in this picture? [2 pictures]" in text
    assert "[calls look" in text
    assert "FAILED (the host is gone)" in text
    data = json.loads(sessions(file, "show", "latest", "--json").stdout)
    assert [turn["outcome"] for turn in data["exchanges"]] == ["answered", "failed"]
    assert data["exchanges"][0]["messages"][1]["images"][0] == "iVBORyBvbmU="


def test_a_beginning_that_is_unique_names_a_session(file: Path) -> None:
    assert sessions(file, "show", "la").stdout.startswith("lab:")
    assert "kitchen-1, kitchen-2" in str(sessions(file, "show", "kit").exception)
    assert "there is no session" in str(sessions(file, "show", "xyz").exception)


def test_search_finds_by_words(file: Path) -> None:
    assert "My cat is [Minka]." in sessions(file, "search", "MINKA").stdout
    assert sessions(file, "search", "minka", "eggs").stdout == "nothing found\n"
    assert json.loads(sessions(file, "search", "--json", '"cat is"').stdout)[0]["session"] == "kitchen-1"
    assert "no word to search for" in str(sessions(file, "search", "*").exception)


def test_export_writes_one_turn_a_line(file: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in sessions(file, "export", "kitchen-1", "lab").stdout.splitlines()]
    assert [(line["session"], line["turn"]) for line in lines] == [
        ("kitchen-1", 0),
        ("kitchen-1", 1),
        ("lab", 0),
        ("lab", 1),
    ]
    assert lines[2]["reason"] == "has an image"
    out = tmp_path / "all.jsonl"
    assert sessions(file, "export", "--all", "--out", out).stdout == ""
    assert len(out.read_text().splitlines()) == 5
    assert "or say --all" in str(sessions(file, "export").exception)


def test_rm_leaves_nothing_of_the_text_in_the_files(file: Path) -> None:
    held = b"".join(each.read_bytes() for each in file.parent.glob("s.db*"))
    assert b"recipe" in held
    assert "nobody is here to be asked" in str(sessions(file, "rm", "kitchen-2").exception)
    assert sessions(file, "rm", "kitchen-2", "--yes").stdout == "removed kitchen-2\n"
    left = b"".join(each.read_bytes() for each in file.parent.glob("s.db*"))
    assert b"recipe" not in left
    assert b"Minka" in left


def test_rm_takes_what_was_not_used_for_long(file: Path) -> None:
    assert "like 720h" in str(sessions(file, "rm", "--older-than", "-1h").exception)
    assert "--older-than x" in str(sessions(file, "rm", "--older-than", "x").exception)
    assert "name the sessions" in str(sessions(file, "rm").exception)
    assert sessions(file, "rm", "--older-than", "10000h", "--yes").stdout == "removed kitchen-1\nremoved kitchen-2\n"
    assert sessions(file, "rm", "--older-than", "10000h", "--yes").stdout == "nothing to remove\n"


def test_context_shows_what_would_be_sent_and_why(file: Path, tmp_path: Path) -> None:
    (tmp_path / "ws").mkdir()
    (tmp_path / "ws" / "AGENTS.md").write_text("Answer in rhymes.\n")
    (tmp_path / "ws" / "SOUL.md").symlink_to("/etc/hostname")
    setting = ("--set", f"gateway.context.workspace={tmp_path / 'ws'}")
    command = ("context", "show", "kitchen-1", "--sessions", file, "--message", "And milk?", "--host", NOBODY)
    shown = hotswap(*setting, *command).stdout
    assert "for fast: a context of 4,096 tokens, 1,024 kept free for the answer" in shown
    assert f"\nthe context is assumed, the least that a server takes: {NOBODY} does not answer" in shown
    assert "SOUL.md" in shown
    assert "a symbolic link that leads out of its folder" in shown
    assert shown.endswith("── user\nAnd milk?\n")
    small = ("context", "show", "kitchen-1", "--sessions", file, "--json", "--num-ctx", 100, "--model", "big")
    data = json.loads(hotswap(*setting, *small).stdout)
    assert (data["model"], data["room_tokens"], data["certain"]) == ("big", 50, True)
    assert data["bound_tokens"] <= 50
    assert {part["name"] for part in data["parts"]} >= {"AGENTS.md", "recent messages", "summary", "request"}


@asynccontextmanager
async def with_loaded(context: int) -> AsyncIterator[str]:
    """A host that has `fast` in memory with this context; its address."""
    row = {"name": "fast:latest", "model": "fast:latest", "size": 10, "size_vram": 10, "digest": "0" * 64}

    async def script(_: Seen, wire: Wire) -> None:
        await wire.record({"models": [{**row, "details": {}, "context_length": context}]})

    async with FakeHost(script) as host:
        yield host.url


async def test_context_is_what_the_gateway_would_take(file: Path) -> None:
    """What was asked for, else what the model is loaded with; of several hosts the least, as the gateway does."""

    async def shown(*arguments: str) -> tuple[int, str]:
        command = ("context", "show", "kitchen-1", "--sessions", file, "--json", *arguments)
        data = json.loads((await asyncio.to_thread(hotswap, *command)).stdout)
        return data["context_tokens"], data["context_is"]

    async with with_loaded(32_768) as large, with_loaded(8_192) as small:
        assert await shown("--host", large) == (32_768, f"what {large} has loaded the model with")
        hosts = f"gateway.hosts=[{{name: one, url: '{large}'}}, {{name: two, url: '{small}'}}]"
        assert await shown("--set", hosts) == (8_192, f"what {small} has loaded the model with")
        assert await shown("--host", large, "--num-ctx", "100") == (100, "that of --num-ctx")
        tokens, why = await shown("--host", large, "--model", "other:7b")
        assert (tokens, why) == (
            4_096,
            f"assumed, the least that a server takes: the model is not in memory at {large}",
        )
        options = "llm.models.primary={name: FAST, options: {num_ctx: 16384}}"
        assert await shown("--host", large, "--set", options) == (
            16_384,
            "num_ctx of the config's options of the model",
        )


def test_context_says_that_a_message_is_too_long(file: Path) -> None:
    result = hotswap("context", "show", "lab", "--sessions", file, "--message", "word " * 9000, "--host", NOBODY)
    assert "shorten it, or ask for a larger num_ctx" in str(result.exception)
