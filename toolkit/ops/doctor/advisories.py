"""Published vulnerabilities of Ollama, with the version that mends each, as looked up on CHECKED; each has its sources.

`fixed` comes from the source named first. Where a record says only up to which version it was found (`affected_to`),
later ones are not listed as affected, and no more is claimed. CVE-2024-7773 is left out: withdrawn as a duplicate of
CVE-2024-45436. CVE-2025-63389 (no authentication) and CVE-2025-51471 (a token sent to a foreign host; its records name
no fixed version) are left out as well: the first is how Ollama is made, and has a check of its own. The two of the
Windows updater (CVE-2026-42248, CVE-2026-42249) cannot be told from the API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CHECKED: Final = "2026-11-28"

VersionNumbers = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Advisory:
    """One vulnerability. Without `fixed` and `affected_to` no fixed version is known; `note` then says since when."""

    cve: str
    what: str
    fixed: VersionNumbers | None
    sources: str
    affected_to: VersionNumbers | None = None
    affected_from: VersionNumbers = (0, 0, 0)
    note: str = ""

    @property
    def is_open(self) -> bool:
        """Whether no version is known to be free of it."""
        return self.fixed is None and self.affected_to is None

    def affects(self, version: VersionNumbers) -> bool:
        """Whether the sources list this version."""
        if version < self.affected_from:
            return False
        if self.fixed is not None:
            return version < self.fixed
        return self.affected_to is None or version <= self.affected_to


def dotted(version: VersionNumbers) -> str:
    """`0.17.1`."""
    return ".".join(str(number) for number in version)


ADVISORIES: Final = (
    Advisory(
        "CVE-2024-28224", "DNS rebinding: a web page uses the API", (0, 1, 29), "GO-2024-2699, GHSA-5jx5-hqx5-2vrj"
    ),
    Advisory(
        "CVE-2024-37032", "path traversal in digests, remote code execution", (0, 1, 34),
        "GO-2024-2901, GHSA-8hqg-whrw-pv92",
    ),
    Advisory("CVE-2025-44779", "deletion of arbitrary files", (0, 1, 34), "GO-2025-3851, GHSA-93jv-pvg8-hf3v"),
    Advisory("CVE-2024-39721", "a create request that never ends", (0, 1, 34), "CVE record (MITRE)"),
    Advisory("CVE-2024-39720", "an out-of-bounds read: crash", (0, 1, 46), "GO-2024-3245, GHSA-95j2-w8x7-hm88"),
    Advisory("CVE-2024-39722", "push tells which files exist", (0, 1, 46), "CVE record (MITRE)"),
    Advisory(
        "CVE-2024-45436", "ZIP archives are unpacked outside their folder", (0, 1, 47),
        "GO-2024-3104, GHSA-846m-99qv-67mg",
    ),
    Advisory("CVE-2024-39719", "create tells which files exist", None, "CVE record (MITRE)", (0, 3, 14)),
    Advisory("CVE-2024-12055", "a crafted GGUF: crash", None, "CVE record (huntr), GO-2025-3558", (0, 3, 14)),
    Advisory("CVE-2025-0312", "a crafted GGUF: crash", None, "CVE record (huntr), GO-2025-3582", (0, 3, 14)),
    Advisory("CVE-2025-0315", "a crafted GGUF: out of memory", None, "CVE record (huntr), GO-2025-3557", (0, 3, 14)),
    Advisory("CVE-2025-0317", "a crafted GGUF: crash", None, "CVE record (huntr), GO-2025-3559", (0, 3, 14)),
    Advisory("CVE-2024-12886", "a crafted gzip body: out of memory", (0, 4, 0), "GO-2025-3548, GHSA-v464-r2r9-www7"),
    Advisory(
        "CVE-2026-7482", "a crafted GGUF leaks the server's memory: keys, prompts, conversations", (0, 17, 1),
        "GO-2026-5748, GHSA-x8qc-fggm-mpqg",
    ),
    Advisory(
        "CVE-2026-5530", "pull sends requests to addresses of the attacker's choice", None,
        "CVE record (VulDB 355283; it writes the version as 18.1)", (0, 18, 1),
    ),
    Advisory(
        "CVE-2026-7020", "path traversal in the transfer of tensors", None, "CVE record (VulDB 359599), GO-2026-5750",
        (0, 20, 2), (0, 20, 0),
    ),
    Advisory(
        "CVE-2026-5757", "quantising a crafted GGUF reads and writes out of bounds", None, "CERT/CC VU#518910",
        note="no fixed version known as of 2026-10-10",
    ),
)  # fmt: skip
"""Oldest fix first; the open ones last."""
