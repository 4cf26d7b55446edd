"""Actions over REST: why each was taken, and the preparation of first contacts."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from spine.database import Tx
from spine.errors import NotFound
from stager.api.asking import HouseOf, MemberId, Reason, RuntimeOf
from stager.domain.decision import Decision
from stager.domain.preparation import Item
from stager.handlers.preparation import waive
from stager.store.cases import case_by_id, episodes_of_case
from stager.store.decisions import decisions_of
from stager.store.policies import policy_bodies
from stager.store.preparations import preparations_of, waivers_of
from stager.store.requests import request_of_task
from stager.views import actions as views

router = APIRouter()


class Waiver(BaseModel):
    """One item of a preparation that a person takes upon himself."""

    model_config = ConfigDict(extra="forbid")

    loan_id: str
    item: Item
    reason: Reason
    by: MemberId


@router.get("/v1/requests/{request_id}/why")
async def get_request_why(request_id: str, runtime: RuntimeOf) -> views.ActionWhy:
    """Why a contact was asked for, given to a person or skipped."""
    async with runtime.transaction() as tx:
        decisions = await decisions_of(tx, "step", request_id)
        bodies = await _bodies(tx, decisions)
    if not decisions:
        raise NotFound(f"no request {request_id}", request_id=request_id)
    return views.action_why(request_id, decisions, bodies)


@router.get("/v1/tasks/{task_id}/why")
async def get_task_why(task_id: str, runtime: RuntimeOf) -> views.ActionWhy:
    """Why a task was opened: the step that it comes from, or what else was decided of it."""
    async with runtime.transaction() as tx:
        request_id = await request_of_task(tx, task_id)
        decisions = await decisions_of(tx, "task", task_id)
        if request_id is not None:
            decisions = [*await decisions_of(tx, "step", request_id), *decisions]
        bodies = await _bodies(tx, decisions)
    if not decisions:
        raise NotFound(f"nothing was decided of a task {task_id}", task_id=task_id)
    return views.action_why(task_id, decisions, bodies)


@router.get("/v1/cases/{case_id}/preparation")
async def get_preparation(case_id: str, runtime: RuntimeOf) -> views.PreparationsView:
    """How the first contacts of a case are prepared: of each loan for which one has come due."""
    async with runtime.transaction() as tx:
        episodes = await episodes_of_case(tx, await case_by_id(tx, case_id))
        keys = [(episode.loan_id, episode.episode) for episode in episodes]
        found = await preparations_of(tx, keys)
        waivers = await waivers_of(tx, keys)
    return views.PreparationsView(
        case_id=case_id,
        loans=[views.preparation_view(found[key], waivers.get(key, [])) for key in keys if key in found],
    )


@router.post("/v1/cases/{case_id}/preparation")
async def post_preparation(
    case_id: str, body: Waiver, runtime: RuntimeOf, house: HouseOf
) -> views.PreparationView:
    """Waives one item of a preparation; waived again changes nothing."""
    preparation = await runtime.run(
        lambda tx: waive(
            tx,
            house,
            case_id=case_id,
            loan_id=body.loan_id,
            item=body.item,
            reason=body.reason,
            by=body.by,
        )
    )
    key = (preparation.loan_id, preparation.episode)
    async with runtime.transaction() as tx:
        waivers = await waivers_of(tx, [key])
    return views.preparation_view(preparation, waivers.get(key, []))


async def _bodies(tx: Tx, decisions: Sequence[Decision]) -> dict[str, str]:
    return await policy_bodies(tx, [digest for each in decisions for digest in each.policy_digests])
