"""Many cases at once, as JSON lines: how the arithmetic is compared with measurements."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from toolkit.errors import InputError
from toolkit.fit.estimate import estimate
from toolkit.fit.predicted import predict
from toolkit.fit.setting import Setting
from toolkit.fit.spec import Spec, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from toolkit.fit.estimate import Load
    from toolkit.ollama.gguf.records import Header

_SETTING_KEYS: Final = {
    "device": str, "num_ctx": int, "parallel": int, "kv_unified": bool, "kv_type": str, "flash_attn": str, "batch": int,
    "n_gpu_layers": int, "n_gpu": int,
}  # fmt: skip
_MOST_MODELS: Final = 256
_MOST_ANSWERS: Final = 4096


def answers(lines: Iterable[str], name: str, read: Callable[[str], Header]) -> Iterator[dict[str, Any]]:
    """One answer a case, in order. `read` gives the header of a path. Raises InputError with the line's number."""

    @lru_cache(maxsize=_MOST_MODELS)
    def spec(path: str, file_bytes: int | None) -> Spec:
        return spec_of(read(path), file_bytes)

    @lru_cache(maxsize=_MOST_ANSWERS)
    def answered(path: str, file_bytes: int | None, setting: Setting) -> dict[str, Any]:
        return answer(spec(path, file_bytes), setting)

    for number, line in enumerate(lines, start=1):
        if line.strip():
            case = _parsed(line, f"{name}:{number}")
            yield dict(answered(case.pop("gguf"), case.pop("file_size", None), Setting(**case)))


def answer(spec: Spec, setting: Setting) -> dict[str, Any]:
    """One case's buffers under the names of the recorded table; by device if layers are split."""
    found = estimate(spec, setting)
    ollama = predict(spec, setting)
    one = setting.n_gpu == 1 and setting.n_gpu_layers is None
    return {
        "weights_gpu_bytes": found.weights_gpu_bytes,
        "weights_host_bytes": found.host.weights_bytes,
        "kv_bytes": found.cache.cache_bytes,
        "rs_bytes": found.cache.state_bytes,
        "context_bytes": found.cache.context_bytes,
        "compute_gpu_bytes": found.compute_gpu_bytes,
        "compute_host_bytes": found.host.compute_bytes,
        "output_bytes": found.host.output_bytes,
        "gpu_total_bytes": found.gpu_total_bytes,
        "total_bytes": found.total_bytes,
        "ollama_ps_vram_bytes": found.shown_vram_bytes,
        "ollama_predicted_bytes": ollama.predicted_bytes,
        "ollama_batch": ollama.batch,
        "ollama_surcharge_bytes": ollama.surcharge_bytes,
        "known_architecture": found.known,
        **({} if one else {"gpus": [_load(load) for load in found.gpus], "host": _load(found.host)}),
    }


def _load(load: Load) -> dict[str, int]:
    """What is on one device, named as the columns of the table of splits."""
    return {
        "weights_bytes": load.weights_bytes,
        "context_bytes": load.cache.context_bytes,
        "compute_bytes": load.compute_bytes,
        "total_bytes": load.total_bytes,
    }


def _parsed(line: str, where: str) -> dict[str, Any]:
    """A case with the right types."""
    try:
        case = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON ({error.msg})") from error
    if not isinstance(case, dict) or not isinstance(case.get("gguf"), str):
        raise InputError(f'{where}: a case is an object with "gguf", the path of a model file')
    unknown = sorted(case.keys() - _SETTING_KEYS.keys() - {"gguf", "file_size"})
    if unknown:
        raise InputError(f"{where}: {unknown[0]!r} is no key of a case; there are {', '.join(_SETTING_KEYS)}")
    for key, kind in _SETTING_KEYS.items():
        if key in case and (not isinstance(case[key], kind) or (kind is int and isinstance(case[key], bool))):
            raise InputError(f"{where}: {key} is {case[key]!r}, not of type {kind.__name__}")
    if "num_ctx" not in case:
        raise InputError(f"{where}: num_ctx is missing")
    return case
