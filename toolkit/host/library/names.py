"""Model names: `[scheme://][host/][namespace/]model[:tag]`, their defaults, what is valid, how they are shown.

Source of the rules: the recorded answers to malformed names and the documented grammar of names. Lengths count bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

DEFAULT_HOST = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"
DEFAULT_SCHEME = "https"
_MISSING = "!MISSING!"
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}", re.ASCII)
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}", re.ASCII)
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}", re.ASCII)
LOCAL, CLOUD = "local", "cloud"


class ModelNameError(Exception):
    """A name that no endpoint takes; the message is the server's."""


class NoNameError(ModelNameError):
    """There is no name at all."""


class TwoSourcesError(ModelNameError):
    """A name with two of the suffixes `:local` and `:cloud`."""


@dataclass(frozen=True, slots=True)
class ModelName:
    """A full name; `scheme` takes no part in comparisons of what is installed."""

    host: str
    namespace: str
    model: str
    tag: str
    scheme: str = DEFAULT_SCHEME

    @property
    def valid(self) -> bool:
        """Whether every part may stand in a path of the models folder."""
        parts = ((_HOST, self.host), (_NAMESPACE, self.namespace), (_PART, self.model), (_PART, self.tag))
        return all(pattern.fullmatch(part) is not None for pattern, part in parts)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The place in the models folder."""
        return (self.host, self.namespace, self.model, self.tag)

    @property
    def full(self) -> str:
        """All four parts."""
        return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"

    @property
    def short(self) -> str:
        """Without the parts that are defaults; model and tag always."""
        if self.host.lower() != DEFAULT_HOST:
            return self.full
        prefix = "" if self.namespace.lower() == DEFAULT_NAMESPACE else f"{self.namespace}/"
        return f"{prefix}{self.model}:{self.tag}"

    def like(self, existing: tuple[ModelName, ...]) -> ModelName:
        """The same name in the spelling of what is installed, part by part without case."""
        found = self
        for other in existing:
            changes = {
                part: getattr(other, part)
                for part in ("host", "namespace", "model", "tag")
                if getattr(other, part).lower() == getattr(found, part).lower()
            }
            found = replace(found, **changes)
        return found


@dataclass(frozen=True, slots=True)
class ModelReference:
    """What a request names: a model, and where it is to run if the name says so."""

    name: ModelName
    base: str
    """The name without its source suffix."""
    source: str | None = None
    """`local`, `cloud` or None."""


def parse_name(text: str) -> ModelName:
    """Take a name apart and fill in the defaults; the result may be invalid, see `ModelName.valid`."""
    tag = ""
    if text.rfind(":") > text.rfind("/"):
        text, tag = _cut_last(text, ":")
    host, namespace, scheme = "", "", ""
    if "/" in text:
        text, model = _cut_last(text, "/")
        if "/" in text:
            text, namespace = _cut_last(text, "/")
            scheme, found, host = text.partition("://")
            if not found:
                scheme, host = "", text
        else:
            namespace = text
    else:
        model = text
    return ModelName(
        host or DEFAULT_HOST,
        namespace or DEFAULT_NAMESPACE,
        model,
        tag or DEFAULT_TAG,
        scheme or DEFAULT_SCHEME,
    )


def _cut_last(text: str, separator: str) -> tuple[str, str]:
    """Cut at the last separator; a part that is promised by it but empty makes the name invalid."""
    before, _, after = text.rpartition(separator)
    return before or _MISSING, after or _MISSING


def parse_reference(text: str) -> ModelReference:
    """Take apart what a request names, with the suffixes `:local`, `:cloud` and `-cloud` of the current line.

    Raises:
        NoNameError: the name is empty or white space.
        TwoSourcesError: two suffixes.
        ModelNameError: the name is malformed.
    """
    text = text.strip()
    if not text:
        raise NoNameError("model is required")
    base, source = _source_suffix(text)
    if source is not None and _source_suffix(base)[1] is not None:
        raise TwoSourcesError(f'use either :local or :cloud, not both: "{text}"')
    name = parse_name(base)
    if not name.valid:
        raise ModelNameError("invalid model name")
    return ModelReference(name, base, source)


def _source_suffix(text: str) -> tuple[str, str | None]:
    before, colon, last = text.rpartition(":")
    if not colon:
        return text, None
    suffix = last.strip()
    if suffix.lower() in {LOCAL, CLOUD}:
        return before, suffix.lower()
    if "/" not in suffix and suffix.lower().endswith("-cloud"):
        return f"{before}:{suffix[: -len('-cloud')]}", CLOUD
    return text, None


def pull_reference(text: str) -> ModelReference:
    """As `parse_reference`, for pull and delete: a cloud model keeps its old spelling, `:tag-cloud` or `:cloud`.

    Raises:
        ModelNameError: see `parse_reference`.
    """
    found = parse_reference_base(text)
    name = parse_name(found.base)
    if not name.valid:
        raise ModelNameError("invalid model name")
    return ModelReference(name, found.base, found.source)


def parse_reference_base(text: str) -> ModelReference:
    """The name of a cloud model in its old spelling; not checked for validity."""
    text = text.strip()
    if not text:
        raise NoNameError("model is required")
    base, source = _source_suffix(text)
    if source is not None and _source_suffix(base)[1] is not None:
        raise TwoSourcesError(f'use either :local or :cloud, not both: "{text}"')
    if source == CLOUD:
        base = f"{base}-cloud" if base.rfind(":") > base.rfind("/") else f"{base}:cloud"
    return ModelReference(parse_name(base), base, source)
