"""Names of runs: an id that follows from the run itself, and what a tag may look like. Pure.

A run on a real host is named by what was known when it began (provenance with the moment, strategy, repetition), so the
id is there from the first second. A simulated run has no moment: it is named by its content, too, so that the same
simulation played twice is one run, and a changed one another.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import fields
from typing import TYPE_CHECKING

from toolkit.store.codec import RECORDS, SPANS

if TYPE_CHECKING:
    from toolkit.replay.records import Provenance, Run

ID_LENGTH = 12
LEAST_PREFIX = 4
"""So many characters of an id are needed to name a run by its beginning."""
LATEST = "latest"

_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
_LIKE_ID = re.compile(rf"[0-9a-f]{{{LEAST_PREFIX},{ID_LENGTH}}}")


def run_id(run: Run) -> str:
    """The id of a finished run: 12 hexadecimal digits."""
    if run.provenance.started_at is not None:
        return begun_id(run.strategy, run.repetition, run.provenance)
    digest = _begun(run.strategy, run.repetition, run.provenance)
    rows = (*map(RECORDS.encode, run.records), *map(SPANS.encode, run.residency))
    for part in (*rows, run.client, run.end_ns, run.complete):
        digest.update(repr(part).encode(errors="surrogatepass"))
    return digest.hexdigest()[:ID_LENGTH]


def begun_id(strategy: str, repetition: int, provenance: Provenance) -> str:
    """The id of a run on a real host, known at its beginning."""
    return _begun(strategy, repetition, provenance).hexdigest()[:ID_LENGTH]


def looks_like_id(text: str) -> bool:
    """Whether a reference is an id or the beginning of one."""
    return _LIKE_ID.fullmatch(text) is not None


def tag_problem(name: str) -> str | None:
    """What is wrong with the name of a tag; None if it will do."""
    if _TAG.fullmatch(name) is None:
        return "a tag begins with a letter or digit and has letters, digits and . _ / - only, at most 64"
    if looks_like_id(name) or name == LATEST:
        return "this could be an id of a run, or stands for the newest one; choose another word"
    return None


def _begun(strategy: str, repetition: int, provenance: Provenance) -> hashlib._Hash:
    # What is None is left out, so that a field that a later toolkit adds does not rename the runs of today.
    known = {field.name: getattr(provenance, field.name) for field in fields(provenance)}
    text = repr((strategy, repetition, sorted((name, value) for name, value in known.items() if value is not None)))
    return hashlib.sha256(text.encode(errors="surrogatepass"))
