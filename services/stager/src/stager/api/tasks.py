"""The stager's REST door for people's work: the worklist, what is done to a task, and how it came out."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from spine.business_days import end_of_business_date
from spine.database import Tx
from spine.errors import BadRequest
from spine.events.tasks import TaskKind, TaskOutcome
from stager.api.asking import ActingMember, Day, HouseOf, IdempotencyKey, Instant, Limit, MemberId, RuntimeOf
from stager.domain.completing import NONE, Completion
from stager.domain.task_rules import check_sees
from stager.domain.tasks import TaskState
from stager.handlers import task_work
from stager.handlers.completing import complete, record_inbound
from stager.policy import House
from stager.store.keys import first_time
from stager.store.tasks import find_task, history_of
from stager.store.team import acting
from stager.store.worklist import Asked, page
from stager.views import tasks as views

router = APIRouter()

Words = Annotated[str, Field(min_length=1, max_length=500)]
Reference = Annotated[str, Field(min_length=1, max_length=200)]


class ByMember(BaseModel):
    """Who does it."""

    model_config = ConfigDict(extra="forbid")

    by: MemberId


class HandOver(ByMember):
    """To whom, and what they should know."""

    to: MemberId
    note: Words


class Notice(ByMember):
    """When the person was told of the visit."""

    at: Instant


class Said(BaseModel):
    """How a task was done. A call or visit has an `outcome` and the instant it was made `at`.

    `verified`: by name and one further item, before any figure was spoken. `loan_id`: which loan of the case the
    result is about, when it is not that of the task. `approved_by`: the supervisor who agrees to a promise beyond
    the bounds.
    """

    model_config = ConfigDict(extra="forbid")

    by: Annotated[list[MemberId], Field(min_length=1, max_length=4)]
    channel: Literal["call", "visit"] | None = None
    outcome: TaskOutcome | None = None
    result: Annotated[str, Field(max_length=40)] = NONE
    at: Instant | None = None
    verified: bool = False
    loan_id: Reference | None = None
    recording_ref: Reference | None = None
    permit_id: Reference | None = None
    note: Words | None = None
    amount: Annotated[str, Field(max_length=32)] | None = None
    promised_on: Day | None = None
    second_on: Day | None = None
    approved_by: MemberId | None = None
    call_back_at: Instant | None = None

    def completion(self, direction: Literal["outbound", "inbound"] = "outbound") -> Completion:
        """What is decided from."""
        return Completion(
            **self.model_dump(exclude={"by", "loan_id"}),
            by=tuple(dict.fromkeys(self.by)),
            loan_id=self.loan_id or "",
            direction=direction,
        )


class Inbound(Said):
    """Somebody called, or came by (a visit), about one loan of the case or more; the result is about `loan_id`."""

    loan_id: Reference
    channel: Literal["call", "visit"] = "call"
    outcome: TaskOutcome
    at: Instant


@router.get("/v1/tasks")
async def list_tasks(
    runtime: RuntimeOf,
    house: HouseOf,
    acting_member: ActingMember = None,
    member: Annotated[str | None, Query(max_length=64)] = None,
    kind: Annotated[TaskKind | None, Query()] = None,
    state: Annotated[Literal["open", "unassigned", "claimed", "escalated"], Query()] = "open",
    due: Annotated[Day | None, Query(description="due by the end of this business date")] = None,
    cursor: Annotated[str | None, Query(max_length=80, pattern=r"^-?[0-9]{1,18}~[0-9a-f-]{36}$")] = None,
    limit: Limit = 100,
) -> views.TaskPage:
    """Open tasks, highest score first: those of `member`, of a kind, in a state, due by a date.

    A member of an agency sees the tasks of the cases placed with it alone.
    """
    rank, _, task = cursor.partition("~") if cursor is not None else ("", "", "")
    async with runtime.transaction() as tx:
        who = await acting(tx, acting_member)
        agency = (who.agency_id or "") if who is not None and who.is_of_agency else None
        asked = Asked(
            member=member,
            agency=agency,
            kind=kind,
            state=state,
            due_before=end_of_business_date(due, house.zone) if due is not None else None,
            after=(int(rank), task) if cursor is not None else None,
            limit=limit,
        )
        found = await page(tx, asked)
        today, now = house.today(tx.now), tx.now
    policy = house.rulebook.work.on(today).policy
    more = found[limit - 1] if len(found) > limit else None
    return views.TaskPage(
        as_of=today,
        items=[views.task_view(each, policy, today, now) for each in found[:limit]],
        next_cursor=f"{more.rank}~{more.task.task_id}" if more is not None else None,
    )


@router.get("/v1/outcome-codes")
async def get_codes(
    runtime: RuntimeOf, house: HouseOf, channel: Annotated[Literal["call", "visit"], Query()] = "call"
) -> views.Codes:
    """Outcomes and results of a channel in the languages of the house, and what each leads to."""
    today = house.today(await runtime.clock.now())
    return views.codes(house.rulebook.work.on(today).policy, channel)


@router.get("/v1/tasks/{task_id}")
async def get_task(
    task_id: str, runtime: RuntimeOf, house: HouseOf, acting_member: ActingMember = None
) -> views.TaskFile:
    """A task with its history."""
    async with runtime.transaction() as tx:
        state = await find_task(tx, task_id)
        check_sees(state, await acting(tx, acting_member))
        return await _file(tx, state, house)


@router.post("/v1/tasks/{task_id}/claim")
async def post_claim(task_id: str, body: ByMember, runtime: RuntimeOf, house: HouseOf) -> views.TaskFile:
    """Takes a task in hand for the time of the lease: of two members at once one does, the other gets 409."""

    async def work(tx: Tx) -> views.TaskFile:
        return await _file(tx, await task_work.claim(tx, house, task_id, body.by), house)

    return await runtime.run(work)


@router.post("/v1/tasks/{task_id}/release")
async def post_release(task_id: str, body: ByMember, runtime: RuntimeOf, house: HouseOf) -> views.TaskFile:
    """Puts a task back."""

    async def work(tx: Tx) -> views.TaskFile:
        return await _file(tx, await task_work.release(tx, task_id, body.by), house)

    return await runtime.run(work)


@router.post("/v1/tasks/{task_id}/hand-over")
async def post_hand_over(
    task_id: str,
    body: HandOver,
    runtime: RuntimeOf,
    house: HouseOf,
    idempotency_key: IdempotencyKey = None,
) -> views.TaskFile:
    """Gives a task to another member with a note; its history goes with it."""

    async def work(tx: Tx) -> views.TaskFile:
        if not await first_time(tx, idempotency_key, [task_id, "hand-over", body.model_dump(mode="json")]):
            return await _file(tx, await find_task(tx, task_id), house)
        return await _file(tx, await task_work.hand_over(tx, task_id, body.by, body.to, body.note), house)

    return await runtime.run(work)


@router.post("/v1/tasks/{task_id}/notice")
async def post_notice(task_id: str, body: Notice, runtime: RuntimeOf, house: HouseOf) -> views.TaskFile:
    """Puts on record when the person was told of a visit; the earliest counts."""

    async def work(tx: Tx) -> views.TaskFile:
        return await _file(tx, await task_work.give_notice(tx, house, task_id, body.by, body.at), house)

    return await runtime.run(work)


@router.post("/v1/tasks/{task_id}/complete")
async def post_complete(
    task_id: str,
    body: Said,
    runtime: RuntimeOf,
    house: HouseOf,
    idempotency_key: IdempotencyKey = None,
) -> views.TaskFile:
    """Ends a task as done, with what came of it and all that follows: a promise, a hold, an appointment."""

    async def work(tx: Tx) -> views.TaskFile:
        await first_time(tx, idempotency_key, [task_id, "complete", body.model_dump(mode="json")])
        state, _ = await complete(tx, house, task_id, body.completion())
        return await _file(tx, state, house)

    return await runtime.run(work)


@router.post("/v1/cases/{case_id}/inbound", status_code=201)
async def post_inbound(
    case_id: str,
    body: Inbound,
    response: Response,
    runtime: RuntimeOf,
    house: HouseOf,
    idempotency_key: IdempotencyKey = None,
) -> views.TaskFile:
    """Puts on record a call that came in: 201 when new, 200 when the same Idempotency-Key did before."""
    if idempotency_key is None:
        raise BadRequest("Idempotency-Key: a call that came in has no other name", field="Idempotency-Key")

    async def work(tx: Tx) -> tuple[views.TaskFile, bool]:
        said = body.completion("inbound")
        state, is_new = await record_inbound(tx, house, case_id, said, idempotency_key)
        return await _file(tx, state, house), is_new

    view, is_new = await runtime.run(work)
    response.status_code = 201 if is_new else 200
    return view


async def _file(tx: Tx, state: TaskState, house: House) -> views.TaskFile:
    today = house.today(tx.now)
    history = await history_of(tx, state.task.task_id)
    try:
        reference: str | None = house.rulebook.reference(state.policy_digest)
    except KeyError:
        # Scored by a version whose file is gone; the kept text has this digest.
        reference = state.policy_digest
    return views.task_file(state, history, house.rulebook.work.on(today).policy, today, tx.now, reference)
