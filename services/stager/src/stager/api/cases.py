"""The stager's REST door: cases, the reasons behind them, and holds."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from spine.errors import BadRequest
from spine.events.stager import HoldKind
from stager.api.asking import HouseOf, IdempotencyKey, Limit, Reason, RuntimeOf
from stager.domain.why import recompute
from stager.handlers.holds import lift_hold, place_hold
from stager.store import cases
from stager.store.cutover import starts_of
from stager.store.policies import policy_bodies
from stager.views import cases as views
from stager.views import reasons

router = APIRouter()


class NewHold(BaseModel):
    """A hold to place on a loan of the case; without `until` it lasts as long as its kind says."""

    model_config = ConfigDict(extra="forbid")

    loan_id: Annotated[str, Field(min_length=1, max_length=200)]
    kind: HoldKind
    until: AwareDatetime | None = None
    reason: Reason


class Lift(BaseModel):
    """Why a hold is lifted before its time."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


@router.get("/v1/cases")
async def list_cases(
    runtime: RuntimeOf,
    house: HouseOf,
    stage: Annotated[str | None, Query(max_length=16)] = None,
    cursor: Annotated[str | None, Query(max_length=64, pattern=r"^[0-9a-f-]+$")] = None,
    limit: Limit = 100,
) -> views.CasePage:
    """Open cases in order of their ids; with `stage` those that have a loan in it. 422 for an unknown stage."""
    async with runtime.transaction() as tx:
        today = house.today(tx.now)
        known = [each.id for each in house.rulebook.stages.on(today).policy.stages]
        if stage is not None and stage not in known:
            raise BadRequest(f"stage: one of {', '.join(known)}", field="stage")
        ids = await cases.list_cases(tx, stage=stage, after=cursor, limit=limit)
        found = await cases.open_episodes_by_case(tx, ids[:limit])
    return views.CasePage(
        as_of=today,
        items=[views.case_item(case, episodes, house.rulebook, today) for case, episodes in found],
        next_cursor=ids[limit - 1] if len(ids) > limit else None,
    )


@router.get("/v1/cases/{case_id}")
async def get_case(case_id: str, runtime: RuntimeOf, house: HouseOf) -> views.CaseView:
    """A case with its loans, holds, open requests and next steps."""
    async with runtime.transaction() as tx:
        file = await cases.case_file(tx, case_id)
    return views.case_view(file, house.rulebook, house.today(tx.now), tx.now)


@router.get("/v1/cases/{case_id}/why")
async def get_why(case_id: str, runtime: RuntimeOf, house: HouseOf) -> reasons.WhyView:
    """Why each loan is in its stage: the stored decision, made again from its stored facts and policies."""
    async with runtime.transaction() as tx:
        case = await cases.case_by_id(tx, case_id)
        entries = await cases.latest_entries(tx, case)
        episodes = await cases.episodes_of_case(tx, case)
        digests = [digest for entry in entries for digest in (entry.policy_digest, entry.holds_digest)]
        bodies = await policy_bodies(tx, digests)
        starts = await starts_of(tx, [case.borrower_id])
    found = [reasons.stage_reason(entry, recompute(entry, bodies)) for entry in entries]
    return reasons.WhyView(
        case_id=case_id,
        agrees=all(reason["agrees"] for reason in found),
        loans=found,
        waiting=[episode.loan_id for episode in episodes if episode.is_open and episode.stage is None],
        starts=reasons.start_reasons(episodes, starts.get(case.borrower_id), house.today(tx.now)),
    )


@router.post("/v1/cases/{case_id}/holds", status_code=201)
async def post_hold(
    case_id: str,
    body: NewHold,
    response: Response,
    runtime: RuntimeOf,
    house: HouseOf,
    idempotency_key: IdempotencyKey = None,
) -> views.HoldView:
    """Holds a loan of a case: 201 when new, 200 when the same Idempotency-Key placed it before."""
    key = idempotency_key or str(uuid4())
    now = await runtime.clock.now()
    hold, is_new = await runtime.run(
        lambda tx: place_hold(
            tx,
            house,
            case_id=case_id,
            loan_id=body.loan_id,
            kind=body.kind,
            until=body.until,
            reason=body.reason,
            key=key,
        )
    )
    response.status_code = 201 if is_new else 200
    return views.hold_view(hold, now)


@router.post("/v1/cases/{case_id}/holds/{hold_id}/lift")
async def post_lift(
    case_id: str, hold_id: str, body: Lift, runtime: RuntimeOf, house: HouseOf
) -> views.HoldView:
    """Ends a hold before its time; one that has ended stays as it is."""
    now = await runtime.clock.now()
    hold = await runtime.run(
        lambda tx: lift_hold(tx, house, case_id=case_id, hold_id=hold_id, reason=body.reason)
    )
    return views.hold_view(hold, now)
