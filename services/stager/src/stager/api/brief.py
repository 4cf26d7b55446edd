"""The brief of a case: figures with their lines, what happened, what to say, and what may be done right now."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from stager.api.asking import HouseOf, MemberId, RuntimeOf
from stager.books import Books
from stager.domain.brief import Speech, bounds, speech, stages_of
from stager.domain.cases import Episode
from stager.domain.scopes import Subject
from stager.domain.script_policy import Language
from stager.gate import Answer, Gate
from stager.handlers.steps import case_facts
from stager.policy import House
from stager.remote import Unreachable
from stager.store import cases
from stager.store.appointments import open_appointments
from stager.store.case_facts import Situation, situations
from stager.store.plans import plans_of_case
from stager.store.promises import promises_of_case
from stager.store.tasks import tasks_of_case
from stager.store.timeline import timeline
from stager.store.waivers import waivers_of_case
from stager.views import brief as views
from stager.views import cases as case_views
from stager.views.plans import plan_view, waiver_view
from stager.views.promises import promise_view
from stager.views.tasks import task_view

router = APIRouter()

#: What a person may do; messages go by themselves.
_CHANNELS = ("call", "visit")


def doors_of(request: Request) -> tuple[Gate, Books]:
    """The clients of notifier and ledger, as the composition root made them."""
    return request.app.state.gate, request.app.state.books


@router.get("/v1/cases/{case_id}/brief")
async def get_brief(
    case_id: str,
    runtime: RuntimeOf,
    house: HouseOf,
    doors: Annotated[tuple[Gate, Books], Depends(doors_of)],
    by: Annotated[MemberId, Query(description="who is about to speak with the person")],
    locale: Language = "zh-CN",
    events: Annotated[int, Query(ge=1, le=200, description="of the timeline, the newest")] = 50,
) -> views.BriefView:
    """Everything for one conversation with the person about all loans in arrears. The gate and the ledger are asked
    as it is made; where one does not answer the brief says so and the rest stands."""
    gate, books = doors
    async with runtime.transaction() as tx:
        now, today = tx.now, house.today(tx.now)
        file = await cases.case_file(tx, case_id)
        borrower_id = file.case.borrower_id
        found = await situations(tx, [borrower_id], today)
        appointments = (await open_appointments(tx, [borrower_id])).get(borrower_id, [])
        promises = await promises_of_case(tx, file.case)
        plans, waivers = await plans_of_case(tx, case_id), await waivers_of_case(tx, case_id)
        tasks = [task for task in await tasks_of_case(tx, case_id) if task.closed_at is None]
        happened = await timeline(
            tx,
            case_id=case_id,
            borrower_id=borrower_id,
            loan_ids=sorted({episode.loan_id for episode in file.episodes}),
            limit=events,
        )
    open_loans = [episode for episode in file.episodes if episode.is_open]
    stages = stages_of(open_loans, house.rulebook, today)
    severest = _severest(open_loans, house, today)
    answers, lines = await asyncio.gather(
        _may_now(gate, house, severest, found, today, by),
        asyncio.gather(*(books.breakdown(each.loan_id, today, locale) for each in open_loans)),
    )
    view = case_views.case_view(file, house.rulebook, today, now)
    shown = {loan["loan_id"]: loan for loan in view["loans"]}
    work = house.rulebook.work.on(today).policy
    return views.BriefView(
        case_id=case_id,
        borrower_id=borrower_id,
        as_of=today,
        now=now,
        zone=view["zone"],
        region=view["region"],
        locale=view["locale"],
        segment=view["segment"],
        flags=view["flags"],
        totals=views.totals(open_loans),
        loans=[
            views.brief_loan(
                shown[each.loan_id], views.bounds_view(bounds(house.rulebook, today, each), each), line
            )
            for each, line in zip(open_loans, lines, strict=True)
        ],
        speech=_speech(house, today, stages, severest, found, locale),
        may_now=answers,
        appointment_at=appointments[0].at if appointments else None,
        tasks=[task_view(task, work, today, now) for task in tasks],
        next_steps=view["next_steps"],
        clocks=view["clocks"],
        holds=[hold for hold in view["holds"] if hold["active"]],
        promises=[promise_view(promise) for promise in promises],
        plans=[plan_view(plan) for plan in plans],
        waivers=[waiver_view(waiver) for waiver in waivers],
        timeline=[views.happened_view(each) for each in happened],
    )


def _severest(open_loans: list[Episode], house: House, today: date) -> Episode | None:
    """The loan whose stage asks for the most effort; of equals the one overdue the longest."""
    policy = house.rulebook.stages.on(today).policy
    return max(
        open_loans,
        key=lambda each: (
            policy.rank(each.stage) if each.stage is not None else -1,
            each.figures.dpd_on(max(today, each.figures.as_of)),
        ),
        default=None,
    )


def _speech(
    house: House,
    today: date,
    stages: tuple[str, str] | None,
    severest: Episode | None,
    found: dict[str, Situation],
    language: Language,
) -> views.SpeechView | None:
    if stages is None or severest is None:
        return None
    situation = found[severest.loan_id]
    party = situation.party
    said: Speech = speech(
        house.rulebook,
        today,
        Subject(severest.figures.product, party.region, party.segment),
        stages,
        case_facts(situation, today, house.rulebook.contacts.on(today).policy),
        language,
    )
    return views.speech_view(said)


async def _may_now(
    gate: Gate,
    house: House,
    episode: Episode | None,
    found: dict[str, Situation],
    today: date,
    by: str,
) -> list[views.MayNow]:
    """What each channel may be used for now: a hold of any open loan stops the conversation about all."""
    if episode is None:
        return []
    policy = house.rulebook.holds.on(today).policy
    kinds = sorted({kind for situation in found.values() for kind in situation.holds})

    async def ask(channel: str) -> Answer | Unreachable:
        return await gate.check(
            episode.borrower_id, episode.loan_id, channel, "collection", episode.stage, by
        )

    answers: list[Any] = await asyncio.gather(*(ask(channel) for channel in _CHANNELS))
    return [
        views.may_now(channel, answer, policy.stopping(kinds, channel))
        for channel, answer in zip(_CHANNELS, answers, strict=True)
    ]
