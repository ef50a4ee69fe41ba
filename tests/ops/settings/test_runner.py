"""Commands reach the program word for word, also through ssh and a real shell; targets cannot become options."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from toolkit.errors import HostError, UsageError
from toolkit.ops.settings.runner import LocalRunner, SshRunner

if TYPE_CHECKING:
    from pathlib import Path

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
FAKE_SSH = '#!/bin/sh\nprintf "%s\\n" "$@" > "$SEEN"\nfor last; do :; done\nexec sh -c "$last"\n'


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `ssh` that hands its last word to a shell, as sshd does; it writes its own words into the file returned."""
    program, seen = tmp_path / "ssh", tmp_path / "seen"
    program.write_text(FAKE_SSH, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SEEN", str(seen))
    return seen


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WORDS, WORDS)
@example("$(id) `id` ; rm -rf / | & > < \\ \" ' ! * ? ~ #", "-rf\n--\n")
@example("", "'\"'\"'")
def test_words_and_input_pass_the_shell_unread(fake_ssh: Path, word: str, text: str) -> None:
    assert fake_ssh.parent.is_dir()
    for runner in (SshRunner("ollama@gpu-box"), LocalRunner()):
        ran = runner.run(("sh", "-c", 'printf "%s" "$1"; cat', "sh", word), text)
        assert (ran.code, ran.stdout) == (0, word + text)


def test_the_target_stands_behind_a_double_dash(fake_ssh: Path) -> None:
    assert SshRunner("ollama@gpu-box").run(("true",)).code == 0
    seen = fake_ssh.read_text(encoding="utf-8").splitlines()
    assert seen[seen.index("--") :] == ["--", "ollama@gpu-box", "true"]
    assert "BatchMode=yes" in seen


@pytest.mark.parametrize(
    "target", ["-oProxyCommand=id", "", "a b", "user@-host", "a;b", "$(id)", "a\nb", "-G", "u@h@x y"]
)
def test_what_is_no_target_is_refused_before_anything_runs(target: str) -> None:
    with pytest.raises(UsageError, match="no ssh target"):
        SshRunner(target)


def test_failures_are_sentences(fake_ssh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HostError, match="does `ssh gpu-box true` work unasked"):
        SshRunner("gpu-box").run(("sh", "-c", "echo no route >&2; exit 255"))
    assert LocalRunner().run(("sh", "-c", "exit 7")).code == 7
    monkeypatch.setenv("PATH", str(fake_ssh.parent / "nowhere"))
    with pytest.raises(HostError, match="ssh cannot be started"):
        SshRunner("gpu-box").run(("true",))


def test_quoting_is_what_a_real_shell_undoes() -> None:
    """The witness without any code of ours: the same words through `sh -c` and positional arguments."""
    hostile = "a'b\"c $x `y` \\ \n%"
    done = subprocess.run(["/bin/sh", "-c", 'printf "%s" "$1"', "sh", hostile], capture_output=True, check=True)
    assert done.stdout.decode() == LocalRunner().run(("printf", "%s", hostile)).stdout
