"""Why a hold is as it is: the decisions on it, and made again from what is kept."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from stager.domain.cases import Hold
from stager.domain.decision import Decision, decided
from stager.domain.hold_policy import HoldPolicy
from stager.domain.holding import ENGINE, HoldFacts, HoldVerdict, decide_hold
from stager.domain.person_holds import PersonHold
from stager.domain.staging import digest_of


def hold_decision(hold: Hold | PersonHold, facts: HoldFacts, verdict: HoldVerdict, digest: str) -> Decision:
    """A decision on a hold of a loan, or of a person, as it is kept. `digest`: of the table of holds."""
    changed_at = {"place": hold.placed_at, "extend": hold.extended_at, "lift": hold.lifted_at}[facts.act]
    return decided(
        "person_hold" if isinstance(hold, PersonHold) else "hold",
        hold.person_hold_id if isinstance(hold, PersonHold) else hold.hold_id,
        borrower_id=hold.borrower_id,
        loan_id=None if isinstance(hold, PersonHold) else hold.loan_id,
        engine=ENGINE,
        rule=verdict.rule,
        verdict=_text(verdict),
        facts=facts,
        policy_digests=(digest,),
        decided_at=changed_at or hold.placed_at,
        # A debit that is put off moves its hold: each end is a decision of its own.
        turn=f"{facts.act}/{hold.extensions}/{hold.until}",
    )


def recompute_hold(
    decision: Decision, bodies: Mapping[str, str]
) -> tuple[HoldVerdict | None, tuple[str, ...]]:
    """The verdict that comes out now, and in which points it differs from what is stored.

    `bodies` are canonical policy texts by digest; what is missing is a difference.
    """
    differences = []
    if digest_of(decision.facts) != decision.facts_digest:
        differences.append("the stored facts are not those of the digest")
    if decision.engine != ENGINE:
        differences.append(f"decided by engine {decision.engine}, this is {ENGINE}")
    [digest] = decision.policy_digests
    if digest not in bodies:
        return None, (*differences, f"policy {digest} is not kept")
    if digest_of(bodies[digest]) != digest:
        differences.append(f"the kept text of policy {digest} is not that of the digest")
    policy = msgspec.json.decode(bodies[digest], type=HoldPolicy)
    verdict = decide_hold(msgspec.json.decode(decision.facts, type=HoldFacts), policy)
    for what, now, stored in (
        ("rule", verdict.rule, decision.rule),
        ("verdict", _text(verdict), decision.verdict),
    ):
        if now != stored:
            differences.append(f"{what}: {now} comes out, {stored} is stored")
    return verdict, tuple(differences)


def _text(verdict: HoldVerdict) -> str:
    return msgspec.json.encode(verdict, order="sorted").decode()
