"""The stager's REST door: cases and the reasons behind them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from spine.business_days import end_of_business_date
from spine.errors import BadRequest
from stager.api.asking import ActingMember, Day, HouseOf, Limit, RuntimeOf
from stager.domain.why import recompute
from stager.store import cases
from stager.store.cutover import starts_of
from stager.store.decisions import decisions_about
from stager.store.policies import policy_bodies
from stager.store.team import acting
from stager.views import actions, reasons
from stager.views import cases as views

router = APIRouter()


@router.get("/v1/cases")
async def list_cases(
    runtime: RuntimeOf,
    house: HouseOf,
    acting_member: ActingMember = None,
    stage: Annotated[str | None, Query(max_length=16)] = None,
    collector: Annotated[str | None, Query(max_length=64, description="who looks after the case")] = None,
    due: Annotated[Day | None, Query(description="with a task due by the end of this date")] = None,
    cursor: Annotated[str | None, Query(max_length=64, pattern=r"^[0-9a-f-]+$")] = None,
    limit: Limit = 100,
) -> views.CasePage:
    """Open cases in order of their ids; with `stage` those that have a loan in it. 422 for an unknown stage.

    A member of an agency sees those that are placed with it.
    """
    async with runtime.transaction() as tx:
        today = house.today(tx.now)
        known = [each.id for each in house.rulebook.stages.on(today).policy.stages]
        if stage is not None and stage not in known:
            raise BadRequest(f"stage: one of {', '.join(known)}", field="stage")
        who = await acting(tx, acting_member)
        ids = await cases.list_cases(
            tx,
            stage=stage,
            after=cursor,
            limit=limit,
            collector=collector,
            agency=(who.agency_id or "") if who is not None and who.is_of_agency else None,
            due_before=end_of_business_date(due, house.zone) if due is not None else None,
        )
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
async def get_why(
    case_id: str,
    runtime: RuntimeOf,
    house: HouseOf,
    cursor: Annotated[str | None, Query(max_length=100, pattern=actions.CURSOR)] = None,
    limit: Limit = 50,
) -> reasons.WhyView:
    """Why each loan is in its stage, and why what was done or left for it: the stored decisions, made again from
    their stored facts and policies. Of actions the newest first, `limit` at a time."""
    async with runtime.transaction() as tx:
        case = await cases.case_by_id(tx, case_id)
        entries = await cases.latest_entries(tx, case)
        episodes = await cases.episodes_of_case(tx, case)
        decisions = await decisions_about(
            tx,
            case.borrower_id,
            [episode.loan_id for episode in episodes],
            since=case.opened_at,
            before=actions.place_of(cursor) if cursor is not None else None,
            limit=limit + 1,
        )
        digests = [digest for entry in entries for digest in (entry.policy_digest, entry.holds_digest)]
        digests += [digest for decision in decisions for digest in decision.policy_digests]
        bodies = await policy_bodies(tx, digests)
        starts = await starts_of(tx, [case.borrower_id])
    found = [reasons.stage_reason(entry, recompute(entry, bodies)) for entry in entries]
    done = [actions.action_reason(decision, bodies) for decision in decisions[:limit]]
    return reasons.WhyView(
        case_id=case_id,
        agrees=all(reason["agrees"] for reason in (*found, *done)),
        loans=found,
        actions=done,
        next_cursor=actions.cursor_of(decisions[limit - 1]) if len(decisions) > limit else None,
        waiting=[episode.loan_id for episode in episodes if episode.is_open and episode.stage is None],
        starts=reasons.start_reasons(episodes, starts.get(case.borrower_id), house.today(tx.now)),
    )
