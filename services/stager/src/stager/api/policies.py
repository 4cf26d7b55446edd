"""The stager's REST door: policies are drafted, checked, approved by another person and activated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final, cast
from uuid import uuid4

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from spine.errors import BadRequest, Unavailable
from spine.policy import Fault, Loaded, Located
from stager.api.acting import of_the_house
from stager.api.asking import Day, HouseOf, IdempotencyKey, Limit, MemberId, Reason, RuntimeOf
from stager.domain.cases import stable_id
from stager.domain.drafts import DraftStatus
from stager.domain.feasibility import (
    NO_POLICY,
    Question,
    Reply,
    TemplateKind,
    cadences_of,
    faults_of_templates,
    never_allowed,
    no_policy,
    questions_of,
    too_dense,
    too_often,
)
from stager.domain.strategy import Strategy
from stager.gate import Gate
from stager.handlers import policies
from stager.policy import KINDS, House
from stager.remote import Unreachable
from stager.store.drafts import draft_by_id, drafts
from stager.views import policies as views

router = APIRouter(dependencies=[Depends(of_the_house)])

#: Longer than any policy that a person can read.
_MOST: Final = 262_144
Text = Annotated[str, Field(min_length=1, max_length=_MOST)]


def _gate_of(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate


GateOf = Annotated[Gate, Depends(_gate_of)]


class NewPolicy(BaseModel):
    """A policy as its file would be: `file` begins with what it is, such as strategy-cn.yaml."""

    model_config = ConfigDict(extra="forbid")

    file: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}\.yaml$")]
    text: Text
    by: MemberId


class Edit(BaseModel):
    """Another text for a draft."""

    model_config = ConfigDict(extra="forbid")

    text: Text
    by: MemberId


class By(BaseModel):
    """Who does it."""

    model_config = ConfigDict(extra="forbid")

    by: MemberId


class Withdrawal(By):
    """Who takes a draft back, and why."""

    reason: Reason


@router.get("/v1/policies")
async def list_policies(
    runtime: RuntimeOf,
    status: DraftStatus | None = None,
    cursor: Annotated[str | None, Query(max_length=64, pattern=r"^[0-9a-f-]+$")] = None,
    limit: Limit = 100,
) -> views.DraftPage:
    """Policies drafted over REST, in whatever state, in order of their ids."""
    async with runtime.transaction() as tx:
        found = await drafts(tx, status=status, after=cursor, limit=limit)
    return views.DraftPage(
        items=[views.draft_item(draft) for draft in found[:limit]],
        next_cursor=found[limit - 1].draft_id if len(found) > limit else None,
    )


@router.get("/v1/policies/in-force")
async def list_in_force(runtime: RuntimeOf, house: HouseOf, on: Day | None = None) -> views.InForceList:
    """The versions in force on a date (default: today), those of files and those activated."""
    day = on or house.today(await runtime.clock.now())
    editions = policies.in_force(house.rulebook, day)
    return views.InForceList(
        on=day,
        revision=house.revision,
        items=[views.in_force_item(kind, edition) for kind, edition in editions],
    )


@router.post("/v1/policies", status_code=201)
async def post_policy(
    body: NewPolicy, response: Response, runtime: RuntimeOf, idempotency_key: IdempotencyKey = None
) -> views.DraftView:
    """A new draft: 201, or 200 when the same Idempotency-Key made it before. It may have faults for now."""
    if not body.file.startswith(KINDS):
        raise BadRequest(f"file: begins with one of {', '.join(KINDS)}", field="file")
    draft_id = stable_id("policy", idempotency_key or str(uuid4()))
    draft, is_new = await runtime.run(
        lambda tx: policies.write_draft(tx, draft_id, body.file, body.text, body.by)
    )
    response.status_code = 201 if is_new else 200
    response.headers["ETag"] = f'"{draft.edition}"'
    return views.draft_view(draft)


@router.get("/v1/policies/{draft_id}")
async def get_policy(draft_id: str, response: Response, runtime: RuntimeOf) -> views.DraftView:
    """A draft with its text, and who did what with it."""
    async with runtime.transaction() as tx:
        draft = await draft_by_id(tx, draft_id)
    response.headers["ETag"] = f'"{draft.edition}"'
    return views.draft_view(draft)


@router.put("/v1/policies/{draft_id}")
async def put_policy(
    draft_id: str,
    body: Edit,
    response: Response,
    runtime: RuntimeOf,
    if_match: Annotated[str | None, Header(pattern=r'^"[0-9]{1,9}"$')] = None,
) -> views.DraftView:
    """Another text; it has to be approved anew. 409 `edited_meanwhile` when `If-Match` is not the newest."""
    edition = int(if_match.strip('"')) if if_match is not None else None
    draft = await runtime.run(lambda tx: policies.edit_draft(tx, draft_id, body.text, edition, body.by))
    response.headers["ETag"] = f'"{draft.edition}"'
    return views.draft_view(draft)


@router.get("/v1/policies/{draft_id}/diff")
async def get_diff(draft_id: str, runtime: RuntimeOf, house: HouseOf) -> views.DiffView:
    """What the draft would change in the version in force of the same policy. 422 when it cannot be read."""
    async with runtime.transaction() as tx:
        draft = await draft_by_id(tx, draft_id)
    loaded, faults = policies.faults_of(house, draft)
    policies.refuse_faults(draft, faults)
    rival = policies.rival_of(house, loaded, house.today(tx.now)) if loaded is not None else None
    return views.diff(draft, rival, house.text_of(rival.path) or "" if rival is not None else "")


@router.post("/v1/policies/{draft_id}/check")
async def post_check(draft_id: str, runtime: RuntimeOf, house: HouseOf, gate: GateOf) -> views.CheckView:
    """All that is wrong with a draft: its own faults first, then what the contact policy and the templates say."""
    async with runtime.transaction() as tx:
        draft = await draft_by_id(tx, draft_id)
    loaded, faults = policies.faults_of(house, draft)
    notes: list[str] = []
    if loaded is not None:
        answers = await _asked(gate, house, loaded, house.today(tx.now))
        faults = tuple(fault._replace(file=draft.file) for fault in answers.faults)
        notes = [*answers.notes, *([answers.unasked] if answers.unasked is not None else [])]
    return views.CheckView(draft_id=draft_id, good=not faults, faults=views.fault_views(faults), notes=notes)


@router.post("/v1/policies/{draft_id}/approve")
async def post_approve(draft_id: str, body: By, runtime: RuntimeOf, house: HouseOf) -> views.DraftView:
    """Approved by a member of compliance or a lead who did not write it. 422 `bad_policy` with every fault."""
    return views.draft_view(
        await runtime.run(lambda tx: policies.approve_draft(tx, house, draft_id, body.by))
    )


@router.post("/v1/policies/{draft_id}/activate")
async def post_activate(
    draft_id: str, body: By, runtime: RuntimeOf, house: HouseOf, gate: GateOf
) -> views.DraftView:
    """In force from its effective_from on, which must not have passed; in every process, without a restart.

    422 `bad_policy` with every fault; 503 when the notifier cannot be asked about a strategy.
    """
    async with runtime.transaction() as tx:
        draft = await draft_by_id(tx, draft_id)
    loaded, _ = policies.faults_of(house, draft)
    if loaded is not None and draft.revision is None:
        answers = await _asked(gate, house, loaded, house.today(tx.now))
        if answers.unasked is not None:
            raise Unavailable(answers.unasked)
        policies.refuse_faults(draft, answers.faults)
    checked = draft.edition
    return views.draft_view(
        await runtime.run(lambda tx: policies.activate_draft(tx, house, draft_id, checked, body.by))
    )


@router.post("/v1/policies/{draft_id}/withdraw")
async def post_withdraw(draft_id: str, body: Withdrawal, runtime: RuntimeOf) -> views.DraftView:
    """Taken back; what has been activated is only replaced by a later version."""
    return views.draft_view(
        await runtime.run(lambda tx: policies.withdraw_draft(tx, draft_id, body.reason, body.by))
    )


@dataclass(frozen=True, slots=True)
class _Answers:
    """What the notifier has against a strategy. `unasked`: why it was not asked about all."""

    faults: tuple[Located, ...] = ()
    notes: tuple[str, ...] = ()
    unasked: str | None = None


async def _asked(gate: Gate, house: House, loaded: Loaded[object], today: date) -> _Answers:
    """What the templates and the contact policy say of a strategy; other policies are none of their concern."""
    if not isinstance(loaded.policy, Strategy):
        return _Answers()
    strategy = cast(Loaded[Strategy], loaded)
    catalogue = await gate.templates()
    if isinstance(catalogue, Unreachable):
        return _Answers(unasked=f"templates and contact policy were not asked: {catalogue.detail}")
    known = {each.id: TemplateKind(each.channel, each.stage) for each in catalogue}
    faults = list(faults_of_templates(strategy.policy, known))
    notes: dict[str, None] = {}
    for at, questions in questions_of(strategy.policy, house.zone, today):
        rules = await _why_never(gate, questions)
        if isinstance(rules, Unreachable):
            return _Answers(unasked=f"the contact policy was not asked: {rules.detail}")
        if rules is not None and rules.keys() == {NO_POLICY}:
            notes[no_policy(questions[0].country)] = None
        elif rules is not None:
            faults.append(Fault(at, never_allowed(questions[0].step, questions[0].country, rules)))
    for at, every, rounds in cadences_of(strategy.policy, house.zone, today):
        broken = await _why_too_often(gate, rounds)
        if isinstance(broken, Unreachable):
            return _Answers(unasked=f"the contact policy was not asked: {broken.detail}")
        if broken:
            faults.append(Fault(at, too_dense(rounds[0].step, rounds[0].country, every, broken)))
    return _Answers(tuple(strategy.located(fault) for fault in faults), tuple(notes))


async def _why_too_often(gate: Gate, rounds: Sequence[Question]) -> Mapping[str, str] | Unreachable:
    """The rules that keep a step from being done as often as it comes round; none when it can be."""
    asking = too_often(rounds)
    try:
        question = next(asking)
        while True:
            answer = await gate.decide(question.request)
            if isinstance(answer, Unreachable):
                return answer
            rules = {rule.id: rule.citation or "" for rule in answer.rules}
            question = asking.send(Reply(answer.verdict, answer.until, rules))
    except StopIteration as end:
        found: Mapping[str, str] = end.value
        return found


async def _why_never(gate: Gate, questions: Sequence[Question]) -> dict[str, str] | Unreachable | None:
    """The rules that keep a step from ever happening; None when it can happen on one of the openings."""
    rules: dict[str, str] = {}
    for question in questions:
        answer = await gate.decide(question.request)
        if isinstance(answer, Unreachable):
            return answer
        if question.is_answered_by(answer.verdict, answer.until):
            return None
        rules |= {rule.id: rule.citation or "" for rule in answer.rules}
        if rules.keys() == {NO_POLICY}:
            return rules
    return rules
