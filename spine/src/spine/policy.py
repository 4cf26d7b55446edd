"""Policy is data: YAML read strictly into frozen types, with a digest that names exactly what was in force."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, NamedTuple, Self, TypeVar

import msgspec
import rfc8785
import yaml

from spine.errors import TactError
from spine.marked_yaml import Document, Marked, Place, convert

P = TypeVar("P")


class Fault(NamedTuple):
    """One thing wrong with a policy: where (the keys and positions that lead there) and why."""

    at: Place
    reason: str


class Located(NamedTuple):
    """One thing wrong with a policy file; `line` counts from 1, None for the file as a whole."""

    file: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.file}: {self.reason}" if self.line is None else f"{self.file}:{self.line}: {self.reason}"
        )


class BadPolicy(TactError):
    """A policy file is refused: it says which file, line and reason; what was in force stays in force."""

    code = "bad_policy"

    def __init__(self, detail: str | None = None, faults: Sequence[Located] = (), **facts: Any) -> None:
        super().__init__(detail, **facts)
        #: All that was found, where it is known by line.
        self.faults = tuple(faults)

    @classmethod
    def of(cls, path: str, faults: Iterable[Marked]) -> Self:
        """A file with these faults, in the order of their lines."""
        found = sorted(faults)
        listed = "; ".join(f"line {fault.line}: {fault.reason}" for fault in found)
        return cls(f"{path}: {listed}", [Located(path, *fault) for fault in found])

    def located(self, path: str) -> tuple[Located, ...]:
        """Its faults; one of the whole file where no line is known."""
        return self.faults or (Located(path, None, self.detail.removeprefix(f"{path}: ")),)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[P]):
    """A policy with the SHA-256 of its canonical JSON (RFC 8785), and the text it was read from."""

    policy: P
    digest: str
    path: str
    source: Document | None = field(default=None, compare=False, repr=False)

    def located(self, fault: Fault) -> Located:
        """A fault with file and line."""
        line = self.source.line_of(fault.at) if self.source is not None else None
        return Located(self.path, line, fault.reason)


def load_policy(
    kind: type[P], text: str, *, path: str, faults: Callable[[P], Iterable[Fault | str]] | None = None
) -> Loaded[P]:
    """A policy from YAML text. Everything wrong with it is told at once: BadPolicy with file, line and reason.

    `kind` is a msgspec Struct declared with forbid_unknown_fields=True. `faults` finds what is wrong beyond
    unknown keys, duplicates and wrong types; it is asked only when there is none of these.
    """
    try:
        document = Document.parse(text)
        repeated = list(document.repeated())
        policy, misfits = convert(document, kind)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = str(getattr(error, "problem", None) or error)
        raise BadPolicy.of(path, [Marked(mark.line + 1 if mark else 1, reason)]) from None
    except RecursionError:
        raise BadPolicy(f"{path}: nested too deeply") from None
    if policy is None or repeated:
        raise BadPolicy.of(path, [*repeated, *misfits])
    canonical = rfc8785.dumps(msgspec.to_builtins(policy))
    loaded = Loaded(policy, hashlib.sha256(canonical).hexdigest(), path, document)
    refuse(loaded, faults(policy) if faults is not None else ())
    return loaded


def refuse(loaded: Loaded[P], faults: Iterable[Fault | str]) -> None:
    """Raises BadPolicy when there are faults in what was read."""
    found = [loaded.located(f if isinstance(f, Fault) else Fault((), f)) for f in faults]
    if found:
        raise BadPolicy.of(loaded.path, [Marked(each.line or 1, each.reason) for each in found])


def read_rule_files(package: str, override: Path | None, pattern: str = "*.yaml") -> dict[str, str]:
    """The policy files of a package's `rules` folder by name, those in `override` (TACT_POLICY_DIR) winning."""
    shipped = Path(str(files(package))) / "rules"
    folders = [shipped]
    if override is not None:
        folders.append(override / package)
    return {
        path.name: path.read_text(encoding="utf-8")
        for folder in folders
        if folder.is_dir()
        for path in sorted(folder.glob(pattern))
    }
