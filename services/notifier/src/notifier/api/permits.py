"""Permits over REST: may I call or visit now, and what came of it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from notifier import views
from notifier.domain.asked import answer_of
from notifier.domain.decision import PackRef
from notifier.domain.pack import PartyKind, Stage
from notifier.handlers import permits
from notifier.handlers.permit_facts import Counter, Wanted
from notifier.handlers.permits import NOT_MADE, Told
from notifier.store import decisions, parties
from notifier.store.permits import PermitRow, by_id
from notifier.why import recompute
from spine.database import Runtime
from spine.errors import BadRequest, NotFound
from spine.events.stager import ContactChannel, ContactPurpose
from spine.events.tasks import TaskOutcome
from spine.http import runtime_of

router = APIRouter()

RuntimeOf = Annotated[Runtime, Depends(runtime_of)]
Id = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
By = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
Moment = Annotated[
    AwareDatetime, Field(ge=datetime(1971, 1, 1, tzinfo=UTC), lt=datetime(9000, 1, 1, tzinfo=UTC))
]
_DECISIONS_SHOWN: Final = 10


class Party(BaseModel):
    """Someone around the loan who is to be contacted instead of the borrower."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Id
    kind: PartyKind


class CheckRequest(BaseModel):
    """One contact with a borrower about a loan. `by` and `agents` are opaque ids; a visit names all who go."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    borrower_id: Id
    loan_id: Id
    channel: ContactChannel
    purpose: ContactPurpose
    stage: Stage | None = None
    by: By
    agents: Annotated[tuple[By, ...], Field(max_length=20)] = ()
    visit_notice_at: Moment | None = None
    contact_ref: Id | None = None
    party: Party | None = None

    def wanted(self, task_id: str | None = None) -> Wanted:
        """The contact as the handler takes it."""
        return Wanted(
            borrower_id=self.borrower_id,
            loan_id=self.loan_id,
            channel=self.channel,
            purpose=self.purpose,
            stage=self.stage,
            by=self.by,
            agents=self.agents,
            visit_notice_at=self.visit_notice_at,
            contact_ref=self.contact_ref,
            task_id=task_id,
            party_id=self.party.id if self.party is not None else None,
            party_kind=self.party.kind if self.party is not None else "debtor",
        )


class PermitRequest(CheckRequest):
    """As CheckRequest, for a call or a visit somebody is about to make, for a task or without one."""

    channel: Literal["call", "ai_call", "voicemail", "visit"]
    task_id: Id | None = None


class OutcomeRequest(BaseModel):
    """What became of a permit; `not_made` when nobody called or went."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcome: TaskOutcome | Literal["not_made"]
    by: By
    at: Moment | None = None


class OutcomeView(BaseModel):
    """A permit whose outcome is known. `counts`: whether it still uses up the budget."""

    permit_id: str
    outcome: str
    at: datetime
    counts: bool


class NotTheBorrower(BadRequest):
    """A party is someone else than the borrower; leave it out to ask for the borrower."""

    code = "party_is_borrower"


def _checked(asked: CheckRequest) -> CheckRequest:
    if asked.party is not None and (asked.party.kind == "debtor" or asked.party.id == asked.borrower_id):
        raise NotTheBorrower(field="party")
    return asked


@router.post("/v1/permits/check", response_class=Response, responses={200: {"model": views.CheckView}})
async def check_permit(asked: CheckRequest, request: Request, runtime: RuntimeOf) -> Response:
    """Whether the contact may be made now, by all that is known; nothing is reserved and nothing kept."""
    counter: Counter = request.app.state.counter
    wanted = _checked(asked).wanted()
    async with runtime.transaction() as tx:
        told = await permits.check(tx, counter, wanted)
    return _json(_answer(told, counter), 200)


@router.post(
    "/v1/permits",
    status_code=201,
    response_class=Response,
    responses={
        200: {"model": views.PermitView, "description": "Not now, or as before"},
        201: {"model": views.PermitView},
    },
)
async def post_permit(
    asked: PermitRequest,
    request: Request,
    runtime: RuntimeOf,
    idempotency_key: Annotated[
        str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)
    ] = None,
) -> Response:
    """201: the contact may be made until `valid_until`, and counts from now on. 200: not now, and the rules say
    why, or the same answer again under the same key."""
    counter: Counter = request.app.state.counter
    wanted = _checked(asked).wanted(asked.task_id)
    digest = hashlib.sha256(msgspec.json.encode(asked.model_dump(mode="json"), order="sorted")).hexdigest()
    permit, told = await runtime.run(
        lambda tx: permits.ask(tx, counter, wanted, key=idempotency_key, digest=digest)
    )
    if told is None:
        async with runtime.transaction() as tx:
            [kept] = await decisions.of_message(tx, permit.permit_id, 1)
        return _json(_again(permit, kept.policy), 200)
    body = {"permit_id": permit.permit_id, "granted": permit.granted, **_answer(told, counter)}
    return _json(body, 201 if permit.granted else 200)


@router.post("/v1/permits/{permit_id}/outcome")
async def post_outcome(permit_id: str, told: OutcomeRequest, runtime: RuntimeOf) -> OutcomeView:
    """What became of it; the same again changes nothing, another outcome is a conflict."""
    permit = await runtime.run(
        lambda tx: permits.report(tx, permit_id, outcome=told.outcome, at=told.at, by=told.by)
    )
    assert permit.outcome is not None and permit.outcome_at is not None
    return OutcomeView(
        permit_id=permit.permit_id,
        outcome=permit.outcome,
        at=permit.outcome_at,
        counts=permit.outcome != NOT_MADE,
    )


@router.get("/v1/permits/{permit_id}/why")
async def get_permit_why(permit_id: str, request: Request, runtime: RuntimeOf) -> views.WhyPage:
    """The decision on a permit, recomputed from its own facts."""
    state = request.app.state
    async with runtime.transaction() as tx:
        permit = await by_id(tx, permit_id)
        if permit is None:
            raise NotFound(f"no permit {permit_id[:80]}", id=permit_id[:80])
        rows = await decisions.of_message(tx, permit_id, _DECISIONS_SHOWN)
        person = await parties.read_person(tx, permit.borrower_id)
    key = person.subject_key if person else None
    results = [(row, recompute(row, state.packs, state.vault, key)) for row in rows]
    return views.WhyPage(decisions=[views.why_view(row, r.agrees, r.note) for row, r in results])


def _answer(told: Told, counter: Counter) -> dict[str, Any]:
    """As a decision is answered; a gate that was closed before any policy was asked has rules alone."""
    if told.decision is not None:
        answer = answer_of(told.decision, counter.packs)
    else:
        rules = [msgspec.to_builtins(rule) for rule in told.rules]
        answer = {"verdict": told.verdict.value, "rules": rules, "policy": {"packs": []}}
    if told.valid_until is not None:
        answer["valid_until"] = told.valid_until
    return answer | {"contact_ref": told.contact_ref}


def _again(permit: PermitRow, packs: tuple[PackRef, ...]) -> dict[str, Any]:
    """What was answered before, from what was kept of it."""
    until = {} if permit.until is None else {"valid_until" if permit.granted else "until": permit.until}
    return {
        "permit_id": permit.permit_id,
        "granted": permit.granted,
        "verdict": permit.verdict,
        **until,
        "rules": [msgspec.to_builtins(rule) for rule in permit.rules],
        "policy": {"packs": [msgspec.to_builtins(pack) for pack in packs]},
        "facts_digest": permit.facts_digest,
        "contact_ref": permit.contact_ref,
    }


def _json(body: dict[str, Any], status: int) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
