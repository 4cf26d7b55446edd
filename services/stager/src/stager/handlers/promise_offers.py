"""What is offered as a promise, with the facts it is decided by, and the promise that it becomes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import msgspec

from spine.database import Tx
from spine.errors import BadRequest
from spine.money import parse_minor
from spine.policy import Loaded
from spine.topics import partition_of
from stager.domain.cases import Episode, stable_id
from stager.domain.decision import Decision, decided
from stager.domain.promise_policy import PromisePolicy
from stager.domain.promises import (
    TERMS_ENGINE,
    Promise,
    PromiseKind,
    PromiseStatus,
    TermsFacts,
    Verdict,
    delayed_to,
    due_days,
)
from stager.domain.team import require, require_other
from stager.policy import House
from stager.store.promises import broken_promises, planned_loans
from stager.store.team import member

#: Who may take a promise down, or take it back.
MAY_AGREE = ("collector", "lead", "compliance", "agency")


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What is promised and by whom it was taken down; `amount` in the loan's currency.

    Without `kind` it is full when it covers what is overdue, else partial. A part offer without `second_on` gets
    the last second date that the policy allows when nobody named the kind. A three-day delay needs no
    `promised_on`. `made_at` is now unless it was made before.
    """

    loan_id: str
    amount: str
    promised_on: date | None = None
    kind: PromiseKind | None = None
    second_on: date | None = None
    verified: bool = False
    channel: str | None = None
    contact_id: str | None = None
    by: str | None = None
    approved_by: str | None = None
    made_at: datetime | None = None

    def digest(self) -> str:
        """What tells one request from another under the same key."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


@dataclass(frozen=True, slots=True)
class Considered:
    """An offer with the facts it is decided by."""

    offer: Offer
    facts: TermsFacts
    episode: Episode
    policy: Loaded[PromisePolicy]
    made_at: datetime


async def consider(tx: Tx, house: House, offer: Offer, episode: Episode) -> Considered:
    """An offer for a loan in arrears with all that decides it. Raises BadAmount, BadRequest, and as `member`."""
    figures, made_at = episode.figures, offer.made_at or tx.now
    today = house.today(made_at)
    loaded = house.rulebook.promises.on(today)
    policy = loaded.policy
    approved = await _is_approved(tx, offer, policy)
    amount = parse_minor(offer.amount, figures.currency)
    if amount <= 0:
        raise BadRequest("amount: a promise is of some money", field="amount")
    counting = figures.principal_minor + figures.interest_minor
    covers = amount >= counting - policy.tolerance_minor(figures.product, figures.currency)
    kind = offer.kind or (PromiseKind.FULL if covers else PromiseKind.PARTIAL)
    promised_on = offer.promised_on
    if promised_on is None:
        if kind is not PromiseKind.EXTENSION:
            raise BadRequest("promised_on: is missing", field="promised_on")
        promised_on = delayed_to(today, policy)
    second_on = offer.second_on
    if offer.kind is None and kind is PromiseKind.PARTIAL and second_on is None:
        within = policy.terms(episode.stage, figures.product).part.second_within_days
        second_on = today + timedelta(days=within)
    broken = await broken_promises(tx, [episode.borrower_id], today, policy.broken.within_days)
    facts = TermsFacts(
        loan_id=episode.loan_id,
        product=figures.product,
        stage=episode.stage,
        kind=kind,
        currency=figures.currency,
        amount_minor=amount,
        arrears_minor=figures.total_minor,
        counting_minor=counting,
        made_on=today,
        promised_on=promised_on,
        second_on=second_on if kind is PromiseKind.PARTIAL else None,
        planned=episode.loan_id in await planned_loans(tx, [episode.loan_id]),
        broken=broken.get(episode.borrower_id, 0),
        approved=approved,
    )
    return Considered(offer, facts, episode, loaded, made_at)


async def _is_approved(tx: Tx, offer: Offer, policy: PromisePolicy) -> bool:
    """Whether a supervisor agrees, another person than the one who took it down."""
    if offer.by is not None:
        require(await member(tx, offer.by), *MAY_AGREE)
    if offer.approved_by is None:
        return False
    require_other(offer.by or "", await member(tx, offer.approved_by), policy.broken.role)
    return True


def accepted(considered: Considered, promise_id: str, house: House, tx: Tx) -> Promise:
    """The promise that an accepted offer becomes."""
    offer, facts, episode = considered.offer, considered.facts, considered.episode
    policy = considered.policy.policy
    calendar = house.rulebook.calendars[policy.calendar]
    counts_through, due_on = due_days(facts.promised_on, policy, calendar)
    rest = facts.arrears_minor - facts.amount_minor if facts.second_on is not None else None
    return Promise(
        promise_id=promise_id,
        loan_id=episode.loan_id,
        borrower_id=episode.borrower_id,
        case_id=episode.case_id,
        partition=partition_of(episode.borrower_id, tx.partitions),
        kind=PromiseKind(facts.kind),
        status=PromiseStatus.OPEN,
        currency=facts.currency,
        amount_minor=facts.amount_minor,
        tolerance_minor=policy.tolerance_minor(facts.product, facts.currency),
        base_minor=0,
        counts_from=facts.made_on,
        counts_through=counts_through,
        promised_on=facts.promised_on,
        due_on=due_on,
        second_on=facts.second_on,
        second_minor=rest,
        follows=None,
        stage=facts.stage,
        made_at=considered.made_at,
        verified=offer.verified,
        channel=offer.channel,
        contact_id=offer.contact_id,
        made_by=offer.by,
        approved_by=offer.approved_by,
        policy_digest=considered.policy.digest,
        request_digest=offer.digest(),
        hold_id=stable_id("hold", "promise_open", promise_id),
        received_minor=None,
        reason=None,
        changed_at=tx.now,
    )


def terms_decision(considered: Considered, promise_id: str, verdict: Verdict, now: datetime) -> Decision:
    """Why an offer was accepted or not, to be decided again when asked."""
    return decided(
        "promise",
        promise_id,
        borrower_id=considered.episode.borrower_id,
        loan_id=considered.episode.loan_id,
        engine=TERMS_ENGINE,
        rule=verdict.rule,
        verdict=verdict.verdict,
        facts=considered.facts,
        policy_digests=(considered.policy.digest,),
        decided_at=now,
        turn="terms",
    )
