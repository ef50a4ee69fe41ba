"""Coverage-guided fuzzing of the GGUF reader and of what is computed from a header (atheris, libFuzzer).

    python tests/fuzz/fuzz_gguf.py -runs=20000
    python tests/fuzz/fuzz_gguf.py -max_total_time=600 CORPUS

Any bytes are either a header or a GgufError; a header is either a model or a GgufError. More than five seconds for one
input, or 512 MiB, is a finding. Options are libFuzzer's; the seeds are small valid files.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports():
    from toolkit.fit.estimate import estimate
    from toolkit.fit.setting import Setting
    from toolkit.fit.spec import spec_of
    from toolkit.ollama.gguf import GgufError, read_bytes

SEEDS = Path(__file__).parents[1] / "fixtures/fit"
BOUNDS = ("-timeout=5", "-rss_limit_mb=512", "-max_len=8192")
RUNS = "-runs=20000"


def one_input(data: bytes) -> None:
    """Read one file and reckon with it."""
    try:
        estimate(spec_of(read_bytes(data)), Setting(4096))
    except GgufError:
        return


def main() -> None:
    """Fuzz, from the fixtures on and into the corpora that are named."""
    given = sys.argv[1:]
    bounded = any(one.startswith(("-runs=", "-max_total_time=")) for one in given)
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS.glob("*.gguf"):
            (Path(folder) / seed.name).write_bytes(seed.read_bytes())
        limits = () if bounded else (RUNS,)
        atheris.Setup([sys.argv[0], *BOUNDS, *limits, *given, folder], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
