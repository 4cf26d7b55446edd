"""Loads contact policy packs and what holds block: strictly, or the process does not start."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import rfc8785

from notifier.domain.decision import PackRef
from notifier.domain.pack import HoldFile, Pack, PackFile
from spine.calendars import Calendars, load_calendars
from spine.policy import BadPolicy, load_policy, read_rule_files

HOLDS_FILE = "holds.yaml"


class UnknownPack(BadPolicy):
    """There is no policy pack of this name; see the rules folder for those that are shipped."""

    code = "unknown_pack"


def load_packs(names: Sequence[str], override_dir: Path | None = None) -> tuple[Pack, ...]:
    """The packs of these names, in this order. Files in `override_dir`/notifier win over the shipped ones.

    Raises UnknownPack, or BadPolicy naming file and place.
    """
    texts = read_rule_files("notifier", override_dir)
    holds = load_policy(HoldFile, texts[HOLDS_FILE], path=HOLDS_FILE)
    if not names or len(set(names)) != len(names):
        raise BadPolicy(f"name at least one pack, each once, not {list(names)}")
    calendars = load_calendars(override_dir)
    return tuple(_load(name, texts, holds.policy, calendars) for name in names)


def _load(name: str, texts: dict[str, str], holds: HoldFile, calendars: Calendars) -> Pack:
    path = f"{name}.yaml"
    if path not in texts or path == HOLDS_FILE:
        raise UnknownPack(f"no policy pack {name!r}")
    file = load_policy(PackFile, texts[path], path=path).policy
    if file.name != name:
        raise BadPolicy(f"{path}: the pack calls itself {file.name!r}")
    rules = [
        rule.id
        for rule in (*file.windows, *file.caps, *file.gaps, *file.content, *file.visits, *file.parties)
    ]
    twice = sorted({rule for rule in rules if rules.count(rule) > 1})
    if twice:
        raise BadPolicy(f"{path}: rule ids given twice: {', '.join(twice)}")
    if file.applies.country not in calendars:
        raise BadPolicy(f"{path}: {calendars.refusal(file.applies.country)}")
    # What holds block is part of what was in force, so the digest names both.
    whole = rfc8785.dumps(msgspec.to_builtins((file, holds)))
    digest = hashlib.sha256(whole).hexdigest()
    return Pack(PackRef(file.name, file.version, digest), file, holds.holds, calendars[file.applies.country])
