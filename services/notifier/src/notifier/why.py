"""Recomputes a stored decision from its own facts, and says whether it comes out the same."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from notifier.domain.decide import decide
from notifier.domain.digest import digest, restored
from notifier.domain.pack import Pack
from notifier.sending.engine import engine
from notifier.sending.reserve import facts_place, told_rules
from notifier.store.decisions import DecisionRow
from notifier.vault import SealBroken, Vault


@dataclass(frozen=True, slots=True)
class Recomputed:
    """Whether the decision came out the same; None, with the reason, where it cannot be known."""

    agrees: bool | None
    note: str | None = None


def recompute(
    row: DecisionRow, packs: tuple[Pack, ...], vault: Vault, subject_key: bytes | None
) -> Recomputed:
    """Decides once more from the stored facts, at the instant that was judged, under the same packs."""
    if row.facts_cipher is None or row.facts_digest is None:
        return Recomputed(None, "a closed gate stopped it before any policy was asked; its rules say which")
    if row.engine != engine():
        return Recomputed(None, f"decided by engine {row.engine}; this one is {engine()}")
    if subject_key is None:
        return Recomputed(None, "the person's data was erased, and the facts with it")
    in_force = {(pack.ref.name, pack.ref.version, pack.ref.digest) for pack in packs}
    changed = [p for p in row.policy if (p.name, p.version, p.digest) not in in_force]
    if changed:
        names = ", ".join(f"{pack.name} {pack.version}" for pack in changed)
        return Recomputed(None, f"the policy has changed since: {names} is not in force here")
    try:
        text = vault.decrypt(subject_key, row.facts_cipher, facts_place(row.message_id, row.facts_digest))
    except SealBroken:
        return Recomputed(False, "the stored facts do not open: they were moved or altered")
    facts = restored(msgspec.json.decode(text))
    if digest(facts) != row.facts_digest:
        return Recomputed(False, "the stored facts are not those that were decided on")
    again = decide(facts, packs, row.judged_at)
    same = (
        again.verdict.value == row.verdict
        and again.until == row.until
        and told_rules(again.rules) == row.rules
    )
    return Recomputed(same, None if same else f"today it is {again.verdict.value}")
