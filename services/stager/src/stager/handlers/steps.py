"""Steps that have come due: each is decided by the facts of now, and asks for a contact, becomes a task for a
person, or says why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from spine.database import Runtime, Tx
from spine.failpoints import failpoint
from stager.domain.cases import StepTimer, stable_id
from stager.domain.conditions import CaseFacts
from stager.domain.contact_policy import ContactPolicy
from stager.domain.conversation import Wish, conversations
from stager.domain.planning import Planned
from stager.domain.preparation import keeps_waiting
from stager.domain.steps import Covered, Rules, StepDecision, StepFacts, Verdict, decide_step
from stager.handlers.asking import DecidedStep, carry_out
from stager.handlers.followers import follow_skipped
from stager.handlers.preparation import prepare
from stager.policy import House
from stager.store.case_facts import Situation, situations
from stager.store.steps import PlannedStep, drop_timers, due_steps, lock_due_borrowers, move_timers

_PLAN_ACTIVE: Final = "plan_active"


@dataclass(slots=True)
class _Draft:
    """A due step while its batch is decided: what is found out adds to its facts, and it is decided again."""

    planned: PlannedStep
    found: Situation
    facts: StepFacts
    rules: Rules
    digests: tuple[str, str, str, str]
    decision: StepDecision

    @property
    def request_id(self) -> str:
        timer, occurrence = self.planned.timer, self.decision.due.occurrence
        return stable_id("request", timer.loan_id, timer.episode, timer.entry_no, timer.step, occurrence)

    @property
    def is_wanted(self) -> bool:
        return self.decision.verdict is not Verdict.SKIPPED

    def decide_again(self, facts: StepFacts) -> None:
        decision = decide_step(facts, self.rules)
        assert decision is not None, "the step is part of the plan"
        self.facts, self.decision = facts, decision


async def take_due_steps(runtime: Runtime, house: House, batch: int) -> int:
    """Decides one batch of due steps; returns how many there were."""

    async def work(tx: Tx) -> int:
        borrowers = await lock_due_borrowers(tx, batch)
        if not borrowers:
            return 0
        planned = await due_steps(tx, borrowers, house.zone)
        await _decide(tx, planned, borrowers, house)
        failpoint("stager.before_steps_commit")
        return len(planned)

    return await runtime.run(work)


async def _decide(tx: Tx, planned: Sequence[PlannedStep], borrowers: Sequence[str], house: House) -> None:
    today = house.today(tx.now)
    found = await situations(tx, borrowers, today)
    drafts = []
    for one in planned:
        situation = found.get(one.timer.loan_id)
        draft = _draft(one, situation, tx, house, today) if situation is not None else None
        if draft is not None:
            drafts.append(draft)
    await _check_preparation(tx, drafts, house)
    _join(drafts)
    await _plan_on(tx, planned, drafts)
    await carry_out(tx, [_decided(draft) for draft in drafts], house)
    # A step that will not be done gives way to those that were to follow it.
    given_up = [
        d for d in drafts if d.decision.reason and d.decision.reason.startswith(("stop_if", "only_if"))
    ]
    await follow_skipped(tx, [draft.planned for draft in given_up], house)


def _draft(one: PlannedStep, found: Situation, tx: Tx, house: House, today: date) -> _Draft | None:
    """The step as it comes out by itself; None when it is no longer part of any plan."""
    book = house.rulebook
    strategy = book.strategies.on(today, one.subject, since=one.entered_on)
    stages = book.stages.on(today, one.subject, since=one.entered_on)
    holds, contacts = book.holds.on(today), book.contacts.on(today)
    rules = Rules(strategy.policy, stages.policy, holds.policy, contacts.policy)
    facts = StepFacts(
        step=one.timer.step,
        occurrence=one.timer.occurrence,
        due_at=one.timer.due_at,
        now=tx.now,
        stage=one.stage,
        from_on=one.steps_from_on,
        zone=one.zone.key,
        stopped=one.stopped,
        case=case_facts(found, today, rules.contacts),
        appointment_at=found.appointment_at,
    )
    decision = decide_step(facts, rules)
    if decision is None:
        return None
    digests = (strategy.digest, stages.digest, holds.digest, contacts.digest)
    return _Draft(one, found, facts, rules, digests, decision)


def case_facts(found: Situation, today: date, contacts: ContactPolicy) -> CaseFacts:
    """What conditions may ask of a loan, as it is today."""
    episode, party = found.episode, found.party
    figures = episode.figures
    return CaseFacts(
        stage=episode.stage,
        dpd=figures.dpd_on(max(today, figures.as_of)),
        currency=figures.currency,
        overdue_total_minor=figures.total_minor,
        outstanding_minor=figures.outstanding_principal_minor,
        product=figures.product,
        region=party.region,
        locale=party.locale,
        segment=dict(party.segment),
        flags=tuple(sorted(party.flags)),
        holds=found.holds,
        promises_broken_60d=found.broken_promises,
        plan_open=_PLAN_ACTIVE in found.holds,
        failed_debit_reason=found.failed_debit,
        channels=found.channels,
        local=contacts.is_local(party.region),
        loans=found.loans,
    )


async def _check_preparation(tx: Tx, drafts: Sequence[_Draft], house: House) -> None:
    """What would be asked for waits while its episode is not prepared."""
    wanted = [draft for draft in drafts if draft.is_wanted]
    loans = {draft.found.episode.loan_id: draft.found for draft in wanted}
    missing = await prepare(tx, list(loans.values()), house)
    for draft in wanted:
        episode = draft.found.episode
        lacks = missing.get((episode.loan_id, episode.episode))
        if lacks is not None and keeps_waiting(lacks, draft.decision.step.channel):
            draft.decide_again(_with(draft.facts, unready=lacks))


def _join(drafts: Sequence[_Draft]) -> None:
    """Contacts of one person that come due together become one."""
    wanted = {draft.request_id: draft for draft in drafts if draft.is_wanted}
    for conversation in conversations(_wish(key, draft) for key, draft in wanted.items()):
        lead = wanted[conversation.lead.key]
        covers: dict[str, Covered] = {}
        for wish in conversation.others:
            other = wanted[wish.key]
            other.decide_again(_with(other.facts, covered_by=conversation.lead.key))
            covers.setdefault(
                wish.loan_id, Covered(loan_id=wish.loan_id, stage=wish.stage, step=wish.step.id)
            )
        lead.decide_again(_with(lead.facts, covers=tuple(covers[loan] for loan in sorted(covers))))


def _wish(key: str, draft: _Draft) -> Wish:
    episode, stage = draft.found.episode, draft.planned.stage or ""
    return Wish(
        key=key,
        borrower_id=episode.borrower_id,
        loan_id=episode.loan_id,
        stage=stage,
        rank=draft.rules.stages.rank(stage),
        step=draft.decision.step,
        currency=episode.figures.currency,
        due_at=draft.decision.due.due_at,
    )


def _with(
    facts: StepFacts,
    *,
    unready: tuple[str, ...] = (),
    covered_by: str | None = None,
    covers: tuple[Covered, ...] = (),
) -> StepFacts:
    """The facts with what was found out besides."""
    known = {name: getattr(facts, name) for name in StepFacts.__struct_fields__}
    return StepFacts(**{**known, "unready": unready, "covered_by": covered_by, "covers": covers})


async def _plan_on(tx: Tx, planned: Sequence[PlannedStep], drafts: Sequence[_Draft]) -> None:
    """Timers move to what follows; those of steps that are through, or of no plan any more, go."""
    following: dict[StepTimer, Planned | None] = {one.timer: None for one in planned}
    following |= {draft.planned.timer: draft.decision.following for draft in drafts}
    await move_timers(
        tx,
        [
            replace(timer, occurrence=planned.occurrence, due_at=planned.due_at)
            for timer, planned in following.items()
            if planned is not None
        ],
    )
    await drop_timers(tx, [timer for timer, planned in following.items() if planned is None])


def _decided(draft: _Draft) -> DecidedStep:
    return DecidedStep(
        request_id=draft.request_id,
        timer=draft.planned.timer,
        case_id=draft.planned.case_id,
        stage=draft.planned.stage or "",
        facts=draft.facts,
        decision=draft.decision,
        digests=draft.digests,
    )
