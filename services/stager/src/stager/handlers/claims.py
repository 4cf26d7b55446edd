"""Payment claims: answered by money that arrives, looked into by a person on the last day, settled by the hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from spine.business_days import business_date, local_instant
from spine.database import Runtime, Tx
from spine.envelope import Envelope
from spine.errors import BadAmount
from spine.events.contact_log import PaymentClaimed
from spine.money import parse_minor
from spine.service import Received
from stager.domain.cases import Episode, said_hold_id, stable_id
from stager.domain.claims import (
    ENGINE,
    STATUS_AFTER,
    Claim,
    ClaimFacts,
    ClaimStatus,
    Match,
    claim_facts,
    match_claim,
)
from stager.domain.decision import Decision, decided
from stager.domain.money import Money
from stager.domain.tasks import Task
from stager.handlers.holds import end_holds
from stager.handlers.tasks import cancel_tasks, open_tasks
from stager.policy import House
from stager.store.claims import (
    HeldClaim,
    adopt_claims,
    insert_claims,
    lock_claims_to_look_at,
    money_taken,
    open_claims,
    save_claims,
)
from stager.store.decisions import keep_decisions
from stager.store.holds import active_holds
from stager.store.money import money_of
from stager.store.policies import keep_policies
from stager.store.promises import open_episodes

CHECK = "claim_check"


async def take_claims_said(tx: Tx, events: Sequence[Received]) -> None:
    """What was said of claimed money is kept beside the hold that the same fact places; twice is once.

    The caller has locked the borrowers.
    """
    said: dict[str, Claim] = {}
    for received in events:
        fact = received.event
        if isinstance(fact, PaymentClaimed):
            claim = _said(fact)
            said.setdefault(claim.hold_id, claim)
    await insert_claims(tx, list(said.values()))


def _said(fact: PaymentClaimed) -> Claim:
    return Claim(
        hold_id=said_hold_id("payment_claim", fact.contact_id),
        loan_id=fact.loan_id,
        borrower_id=fact.borrower_id,
        contact_id=fact.contact_id,
        status=ClaimStatus.OPEN,
        claimed_at=fact.at,
        # Looked at by the timers at once, which know until when the hold lasts.
        check_at=fact.at,
        amount=fact.amount,
    )


async def match_claims(tx: Tx, moved: Mapping[str, Envelope], house: House) -> None:
    """Money arrived on these loans: a claim of it is answered, and its hold ends as posted.

    The caller has locked the borrowers.
    """
    claims = await open_claims(tx, moved)
    if not claims:
        return
    policy = house.rulebook.promises.on(house.today(tx.now))
    loans = {claim.loan_id for claim in claims}
    money, taken = await money_of(tx, loans), await money_taken(tx, loans)
    matched: dict[str, Claim] = {}
    decisions = []
    for claim in claims:
        within = policy.policy.claims.matches_within_days
        facts = _facts(claim, money[claim.loan_id], within, taken, house.zone)
        found = match_claim(facts)
        if found.repayment_id is None:
            continue
        taken.add(found.repayment_id)
        decisions.append(_decision(claim, facts, found, policy.digest, tx.now))
        matched[claim.hold_id] = replace(
            claim, status=ClaimStatus.MATCHED, repayment_id=found.repayment_id, settled_at=tx.now
        )
    await save_claims(tx, list(matched.values()))
    await keep_decisions(tx, decisions)
    if decisions:
        await keep_policies(tx, house.rulebook, {policy.digest})
    held = await active_holds(tx, sorted({claim.borrower_id for claim in matched.values()}))
    ended = [
        replace(hold, lifted_at=tx.now, ended_by="facts", lift_reason=matched[hold.hold_id].repayment_id)
        for hold in held
        if hold.hold_id in matched
    ]
    await end_holds(tx, ended, {hold.hold_id: moved[hold.loan_id] for hold in ended})
    await cancel_tasks(tx, {claim.loan_id for claim in matched.values()}, "claim_matched", kinds=(CHECK,))


def _facts(
    claim: Claim, money: Sequence[Money], within_days: int, taken: set[str], zone: ZoneInfo
) -> ClaimFacts:
    amount = None
    if claim.amount is not None and money:
        try:
            amount = parse_minor(claim.amount, money[0].currency)
        except BadAmount:
            # Said in another way than money comes in: no repayment is of nothing.
            amount = 0
    return claim_facts(
        claim,
        money,
        paid_on=business_date(claim.paid_at or claim.claimed_at, zone),
        amount_minor=amount,
        within_days=within_days,
        taken=taken,
    )


def _decision(claim: Claim, facts: ClaimFacts, found: Match, digest: str, now: datetime) -> Decision:
    return decided(
        "claim",
        claim.hold_id,
        borrower_id=claim.borrower_id,
        loan_id=claim.loan_id,
        engine=ENGINE,
        rule=found.rule,
        verdict=found.repayment_id or "",
        facts=facts,
        policy_digests=(digest,),
        decided_at=now,
        turn=found.repayment_id,
    )


async def look_at_claims(runtime: Runtime, house: House, batch: int) -> int:
    """One batch of claims whose hold has ended or whose last day has come; returns how many."""

    async def work(tx: Tx) -> int:
        adopted = await adopt_claims(tx, batch)
        looked_at = await lock_claims_to_look_at(tx, batch)
        if looked_at:
            await _look_at(tx, looked_at, house)
        return adopted + len(looked_at)

    return await runtime.run(work)


async def _look_at(tx: Tx, held: Sequence[HeldClaim], house: House) -> None:
    episodes = await open_episodes(tx, {each.claim.loan_id for each in held})
    saved: list[Claim] = []
    tasks: list[Task] = []
    over: set[str] = set()
    for each in held:
        claim = each.claim
        if each.ended_by is not None:
            status = STATUS_AFTER[each.ended_by]
            saved.append(
                replace(
                    claim,
                    status=status,
                    check_at=None,
                    settled_at=tx.now,
                    settled_by=each.lifted_by,
                    reason=each.lift_reason if status is ClaimStatus.REJECTED else None,
                )
            )
            if status is not ClaimStatus.UNMATCHED:
                over.add(claim.loan_id)
                continue
        elif (at := check_time(each.until, house)) is not None and tx.now < at:
            saved.append(replace(claim, check_at=at))
            continue
        else:
            saved.append(replace(claim, check_at=None))
        if (episode := episodes.get(claim.loan_id)) is not None:
            tasks.append(_check(claim, episode, tx.now))
    await save_claims(tx, saved)
    await cancel_tasks(tx, over, "claim_settled", kinds=(CHECK,))
    await open_tasks(tx, tasks, house)


def check_time(until: datetime | None, house: House) -> datetime | None:
    """When a claim that is waited for until then is looked into: on its last day. None without an end."""
    if until is None:
        return None
    last = business_date(until - timedelta(microseconds=1), house.zone)
    policy = house.rulebook.promises.on(last).policy
    return local_instant(last, policy.claims.checked_from, house.zone)


def _check(claim: Claim, episode: Episode, now: datetime) -> Task:
    return Task(
        task_id=stable_id("task", CHECK, claim.hold_id, claim.extended_at),
        kind=CHECK,
        borrower_id=claim.borrower_id,
        loan_id=claim.loan_id,
        case_id=episode.case_id,
        due_at=now,
        stage=episode.stage,
        reason="claim_unmatched",
        origin=claim.hold_id,
    )
