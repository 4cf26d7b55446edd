"""Documents are composed for a case: facts from the ledger and from here, words from the policy, kept as made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

import msgspec
import rfc8785

from spine.database import Tx
from spine.documents.model import Document, Locale, digest_of
from spine.errors import BadRequest, Conflict, Unavailable
from spine.policy import Loaded
from stager.books import Books, Contract, Lines
from stager.domain.cases import Episode, stable_id
from stager.domain.documents.closure_letter import compose_closure
from stager.domain.documents.credit_report_notice import compose_credit_notice
from stager.domain.documents.facts import CertificateFacts, LoanFacts, PlanFacts
from stager.domain.documents.overdue_notice import compose_notice
from stager.domain.documents.policy import DocumentKind, DocumentPolicy
from stager.domain.documents.repayment_plan import compose_plan
from stager.domain.documents.settlement_certificate import compose_certificate
from stager.domain.documents.validation_notice import compose_validation
from stager.domain.plans import PlanState
from stager.domain.team import Role, require
from stager.domain.waivers import WaiverState
from stager.handlers.clocks import keep_clocks
from stager.handlers.document_facts import closure_facts, loan_facts, notice_facts
from stager.policy import House
from stager.remote import Unreachable
from stager.store.cases import case_by_id, episodes_of_case
from stager.store.clocks import latest_episodes
from stager.store.documents import (
    Delivery,
    Made,
    deliveries_of,
    document_of_case,
    find_document,
    insert_document,
    keep_delivery,
    last_made,
    next_number,
)
from stager.store.parties import lock_parties
from stager.store.plans import plan_by_id
from stager.store.policies import keep_policies
from stager.store.team import member
from stager.store.waivers import waivers_of_case

_MAKERS = (Role.COLLECTOR, Role.LEAD, Role.COMPLIANCE, Role.AGENCY)
#: Withdrawn with the arrears unless they had reached their reader.
_OF_ARREARS = (
    DocumentKind.OVERDUE_NOTICE,
    DocumentKind.CREDIT_REPORT_NOTICE,
    DocumentKind.VALIDATION_NOTICE,
)
_BOUND = (WaiverState.APPROVED, WaiverState.EFFECTIVE)


class DocumentExists(Conflict):
    """The episode has this document already; say `reissue` and why to make it again."""

    code = "document_exists"


class DocumentWithdrawn(Conflict):
    """The arrears it is about are over: it is not delivered any more."""

    code = "document_withdrawn"


class DocumentTooLong(Conflict):
    """Something in the document is longer than a document can hold: say it shorter, or make it outside."""

    code = "document_too_long"


class LedgerSilent(Unavailable):
    """The ledger, whose figures the document states, gave none; try again."""

    code = "ledger_silent"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be made. `plan_id` for a repayment plan alone; `reissue`: why it is made again, if it is."""

    case_id: str
    kind: DocumentKind
    loan_id: str
    locale: Locale
    by: str
    plan_id: str | None = None
    reissue: str | None = None

    @property
    def digest(self) -> str:
        """Of what was asked for."""
        asked = {f: str(getattr(self, f)) for f in ("kind", "loan_id", "locale", "by", "plan_id", "reissue")}
        return hashlib.sha256(rfc8785.dumps(asked)).hexdigest()


@dataclass(frozen=True, slots=True)
class Stated:
    """What the ledger stated of a loan; `lines` only where a document needs them."""

    contract: Contract
    lines: Lines | None = None


async def ask_ledger(books: Books, wanted: Wanted, today: date) -> Stated:
    """Asks the ledger before anything is locked. Raises LedgerSilent."""
    contract = await books.contract(wanted.loan_id)
    if isinstance(contract, Unreachable):
        raise LedgerSilent(contract.detail)
    if wanted.kind not in _OF_ARREARS:
        return Stated(contract)
    lines = await books.lines(wanted.loan_id, today, wanted.locale)
    if isinstance(lines, Unreachable):
        raise LedgerSilent(lines.detail)
    return Stated(contract, lines)


