"""A change of settings, step by step: what is run, what is on disk afterwards, and every way back."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from toolkit.errors import HostError, UsageError
from toolkit.ops.settings.change import Host, RolledBackError, apply, backup_path, look_at
from toolkit.ops.settings.deployment import ComposeService, SystemdUnit
from toolkit.ops.settings.runner import Ran

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.ops.settings.deployment import Deployment

SETTINGS = {"OLLAMA_NUM_PARALLEL": "2", "OLLAMA_ORIGINS": 'http://a "b" %h'}
ACTING = {"systemctl", "docker"}


@dataclass
class RecordingRunner:
    """Files are real, in the test's own folder; what acts on services is only recorded. `fails`: what does not work."""

    fails: Callable[[tuple[str, ...]], bool] = lambda _: False
    user: str = "1000"
    ran: list[tuple[str, ...]] = field(default_factory=list)
    place: str = "gpu-box"

    def run(self, command: Sequence[str], stdin: str = "") -> Ran:
        words = tuple(command)
        self.ran.append(words)
        bare = words[2:] if words[:2] == ("sudo", "-n") else words
        if self.fails(bare):
            return Ran(1, "", f"{bare[0]}: it does not work\n")
        if bare == ("id", "-u"):
            return Ran(0, f"{self.user}\n")
        if bare[0] in ACTING:
            return Ran(0)
        program = shutil.which(bare[0])
        assert program is not None
        done = subprocess.run([program, *bare[1:]], input=stdin, capture_output=True, text=True, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)

    @property
    def acts(self) -> list[str]:
        """What was done to services, without questions."""
        bare = [words[2:] if words[0] == "sudo" else words for words in self.ran]
        return [" ".join(words) for words in bare if words[0] in ACTING and words[1] != "is-active"]


class Server:
    """Answers when and as often as the test says; time passes only by sleeping."""

    def __init__(self, *answers: bool) -> None:
        self._answers = list(answers)
        self.now_s = 0.0

    def answers(self) -> bool:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def host(self, runner: RecordingRunner) -> Host:
        return Host(runner, self.answers, 2.0, self.sleep, lambda: self.now_s)


@pytest.fixture
def unit(tmp_path: Path) -> SystemdUnit:
    return SystemdUnit(directory=str(tmp_path))


def on_disk(deployment: Deployment) -> str | None:
    path = Path(deployment.path)
    return path.read_text(encoding="utf-8") if path.exists() else None


def change(runner: RecordingRunner, deployment: Deployment, server: Server) -> None:
    apply(server.host(runner), deployment, look_at(runner, deployment, SETTINGS))


def test_a_first_change_writes_restarts_and_waits(unit: SystemdUnit) -> None:
    runner, server = RecordingRunner(), Server(False, False, True)
    found = look_at(runner, unit, SETTINGS)
    assert found.before is None
    assert '+Environment="OLLAMA_ORIGINS=http://a \\"b\\" %%h"' in found.diff
    apply(server.host(runner), unit, found)
    assert on_disk(unit) == found.after
    assert runner.acts == ["systemctl daemon-reload", "systemctl restart -- ollama.service"]
    assert server.now_s == 1.0
    assert all(words[:2] == ("sudo", "-n") for words in runner.ran if words[0] not in {"sh", "id"})
    again = look_at(runner, unit, SETTINGS)
    assert (again.is_empty, again.diff) == (True, "")
    apply(server.host(runner), unit, again)
    assert len(runner.acts) == 2


def test_root_needs_no_sudo(unit: SystemdUnit) -> None:
    runner = RecordingRunner(user="0")
    change(runner, unit, Server(True))
    assert not [words for words in runner.ran if words[0] == "sudo"]


@pytest.mark.parametrize("old", [None, "[Service]\nEnvironment=OLLAMA_NUM_PARALLEL=1\n"])
def test_a_server_that_does_not_come_up_gets_its_old_file_back(unit: SystemdUnit, old: str | None) -> None:
    if old is not None:
        Path(unit.path).parent.mkdir()
        Path(unit.path).write_text(old, encoding="utf-8")
    runner = RecordingRunner()
    server = Server(False, False, False, False, False, True)
    with pytest.raises(RolledBackError, match=r"did not answer within 2 s.*as it was before, and the server answers"):
        change(runner, unit, server)
    assert on_disk(unit) == old
    assert runner.acts == ["systemctl daemon-reload", "systemctl restart -- ollama.service"] * 2


