"""Loads contact policy packs and what holds block: strictly, or the process does not start."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import rfc8785

from notifier.domain.decision import PackRef
from notifier.domain.inbound import InboundFile, Listener
from notifier.domain.pack import HoldFile, Pack, PackFile
from spine.calendars import Calendars, load_calendars
from spine.policy import BadPolicy, Fault, load_policy, read_rule_files

HOLDS_FILE = "holds.yaml"
INBOUND_FILE = "inbound.yaml"
#: A pack that names opt-out keywords has this line.
_KEYWORDS: Final = "\nopt_out:"
#: Ids that `decide` gives out itself.
_BUILT_IN = frozenset({"ZONE", "NO-SLOT", "NO-POLICY", "PARTY-HOURS"})
_HOLD_PREFIX = "HOLD-"


class UnknownPack(BadPolicy):
    """There is no policy pack of this name; see the rules folder for those that are shipped."""

    code = "unknown_pack"


def load_packs(names: Sequence[str], override_dir: Path | None = None) -> tuple[Pack, ...]:
    """The packs of these names, in this order. Files in `override_dir`/notifier win over the shipped ones.

    Raises UnknownPack, or BadPolicy naming file and place.
    """
    texts = read_rule_files("notifier", override_dir)
    holds = load_policy(HoldFile, texts[HOLDS_FILE], path=HOLDS_FILE, faults=_faults_of_holds)
    if not names or len(set(names)) != len(names):
        raise BadPolicy(f"name at least one pack, each once, not {list(names)}")
    calendars = load_calendars(override_dir)
    return tuple(_load(name, texts, holds.policy, calendars) for name in names)


def load_listener(override_dir: Path | None = None) -> Listener:
    """What texts mean that people send: the keywords of every pack there is, and what is said of words in general.

    Raises BadPolicy naming file and place.
    """
    texts = read_rule_files("notifier", override_dir)
    file = load_policy(InboundFile, texts[INBOUND_FILE], path=INBOUND_FILE).policy
    packs = [
        load_policy(PackFile, text, path=path).policy for path, text in texts.items() if _KEYWORDS in text
    ]
    words = [word for pack in packs if pack.opt_out is not None for word in pack.opt_out.keywords]
    return Listener(tuple(dict.fromkeys(words)), file)


def _load(name: str, texts: dict[str, str], holds: HoldFile, calendars: Calendars) -> Pack:
    path = f"{name}.yaml"
    if path not in texts or path == HOLDS_FILE:
        raise UnknownPack(f"no policy pack {name!r}")
    file = load_policy(PackFile, texts[path], path=path, faults=faults_of_pack).policy
    if file.name != name:
        raise BadPolicy(f"{path}: the pack calls itself {file.name!r}")
    if file.applies.country not in calendars:
        raise BadPolicy(f"{path}: {calendars.refusal(file.applies.country)}")
    # What holds block and which days are worked is part of what was in force, so the digest names all.
    whole = rfc8785.dumps(msgspec.to_builtins((file, holds, calendars.version), str_keys=True))
    digest = hashlib.sha256(whole).hexdigest()
    return Pack(PackRef(file.name, file.version, digest), file, holds.holds, calendars)


def faults_of_pack(file: PackFile) -> Iterator[Fault]:
    """What is wrong with a pack beyond its shape."""
    seen: dict[str, tuple[str, set[str | None]]] = {}
    for section, number, rule in file.rules():
        at = (section, number, "id")
        if rule.id in _BUILT_IN or rule.id.startswith(_HOLD_PREFIX):
            yield Fault(at, f"{rule.id} is an id that decisions give out themselves")
        first, parts = seen.setdefault(rule.id, (section, set()))
        if rule.part in parts or (parts and (None in parts or rule.part is None)):
            yield Fault(at, f"rule ids given twice: {rule.id}; rules of one id are told apart by `part`")
        elif first != section:
            yield Fault(at, f"{rule.id} is a rule of {first} already")
        parts.add(rule.part)
        if (
            rule.effective_from is not None
            and rule.effective_until is not None
            and rule.effective_until <= rule.effective_from
        ):
            yield Fault((section, number, "effective_until"), "it is over before it begins")
    if not any(getattr(file, section) for section, _, _ in file.rules()):
        yield Fault((), "a pack without a rule allows everything")


def _faults_of_holds(file: HoldFile) -> Iterator[Fault]:
    kinds: set[str] = set()
    for number, rule in enumerate(file.holds):
        if rule.kind in kinds:
            yield Fault(("holds", number, "kind"), f"{rule.kind} is given twice")
        kinds.add(rule.kind)
