"""What the REST door shows of the clocks of claims and of credit reporting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from typing_extensions import TypedDict

from stager.domain.clocks import ClaimClocks, Restart
from stager.store.clocks import LoanClock, RecordedRestart
from stager.store.credit_reports import Correction, CreditEntry


class RestartView(TypedDict):
    """Something that may have begun limitation anew."""

    on: date
    ground: str
    reference: str


class RecordedRestartView(TypedDict):
    """What a member of the team recorded as beginning limitation anew, and until when it then runs."""

    restart_id: str
    loan_id: str
    on: date
    ground: str
    reference: str
    by: str
    recorded_at: datetime
    limitation_ends_on: date | None


class GuaranteeView(TypedDict):
    """Until when the guarantor can be called on, and what says so."""

    loan_id: str
    guarantee_ends_on: date
    reference: str
    by: str


class CreditEntryView(TypedDict):
    """An advance notice that arrived, or an adverse report."""

    entry_id: str
    kind: str
    loan_id: str
    on: date
    reference: str
    by: str
    recorded_at: datetime


class CorrectionView(TypedDict):
    """What showed that a report may be wrong, and the task to correct it."""

    correction_id: str
    ground: str
    origin: str
    task_id: str
    found_at: datetime


class LoanClockView(TypedDict):
    """How the clocks of a loan stand as decided now; null dates where nothing is overdue or known.

    `began_by`: from_due, or the ground that began limitation anew on `began_on`.
    """

    loan_id: str
    limitation_ends_on: date | None
    began_on: date | None
    began_by: str | None
    time_barred: bool
    restarts: list[RestartView]
    guarantee_ends_on: date | None
    guarantee_reference: str | None
    credit_notice_arrived_on: date | None
    credit_entries: list[CreditEntryView]
    corrections: list[CorrectionView]
    policy: str | None


class CaseClocksView(TypedDict):
    """The clocks of every loan of a case."""

    case_id: str
    as_of: date
    loans: list[LoanClockView]


def restart_view(restart: RecordedRestart, ends_on: date | None) -> RecordedRestartView:
    """A recorded restart."""
    return RecordedRestartView(
        restart_id=restart.restart_id,
        loan_id=restart.loan_id,
        on=restart.restarted_on,
        ground=restart.ground,
        reference=restart.reference,
        by=restart.recorded_by,
        recorded_at=restart.recorded_at,
        limitation_ends_on=ends_on,
    )


def entry_view(entry: CreditEntry) -> CreditEntryView:
    """A notice or a report."""
    return CreditEntryView(
        entry_id=entry.entry_id,
        kind=entry.kind,
        loan_id=entry.loan_id,
        on=entry.on_date,
        reference=entry.reference,
        by=entry.recorded_by,
        recorded_at=entry.recorded_at,
    )


def loan_clock_view(
    loan_id: str,
    clock: LoanClock | None,
    decided: tuple[ClaimClocks, Sequence[Restart], str] | None,
    *,
    notice_on: date | None,
    entries: Sequence[CreditEntry],
    corrections: Sequence[Correction],
) -> LoanClockView:
    """The clocks of a loan; `decided`: as they are now, with what was counted and the policy."""
    clocks, restarts, policy = decided if decided is not None else (None, (), None)
    return LoanClockView(
        loan_id=loan_id,
        limitation_ends_on=clocks.ends_on if clocks is not None else None,
        began_on=clocks.began_on if clocks is not None else None,
        began_by=clocks.rule if clocks is not None else None,
        time_barred=clocks.barred if clocks is not None else False,
        restarts=[RestartView(on=r.on, ground=r.ground, reference=r.reference) for r in restarts],
        guarantee_ends_on=clock.guarantee_ends_on if clock is not None else None,
        guarantee_reference=clock.guarantee_reference if clock is not None else None,
        credit_notice_arrived_on=notice_on,
        credit_entries=[entry_view(each) for each in entries if each.loan_id == loan_id],
        corrections=[_correction(each) for each in corrections if each.loan_id == loan_id],
        policy=policy,
    )


def _correction(each: Correction) -> CorrectionView:
    return CorrectionView(
        correction_id=each.correction_id,
        ground=each.ground,
        origin=each.origin,
        task_id=each.task_id,
        found_at=each.found_at,
    )


class ClaimClockView(TypedDict):
    """How the clocks of a loan were last found to stand, as a case shows them."""

    loan_id: str
    limitation_ends_on: date | None
    guarantee_ends_on: date | None
    time_barred: bool


def claim_clocks(clocks: Mapping[str, LoanClock]) -> list[ClaimClockView]:
    """The clocks of a case, by loan."""
    return [
        ClaimClockView(
            loan_id=loan_id,
            limitation_ends_on=clock.ends_on,
            guarantee_ends_on=clock.guarantee_ends_on,
            time_barred=clock.barred,
        )
        for loan_id, clock in sorted(clocks.items())
    ]
