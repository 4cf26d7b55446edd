"""The gate before the first contact of an episode: what is missing, since when, and whom to ask about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from spine.database import Tx
from spine.errors import BadRequest, Conflict, NotFound
from stager.domain.cases import stable_id
from stager.domain.decision import Decision, decided
from stager.domain.preparation import (
    ENGINE,
    Preparation,
    PreparationFacts,
    PreparationPolicy,
    PreparationStatus,
    PreparationWaiver,
    asks_a_person,
    missing_items,
    outcome_of,
)
from stager.domain.scopes import Subject
from stager.domain.tasks import Task
from stager.domain.team import require
from stager.handlers.tasks import cancel_tasks, open_tasks
from stager.policy import House
from stager.store.case_facts import Situation, situations
from stager.store.cases import case_by_id
from stager.store.decisions import keep_decisions
from stager.store.documents import kinds_made
from stager.store.parties import lock_parties
from stager.store.policies import keep_policies
from stager.store.preparations import preparations_of, save_preparations, save_waivers, waivers_of
from stager.store.team import member

SUBJECT: Final = "preparation"
#: By (loan, episode): what is still missing.
Missing = dict[tuple[str, int], tuple[str, ...]]


async def prepare(tx: Tx, found: Sequence[Situation], house: House) -> Missing:
    """Decides whether each of these loans may be contacted for the first time; once ready it stays so.

    The caller has locked the borrowers. A person is asked when it has waited too long.
    """
    keys = [(each.episode.loan_id, each.episode.episode) for each in found]
    known = await preparations_of(tx, keys)
    waiting = [each for each, key in zip(found, keys, strict=True) if not _is_ready(known.get(key))]
    if not waiting:
        return {}
    waived = await waivers_of(tx, [(each.episode.loan_id, each.episode.episode) for each in waiting])
    begun = await _documents(tx, waiting, house)
    edition = house.rulebook.preparations.on(house.today(tx.now))
    missing: Missing = {}
    saved, decisions = list[Preparation](), list[Decision]()
    for each in waiting:
        key = (each.episode.loan_id, each.episode.episode)
        items = [w.item for w in waived.get(key, [])]
        facts = preparation_facts(each, house, house.today(tx.now), items, begun.get(key, ()))
        lacks = missing_items(facts, edition.policy)
        decision = _decision(tx, each, facts, lacks, edition.digest)
        before = known.get(key)
        saved.append(_preparation(each, before, decision, lacks))
        if before is None or before.missing != lacks:
            decisions.append(decision)
        if lacks:
            missing[key] = lacks
    saved = await _ask_people(tx, saved, found, edition.policy, house)
    await save_preparations(tx, saved)
    await keep_decisions(tx, decisions)
    await keep_policies(tx, house.rulebook, {edition.digest})
    return missing


async def _documents(
    tx: Tx, found: Sequence[Situation], house: House
) -> dict[tuple[str, int], tuple[str, ...]]:
    """The documents with which the plans of these loans begin and that were not made yet, by (loan, episode)."""
    today = house.today(tx.now)
    wanted = {}
    for each in found:
        episode = each.episode
        strategy = house.rulebook.strategies.on(today, subject_of(each), since=episode.entered_on).policy
        if named := strategy.first_documents(episode.stage or ""):
            wanted[(episode.loan_id, episode.episode)] = named
    if not wanted:
        return {}
    made = await kinds_made(tx, list(wanted))
    return {key: tuple(sorted(named - made.get(key, set()))) for key, named in wanted.items()}


def subject_of(found: Situation) -> Subject:
    """The loan as scopes ask for it."""
    return Subject(found.episode.figures.product, found.party.region, found.party.segment)


def preparation_facts(
    found: Situation, house: House, today: date, waived: Collection[str], unmade: Sequence[str]
) -> PreparationFacts:
    """What the gate asks of a loan. `unmade`: the documents it should have and has not."""
    episode, figures = found.episode, found.episode.figures
    counts = figures.dpd_zero_on is not None or figures.resumes_on is not None
    return PreparationFacts(
        loan_id=episode.loan_id,
        episode=episode.episode,
        stage=episode.stage or "",
        today=today,
        dpd=figures.dpd_on(max(today, figures.as_of)) if counts else None,
        parts_minor=(
            figures.principal_minor,
            figures.interest_minor,
            figures.fee_minor,
            figures.penalty_minor,
            figures.compound_minor,
        ),
        total_minor=figures.total_minor,
        holds=found.holds,
        profile=found.party.locale is not None,
        closed_through=found.closed_through,
        waived=tuple(sorted(waived)),
        script=episode.stage in house.rulebook.scripts.on(today, subject_of(found)).policy.stages,
        unmade=tuple(unmade),
    )


async def waive(
    tx: Tx, house: House, *, case_id: str, loan_id: str, item: str, reason: str, by: str
) -> Preparation:
    """A person takes upon himself one item that is missing. The first contact then comes at its next slot.

    Raises NotFound for a loan that is not being prepared, NotAllowed for a role that may not, Conflict for an item
    that nobody may waive.
    """
    case = await case_by_id(tx, case_id)
    policy = house.rulebook.preparations.on(house.today(tx.now)).policy
    require(await member(tx, by), *policy.waived_by)
    await lock_parties(tx, [case.borrower_id], house.zone)
    found = (await situations(tx, [case.borrower_id], house.today(tx.now))).get(loan_id)
    if found is None or found.episode.case_id != case_id:
        raise NotFound(f"no open loan {loan_id} in case {case_id}", loan_id=loan_id)
    if item not in policy.requires:
        raise BadRequest(f"item: one of {', '.join(policy.requires)}", field="item")
    if item not in policy.waivable:
        raise Conflict(f"{item} cannot be waived", item=item)
    key = (loan_id, found.episode.episode)
    await save_waivers(tx, [PreparationWaiver(*key, item, by, reason, tx.now)])
    await prepare(tx, [found], house)
    return (await preparations_of(tx, [key]))[key]


def _is_ready(preparation: Preparation | None) -> bool:
    return preparation is not None and preparation.status is PreparationStatus.READY


def _decision(
    tx: Tx, found: Situation, facts: PreparationFacts, missing: tuple[str, ...], digest: str
) -> Decision:
    rule, verdict = outcome_of(missing)
    return decided(
        SUBJECT,
        f"{facts.loan_id}/{facts.episode}",
        borrower_id=found.episode.borrower_id,
        loan_id=facts.loan_id,
        engine=ENGINE,
        rule=rule,
        verdict=verdict,
        facts=facts,
        policy_digests=(digest,),
        decided_at=tx.now,
        turn=tx.now.isoformat(),
    )


def _preparation(
    found: Situation, before: Preparation | None, decision: Decision, missing: tuple[str, ...]
) -> Preparation:
    return Preparation(
        loan_id=found.episode.loan_id,
        episode=found.episode.episode,
        borrower_id=found.episode.borrower_id,
        case_id=found.episode.case_id,
        status=PreparationStatus(decision.verdict),
        missing=missing,
        since_at=before.since_at if before else decision.decided_at,
        decided_at=decision.decided_at,
        facts=decision.facts,
        facts_digest=decision.facts_digest,
        policy_digest=decision.policy_digests[0],
        task_id=before.task_id if before else None,
    )


async def _ask_people(
    tx: Tx,
    preparations: Sequence[Preparation],
    found: Sequence[Situation],
    policy: PreparationPolicy,
    house: House,
) -> list[Preparation]:
    """Opens a task for what has waited too long, and ends the tasks of what is ready now."""
    ready = [p.loan_id for p in preparations if p.status is PreparationStatus.READY and p.task_id is not None]
    await cancel_tasks(tx, ready, "ready", kinds=[SUBJECT])
    stages: Mapping[str, str | None] = {each.episode.loan_id: each.episode.stage for each in found}
    asked: dict[str, Task] = {
        p.loan_id: Task(
            task_id=stable_id("task", SUBJECT, p.loan_id, p.episode),
            kind=SUBJECT,
            borrower_id=p.borrower_id,
            loan_id=p.loan_id,
            case_id=p.case_id,
            due_at=tx.now,
            stage=stages[p.loan_id],
            reason=f"missing: {', '.join(p.missing)}",
            origin=SUBJECT,
        )
        for p in preparations
        if p.status is PreparationStatus.WAITING and asks_a_person(p, policy, tx.now)
    }
    await open_tasks(tx, list(asked.values()), house)
    return [replace(p, task_id=asked[p.loan_id].task_id) if p.loan_id in asked else p for p in preparations]
