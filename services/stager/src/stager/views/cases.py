"""What the REST door shows: typed answers built from what is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from typing_extensions import TypedDict

from spine.money import format_minor
from stager.domain.cases import Case, ContactStep, Episode, FailedDebit
from stager.domain.figures import Figures
from stager.domain.rulebook import Rulebook
from stager.store.cases import CaseFile
from stager.views.clocks import ClaimClockView, claim_clocks
from stager.views.holds import HoldView, hold_view


class OverdueFigures(TypedDict):
    """Decimal strings in the loan's currency, as the ledger told them."""

    principal: str
    interest: str
    fee: str
    penalty: str
    compound: str
    total: str


class FailedDebitView(TypedDict):
    """A debit that failed, and core banking's reason."""

    debit: str
    reason: str
    at: datetime


class LoanInCase(TypedDict):
    """A loan of a case. `dpd` on the business date; `overdue` as told for `figures_as_of`."""

    loan_id: str
    episode: int
    product: str
    currency: str
    stage: str | None
    entry_no: int
    entered_on: date | None
    stages_seen: list[str]
    dpd: int
    dpd_zero_on: date | None
    oldest_unpaid_due_on: date | None
    figures_as_of: date
    overdue: OverdueFigures
    outstanding_principal: str
    status: str
    last_failed_debit: FailedDebitView | None
    opened_on: date
    taken_over_on: date | None
    closed_on: date | None
    close_reason: str | None


class RequestView(TypedDict):
    """A contact asked for and not yet answered."""

    request_id: str
    loan_id: str
    stage: str
    step: str
    occurrence: int
    channel: str
    template: str
    purpose: str
    requested_at: datetime
    expires_at: datetime


class NextStepView(TypedDict):
    """A step that comes due by itself, unless the facts have changed by then."""

    loan_id: str
    step: str
    due_at: datetime


class CaseItem(TypedDict):
    """A case in a list: the severest stage and the most days past due of its loans."""

    case_id: str
    borrower_id: str
    opened_at: datetime
    stage: str | None
    dpd: int
    loans: list[str]


class CasePage(TypedDict):
    as_of: date
    items: list[CaseItem]
    next_cursor: str | None


class CaseView(TypedDict):
    """A case, whole."""

    case_id: str
    borrower_id: str
    case_no: int
    opened_at: datetime
    closed_at: datetime | None
    as_of: date
    stage: str | None
    zone: str | None
    region: str | None
    locale: str | None
    segment: dict[str, str]
    flags: list[str]
    loans: list[LoanInCase]
    holds: list[HoldView]
    open_requests: list[RequestView]
    next_steps: list[NextStepView]
    clocks: list[ClaimClockView]


def overdue(figures: Figures) -> OverdueFigures:
    """The components of what is overdue."""
    currency = figures.currency
    return OverdueFigures(
        principal=format_minor(figures.principal_minor, currency),
        interest=format_minor(figures.interest_minor, currency),
        fee=format_minor(figures.fee_minor, currency),
        penalty=format_minor(figures.penalty_minor, currency),
        compound=format_minor(figures.compound_minor, currency),
        total=format_minor(figures.total_minor, currency),
    )


def dpd_of(episode: Episode, today: date) -> int:
    """Days past due on the business date; 0 once the episode is over."""
    figures = episode.figures
    return figures.dpd_on(max(today, figures.as_of)) if episode.is_open else 0


def severest(episodes: Iterable[Episode], rulebook: Rulebook, today: date) -> str | None:
    """The severest stage among open episodes."""
    policy = rulebook.stages.on(today).policy
    stages = [episode.stage for episode in episodes if episode.is_open and episode.stage is not None]
    return max(stages, key=policy.rank, default=None)


def case_item(case: Case, episodes: Sequence[Episode], rulebook: Rulebook, today: date) -> CaseItem:
    """A case as a list shows it."""
    return CaseItem(
        case_id=case.case_id,
        borrower_id=case.borrower_id,
        opened_at=case.opened_at,
        stage=severest(episodes, rulebook, today),
        dpd=max((dpd_of(episode, today) for episode in episodes), default=0),
        loans=[episode.loan_id for episode in episodes],
    )


def case_view(file: CaseFile, rulebook: Rulebook, today: date, now: datetime) -> CaseView:
    """A case with everything in it."""
    case, party = file.case, file.party
    return CaseView(
        case_id=case.case_id,
        borrower_id=case.borrower_id,
        case_no=case.case_no,
        opened_at=case.opened_at,
        closed_at=case.closed_at,
        as_of=today,
        stage=severest(file.episodes, rulebook, today),
        zone=party.zone,
        region=party.region,
        locale=party.locale,
        segment=party.segment,
        flags=list(party.flags),
        loans=[_loan(episode, file.failed_debits.get(episode.loan_id), today) for episode in file.episodes],
        holds=[hold_view(hold, now) for hold in file.holds],
        open_requests=[_request(step) for step in file.requests],
        next_steps=[
            NextStepView(loan_id=step.loan_id, step=step.step, due_at=step.due_at) for step in file.next_steps
        ],
        clocks=claim_clocks(file.clocks),
    )


def _loan(episode: Episode, failed: FailedDebit | None, today: date) -> LoanInCase:
    figures = episode.figures
    return LoanInCase(
        loan_id=episode.loan_id,
        episode=episode.episode,
        product=figures.product,
        currency=figures.currency,
        stage=episode.stage,
        entry_no=episode.entry_no,
        entered_on=episode.entered_on,
        stages_seen=list(episode.stages_seen),
        dpd=dpd_of(episode, today),
        dpd_zero_on=figures.dpd_zero_on,
        oldest_unpaid_due_on=figures.oldest_unpaid_due_on,
        figures_as_of=figures.as_of,
        overdue=overdue(figures),
        outstanding_principal=format_minor(figures.outstanding_principal_minor, figures.currency),
        status=figures.status,
        last_failed_debit=_failed_debit(failed) if failed is not None else None,
        opened_on=episode.opened_on,
        taken_over_on=episode.taken_over_on,
        closed_on=episode.closed_on,
        close_reason=episode.close_reason,
    )


def _failed_debit(failed: FailedDebit) -> FailedDebitView:
    return FailedDebitView(debit=failed.transit_id, reason=failed.reason, at=failed.failed_at)


def _request(step: ContactStep) -> RequestView:
    return RequestView(
        request_id=step.request_id,
        loan_id=step.loan_id,
        stage=step.stage,
        step=step.step,
        occurrence=step.occurrence,
        channel=step.channel,
        template=step.template,
        purpose=step.purpose,
        requested_at=step.decided_at,
        expires_at=step.expires_at,
    )
