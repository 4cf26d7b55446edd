"""Policy is data: YAML read strictly into frozen types, with a digest that names exactly what was in force."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
import rfc8785
import yaml

from spine.errors import TactError

P = TypeVar("P")


class BadPolicy(TactError):
    """A policy file is refused: it says which file, line and reason; what was in force stays in force."""

    code = "bad_policy"


@dataclass(frozen=True, slots=True)
class Loaded(Generic[P]):
    """A policy with the SHA-256 of its canonical JSON (RFC 8785)."""

    policy: P
    digest: str
    path: str


class Fault(NamedTuple):
    """One thing wrong with a policy: where (the keys and positions that lead there) and why."""

    at: tuple[str | int, ...]
    reason: str


class _StrictLoader(yaml.SafeLoader):
    """Refuses duplicate keys; keeps dates, yes/no and numbers as YAML 1.1 reads them."""


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: set[Hashable] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise BadPolicy(f"line {key_node.start_mark.line + 1}: {key!r} is given twice")
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load_policy(kind: type[P], text: str, *, path: str) -> Loaded[P]:
    """A policy from YAML text. Unknown keys, duplicates and wrong types raise BadPolicy with file and place.

    `kind` is a msgspec Struct declared with forbid_unknown_fields=True.
    """
    try:
        data = yaml.load(text, _StrictLoader)
        policy = msgspec.convert(data, kind, strict=True)
    except BadPolicy as error:
        raise BadPolicy(f"{path}: {error.detail}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise BadPolicy(f"{path}: {line}{getattr(error, 'problem', error)}") from None
    except msgspec.ValidationError as error:
        raise BadPolicy(f"{path}: {error}") from None
    canonical = rfc8785.dumps(msgspec.to_builtins(policy))
    return Loaded(policy, hashlib.sha256(canonical).hexdigest(), path)


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