async def make_document(
    tx: Tx, house: House, wanted: Wanted, stated: Stated, *, key: str
) -> tuple[Made, bool]:
    """Makes a document; what was made, and whether it is new. `key` makes a repeat the same.

    Raises NotFound, BadRequest, DocumentExists, MissingField, SumsDiffer, Conflict for a key used otherwise, and
    what `member` and `require` raise.
    """
    case = await case_by_id(tx, wanted.case_id)
    await lock_parties(tx, [case.borrower_id], house.zone)
    document_id = stable_id("document", wanted.case_id, key)
    known = await find_document(tx, document_id)
    if known is not None:
        if known.request_digest != wanted.digest:
            raise Conflict("this Idempotency-Key was used for another document", document_id=document_id)
        return known, False
    require(await member(tx, wanted.by), *_MAKERS)
    episodes = [each for each in await episodes_of_case(tx, case) if each.loan_id == wanted.loan_id]
    if not episodes:
        raise BadRequest(f"loan_id: loan {wanted.loan_id} is not in case {wanted.case_id}", field="loan_id")
    episode = episodes[0]
    about = wanted.plan_id or ""
    before = await last_made(
        tx,
        loan_id=wanted.loan_id,
        episode=episode.episode,
        kind=wanted.kind,
        about=about,
        locale=wanted.locale,
    )
    if before is not None and wanted.reissue is None:
        raise DocumentExists(
            f"{before.number} was made on {before.made_at:%Y-%m-%d}", document_id=before.document_id
        )
    today = house.today(tx.now)
    edition = house.rulebook.documents.on(today)
    number = await next_number(tx, edition.policy.prefixes[wanted.kind], today.year)
    document = await _composed(tx, house, wanted, stated, episode, edition, number)
    body = msgspec.json.encode(document, order="sorted")
    try:
        # What is kept for good has to be readable for good.
        msgspec.json.decode(body, type=Document)
    except msgspec.ValidationError as error:
        raise DocumentTooLong(f"the document cannot be made: {error}") from None
    made = Made(
        document_id=document_id,
        number=number,
        kind=wanted.kind,
        locale=wanted.locale,
        case_id=wanted.case_id,
        borrower_id=case.borrower_id,
        loan_id=wanted.loan_id,
        episode=episode.episode,
        about=about,
        reissue=before.reissue + 1 if before is not None else 0,
        reissue_reason=wanted.reissue if before is not None else None,
        as_of=stated.lines.as_of if stated.lines is not None else today,
        body=body.decode(),
        digest=digest_of(document),
        policy_digest=edition.digest,
        request_digest=wanted.digest,
        made_by=wanted.by,
        made_at=tx.now,
    )
    await insert_document(tx, made)
    await keep_policies(tx, house.rulebook, {edition.digest})
    return made, True


async def _composed(
    tx: Tx,
    house: House,
    wanted: Wanted,
    stated: Stated,
    episode: Episode,
    edition: Loaded[DocumentPolicy],
    number: str,
) -> Document:
    policy, today = edition.policy, house.today(tx.now)
    loan, contract, locale = loan_facts(stated.contract), stated.contract, wanted.locale
    match wanted.kind:
        case DocumentKind.OVERDUE_NOTICE:
            stages = house.rulebook.stages.on(today).policy
            reached = stages.rank(episode.stage) if episode.stage is not None else -1
            formal = reached >= stages.rank(policy.consequences.from_stage)
            notice = notice_facts(loan, episode, stated.lines)
            return compose_notice(notice, policy, locale, number=number, on=today, formal=formal)
        case DocumentKind.CREDIT_REPORT_NOTICE:
            notice = notice_facts(loan, episode, stated.lines)
            return compose_credit_notice(notice, policy, locale, number=number, on=today)
        case DocumentKind.VALIDATION_NOTICE:
            notice, rule = notice_facts(loan, episode, stated.lines), policy.validation
            until = rule.disputable_until(today, house.rulebook.calendars[rule.calendar])
            return compose_validation(notice, policy, locale, number=number, on=today, disputable_until=until)
        case DocumentKind.REPAYMENT_PLAN:
            return compose_plan(await _plan(tx, wanted, loan), policy, locale, number=number, on=today)
        case DocumentKind.SETTLEMENT_CERTIFICATE:
            settled = CertificateFacts(loan, contract.settled_on)
            return compose_certificate(settled, policy, locale, number=number, on=today)
        case DocumentKind.CLOSURE_LETTER:
            closure = closure_facts(loan, contract, episode)
            return compose_closure(closure, policy, locale, number=number, on=today)


async def _plan(tx: Tx, wanted: Wanted, loan: LoanFacts) -> PlanFacts:
    plan = await plan_by_id(tx, wanted.plan_id) if wanted.plan_id is not None else None
    if plan is None or plan.case_id != wanted.case_id or plan.loan_id != wanted.loan_id:
        raise BadRequest("plan_id: the loan of this case has no such plan", field="plan_id")
    if plan.state in (PlanState.CANCELLED, PlanState.BREACHED):
        raise Conflict(f"the plan is {plan.state}: nobody signs it any more", plan_id=plan.plan_id)
    waivers = [
        each
        for each in await waivers_of_case(tx, wanted.case_id)
        if each.loan_id == wanted.loan_id and each.state in _BOUND
    ]
    return PlanFacts(loan, plan, tuple(waivers))


async def record_delivery(
    tx: Tx, house: House, *, case_id: str, document_id: str, delivery: Delivery
) -> tuple[Delivery, bool]:
    """Keeps how a document reached its reader; the first word counts. Raises NotFound and what `member` raises."""
    case = await case_by_id(tx, case_id)
    await lock_parties(tx, [case.borrower_id], house.zone)
    made = await document_of_case(tx, case_id, document_id)
    require(await member(tx, delivery.recorded_by), *_MAKERS)
    if not made.made_at <= delivery.delivered_at <= tx.now:
        raise BadRequest(
            "delivered_at: after the document was made, and not in the future", field="delivered_at"
        )
    episode = (await latest_episodes(tx, [made.loan_id]))[made.loan_id]
    over = episode.closed_on is not None and house.today(delivery.delivered_at) > episode.closed_on
    if over and made.kind in _OF_ARREARS:
        raise DocumentWithdrawn(document_id=document_id)
    new = await keep_delivery(tx, delivery)
    await keep_clocks(tx, [made.loan_id], house)
    return (await deliveries_of(tx, [document_id]))[document_id], new