def test_a_restart_that_fails_goes_back_and_says_so(unit: SystemdUnit) -> None:
    tries: list[tuple[str, ...]] = []

    def fails_once(words: tuple[str, ...]) -> bool:
        if words[:2] == ("systemctl", "restart"):
            tries.append(words)
        return words[:2] == ("systemctl", "restart") and len(tries) == 1

    with pytest.raises(RolledBackError, match=r"`sudo -n systemctl restart` failed .*as it was before, and the"):
        change(RecordingRunner(fails_once), unit, Server(True))
    assert on_disk(unit) is None


def test_a_server_that_stays_dead_either_way_is_not_called_mended(unit: SystemdUnit) -> None:
    with pytest.raises(RolledBackError, match="does not answer with that either"):
        change(RecordingRunner(), unit, Server(False))
    with pytest.raises(RolledBackError, match=r"restore .*zz-hotswap\.conf by hand"):
        change(RecordingRunner(lambda words: words[0] == "systemctl"), unit, Server(True))


def test_a_server_that_answers_but_is_not_active_has_not_come_up(unit: SystemdUnit) -> None:
    """The answer may be another program's on the same port."""
    with pytest.raises(RolledBackError, match="did not answer"):
        change(RecordingRunner(lambda words: words[:2] == ("systemctl", "is-active")), unit, Server(True))


@pytest.mark.parametrize("step", ["mkdir", "cp", "tee", "chmod", "mv"])
def test_a_failure_before_the_rename_changes_nothing(unit: SystemdUnit, step: str) -> None:
    Path(unit.path).parent.mkdir()
    Path(unit.path).write_text("old\n", encoding="utf-8")
    runner = RecordingRunner(lambda words: words[0] == step)
    with pytest.raises(HostError, match=f"`sudo -n {step} ") as caught:
        change(runner, unit, Server(True))
    assert not isinstance(caught.value, RolledBackError)
    assert (on_disk(unit), runner.acts) == ("old\n", [])


def test_ctrl_c_while_waiting_goes_back(unit: SystemdUnit) -> None:
    def interrupted() -> bool:
        if not answers:
            answers.append(True)
            raise KeyboardInterrupt
        return True

    answers: list[bool] = []
    runner = RecordingRunner()
    with pytest.raises(KeyboardInterrupt):
        apply(Host(runner, interrupted), unit, look_at(runner, unit, SETTINGS))
    assert on_disk(unit) is None
    assert len(runner.acts) == 4


def test_the_file_before_is_kept(unit: SystemdUnit) -> None:
    Path(unit.path).parent.mkdir()
    Path(unit.path).write_text("old\n", encoding="utf-8")
    change(RecordingRunner(), unit, Server(True))
    assert Path(backup_path(unit.path)).read_text(encoding="utf-8") == "old\n"


def test_a_file_that_cannot_be_read_is_not_taken_for_absent(unit: SystemdUnit) -> None:
    with pytest.raises(HostError, match="cannot be read"):
        look_at(RecordingRunner(lambda words: words[0] == "sh"), unit, SETTINGS)


def test_compose_gets_an_override_and_keeps_its_own(tmp_path: Path) -> None:
    base, own = tmp_path / "compose.yaml", tmp_path / "compose.override.yaml"
    service = ComposeService(str(base), others=(str(own),))
    runner = RecordingRunner()
    change(runner, service, Server(True))
    ours = tmp_path / "compose.hotswap.yaml"
    assert ours.exists()
    assert runner.acts == [f"docker compose -f {base} -f {own} -f {ours} up -d -- ollama"]
    assert not [words for words in runner.ran if words[0] == "sudo"]
    ours.unlink()
    with pytest.raises(RolledBackError):
        change(runner, service, Server(False))
    assert runner.acts[-1] == f"docker compose -f {base} -f {own} up -d -- ollama"


@pytest.mark.parametrize("unit_name", ["-x.service", "ollama", "a b.service", "../x.service", "a;b.service", ""])
def test_what_is_no_unit_is_refused(unit_name: str) -> None:
    with pytest.raises(UsageError, match="no name of a systemd service"):
        SystemdUnit(unit_name)


@pytest.mark.parametrize(
    ("file", "service"), [("compose.yaml", "o"), ("-f", "o"), ("/a.yaml", "-x"), ("/a.yaml", "a b")]
)
def test_what_is_no_compose_service_is_refused(file: str, service: str) -> None:
    with pytest.raises(UsageError):
        ComposeService(file, service)
