"""The stager's REST door: limitation and guarantee of a claim, and what credit bureaus are told of it."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from stager.api.asking import Day, HouseOf, IdempotencyKey, MemberId, RuntimeOf
from stager.domain.clock_policy import Ground
from stager.handlers.clock_requests import Recorded, record_credit_entry, record_guarantee, record_restart
from stager.handlers.clocks import decide_loans
from stager.store.cases import case_by_id, episodes_of_case
from stager.store.clocks import clocks_of
from stager.store.credit_reports import EntryKind, corrections_of, entries_of, notice_arrived_on
from stager.views import clocks as views

router = APIRouter()

_Id = Annotated[str, Field(min_length=1, max_length=200)]
_Reference = Annotated[str, Field(min_length=1, max_length=200)]


class NewRestart(BaseModel):
    """What began limitation anew, on which day, and what proves it."""

    model_config = ConfigDict(extra="forbid")

    loan_id: _Id
    on: Day
    ground: Ground
    reference: _Reference
    by: MemberId


class PutGuarantee(BaseModel):
    """The last day on which the guarantor can be called on, and what says so."""

    model_config = ConfigDict(extra="forbid")

    loan_id: _Id
    ends_on: Day
    reference: _Reference
    by: MemberId


class NewCreditEntry(BaseModel):
    """The day on which a notice arrived or a report is made, and what proves it."""

    model_config = ConfigDict(extra="forbid")

    loan_id: _Id
    on: Day
    reference: _Reference
    by: MemberId


@router.get("/v1/cases/{case_id}/clocks")
async def get_clocks(case_id: str, runtime: RuntimeOf, house: HouseOf) -> views.CaseClocksView:
    """Until when each loan of a case can be sued for and its guarantor called on, with what this rests on, and what
    credit bureaus were told of it."""
    async with runtime.transaction() as tx:
        case = await case_by_id(tx, case_id)
        episodes = {each.loan_id: each for each in reversed(await episodes_of_case(tx, case))}
        known = await clocks_of(tx, episodes)
        loans = await decide_loans(tx, list(episodes.values()), known, house)
        entries, corrections = await entries_of(tx, episodes), await corrections_of(tx, episodes)
        notices = {
            each.loan_id: await notice_arrived_on(
                tx, each.loan_id, each.episode, each.case_id, house.zone.key
            )
            for each in episodes.values()
        }
    decided = {
        loan.episode.loan_id: (
            loan.clocks,
            loan.facts.restarts,
            house.rulebook.reference(loan.edition.digest),
        )
        for loan in loans
    }
    return views.CaseClocksView(
        case_id=case_id,
        as_of=house.today(tx.now),
        loans=[
            views.loan_clock_view(
                loan_id,
                known.get(loan_id),
                decided.get(loan_id),
                notice_on=notices[loan_id],
                entries=entries,
                corrections=corrections,
            )
            for loan_id in sorted(episodes)
        ],
    )


@router.post("/v1/cases/{case_id}/limitation/restarts", status_code=201)
async def post_restart(
    case_id: str,
    body: NewRestart,
    response: Response,
    runtime: RuntimeOf,
    house: HouseOf,
    idempotency_key: IdempotencyKey = None,
) -> views.RecordedRestartView:
    """Limitation begins anew, where the policy lets this ground do so: 201 when new, 200 when said before."""
    asked = _recorded(case_id, body, idempotency_key)
    restart, ends_on, is_new = await runtime.run(lambda tx: record_restart(tx, house, asked, body.ground))
    response.status_code = 201 if is_new else 200
    return views.restart_view(restart, ends_on)


@router.put("/v1/cases/{case_id}/limitation/guarantee")
async def put_guarantee(
    case_id: str, body: PutGuarantee, runtime: RuntimeOf, house: HouseOf
) -> views.GuaranteeView:
    """The end of the guarantee period becomes known, or another."""
    await runtime.run(
        lambda tx: record_guarantee(
            tx,
            house,
            case_id=case_id,
            loan_id=body.loan_id,
            ends_on=body.ends_on,
            reference=body.reference,
            by=body.by,
        )
    )
    return views.GuaranteeView(
        loan_id=body.loan_id, guarantee_ends_on=body.ends_on, reference=body.reference, by=body.by
    )


@router.post("/v1/cases/{case_id}/credit-reports/notices", status_code=201)
async def post_credit_notice(
    case_id: str,
    body: NewCreditEntry,
    response: Response,
    runtime: RuntimeOf,
    house: HouseOf,
    idempotency_key: IdempotencyKey = None,
) -> views.CreditEntryView:
    """An advance notice of credit reporting arrived: 201 when new, 200 when said before."""
    return await _entry("notice", _recorded(case_id, body, idempotency_key), response, runtime, house)


@router.post("/v1/cases/{case_id}/credit-reports", status_code=201)
async def post_credit_report(
    case_id: str,
    body: NewCreditEntry,
    response: Response,
    runtime: RuntimeOf,
    house: HouseOf,
    idempotency_key: IdempotencyKey = None,
) -> views.CreditEntryView:
    """An adverse report is made: 409 before an advance notice arrived, or under a hold against it."""
    return await _entry("report", _recorded(case_id, body, idempotency_key), response, runtime, house)


async def _entry(
    kind: EntryKind, asked: Recorded, response: Response, runtime: RuntimeOf, house: HouseOf
) -> views.CreditEntryView:
    entry, is_new = await runtime.run(lambda tx: record_credit_entry(tx, house, asked, kind))
    response.status_code = 201 if is_new else 200
    return views.entry_view(entry)


def _recorded(case_id: str, body: NewRestart | NewCreditEntry, key: str | None) -> Recorded:
    return Recorded(case_id, body.loan_id, body.on, body.reference, body.by, key or str(uuid4()))
