from __future__ import annotations

import subprocess
import sys

from toolkit.workload.streams import stream


def test_the_same_seed_and_name_give_the_same_numbers_in_every_process() -> None:
    here = [stream(7, "arrivals").random() for _ in range(2)]
    code = "from toolkit.workload.streams import stream; print(stream(7, 'arrivals').random())"
    elsewhere = [
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": salt}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for salt in ("1", "2")
    ]
    assert here[0] == here[1]
    assert elsewhere == [repr(here[0])] * 2


def test_names_and_seeds_each_make_another_stream() -> None:
    firsts = {stream(seed, name).random() for seed in (0, 1, 11) for name in ("think", "lengths", "1/think")}
    assert len(firsts) == 9
