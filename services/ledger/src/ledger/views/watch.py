"""What the REST door shows of what is watched on loans: amendments, payments in transit, statement checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from typing_extensions import TypedDict

from ledger.domain.statement_check import CheckState, Figures, Statement
from ledger.domain.transit import Transit, TransitKind, TransitState
from ledger.views.cursors import following
from spine.money import format_minor


class Amendment(TypedDict):
    """A fact that changed the loan, as it was stated, and when it became known."""

    id: int
    type: str
    source: str
    event_id: str
    stated_at: datetime | None
    recorded_at: datetime
    data: dict[str, Any]


class AmendmentPage(TypedDict):
    items: list[Amendment]
    next_cursor: str | None


class TransitItem(TypedDict):
    """Money that may be on its way, or was."""

    transit_id: str
    kind: TransitKind
    reference: str
    amount: str | None
    since: datetime | None
    until: datetime | None
    state: TransitState
    repayment_id: str | None
    reason: str | None


class StatedFigures(TypedDict):
    days_past_due: int
    overdue_principal: str
    overdue_interest: str
    penalty: str | None


class StatementItem(TypedDict):
    """The newest statement of a loan beside the ledger's own figures of the same date."""

    loan_id: str
    as_of: date
    state: CheckState
    stated: StatedFigures
    ledger: StatedFigures
    differences: list[str]
    resolution: str | None


class StatementPage(TypedDict):
    items: list[StatementItem]
    next_cursor: str | None


def amendment_page(rows: Sequence[Any], limit: int) -> AmendmentPage:
    items = [
        Amendment(
            id=row.id,
            type=row.type,
            source=row.source,
            event_id=row.event_id,
            stated_at=row.stated_at,
            recorded_at=row.recorded_at,
            data=msgspec.json.decode(row.body),
        )
        for row in rows
    ]
    return AmendmentPage(items=items, next_cursor=following(rows, limit, lambda row: (str(row.id),)))


def transits(found: Iterable[Transit], currency: str) -> list[TransitItem]:
    return [
        TransitItem(
            transit_id=each.id,
            kind=each.kind,
            reference=each.reference,
            amount=format_minor(each.amount, currency) if each.amount is not None else None,
            since=each.since,
            until=each.until,
            state=each.state,
            repayment_id=each.repayment_id,
            reason=each.reason,
        )
        for each in sorted(found, key=lambda each: (each.since is None, each.since, each.id))
    ]


def statement(loan_id: str, currency: str, found: Statement) -> StatementItem:
    return StatementItem(
        loan_id=loan_id,
        as_of=found.as_of,
        state=found.state,
        stated=_figures(found.stated, currency),
        ledger=_figures(found.ledger, currency),
        differences=list(found.differences),
        resolution=found.resolution,
    )


def _figures(figures: Figures, currency: str) -> StatedFigures:
    return StatedFigures(
        days_past_due=figures.days_past_due,
        overdue_principal=format_minor(figures.overdue_principal, currency),
        overdue_interest=format_minor(figures.overdue_interest, currency),
        penalty=format_minor(figures.penalty, currency) if figures.penalty is not None else None,
    )
