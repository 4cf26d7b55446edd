"""What members of the team record about the clocks of a claim: restarts, the guarantee, notices and reports."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from spine.database import Tx
from spine.errors import BadRequest, Conflict
from stager.domain.cases import Case, Episode, stable_id
from stager.domain.clock_policy import Ground
from stager.domain.team import require
from stager.handlers.clocks import clock_editions, keep_clocks
from stager.policy import House
from stager.store.cases import case_by_id, episodes_of_case
from stager.store.clocks import (
    LoanClock,
    RecordedRestart,
    clocks_of,
    insert_restart,
    restart_by_id,
    save_clocks,
)
from stager.store.credit_reports import CreditEntry, EntryKind, entry_by_id, insert_entry, notice_arrived_on
from stager.store.holds import active_holds
from stager.store.parties import lock_parties
from stager.store.team import member

_RECORDERS: Final = ("collector", "lead", "compliance")
#: An adverse report is no collector's own decision.
_REPORTERS: Final = ("lead", "compliance")


class CreditNoticeMissing(Conflict):
    """No advance notice of this episode had arrived by then: nothing adverse is reported yet."""

    code = "credit_notice_missing"


class CreditReportHeld(Conflict):
    """A hold of the loan keeps what is reported of it from being made worse."""

    code = "credit_report_held"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is recorded of a loan of a case: `on` which day, and a reference to what proves it."""

    case_id: str
    loan_id: str
    on: date
    reference: str
    by: str
    key: str


async def record_restart(
    tx: Tx, house: House, asked: Recorded, ground: Ground
) -> tuple[RecordedRestart, date | None, bool]:
    """Limitation begins anew where the policy says that this ground does so; the end it then has.

    Raises NotFound, NotAllowed, BadRequest for a day before the due date or in the future.
    """
    case, episode = await _loan(tx, house, asked, *_RECORDERS)
    restart = RecordedRestart(
        restart_id=stable_id("restart", asked.case_id, asked.key),
        loan_id=asked.loan_id,
        borrower_id=case.borrower_id,
        case_id=case.case_id,
        restarted_on=asked.on,
        ground=ground,
        reference=asked.reference,
        recorded_by=asked.by,
        recorded_at=tx.now,
    )
    known = await restart_by_id(tx, restart.restart_id)
    if known is None:
        due_on = episode.figures.oldest_unpaid_due_on
        if due_on is not None and asked.on < due_on:
            raise BadRequest("on: not before the oldest unpaid due date", field="on")
        await insert_restart(tx, restart)
        await keep_clocks(tx, [asked.loan_id], house)
    elif replace(known, recorded_at=tx.now) != restart:
        raise Conflict("this Idempotency-Key was used for another restart", restart_id=restart.restart_id)
    clock = (await clocks_of(tx, [asked.loan_id])).get(asked.loan_id)
    return known or restart, clock.ends_on if clock is not None else None, known is None


async def record_guarantee(
    tx: Tx, house: House, *, case_id: str, loan_id: str, ends_on: date, reference: str, by: str
) -> LoanClock:
    """The last day on which the guarantor can be called on; said again it replaces what was said."""
    asked = Recorded(case_id, loan_id, house.today(tx.now), reference, by, "")
    case, _ = await _loan(tx, house, asked, *_RECORDERS)
    known = (await clocks_of(tx, [loan_id])).get(loan_id) or LoanClock(loan_id, case.borrower_id)
    clock = replace(known, guarantee_ends_on=ends_on, guarantee_reference=reference, guarantee_by=by)
    await save_clocks(tx, [clock])
    await keep_clocks(tx, [loan_id], house)
    return clock


async def record_credit_entry(
    tx: Tx, house: House, asked: Recorded, kind: EntryKind
) -> tuple[CreditEntry, bool]:
    """An advance notice arrived, or an adverse report is made: only after a notice, and under no hold against it.

    Raises NotFound, NotAllowed, BadRequest, CreditNoticeMissing, CreditReportHeld.
    """
    case, episode = await _loan(tx, house, asked, *(_REPORTERS if kind == "report" else _RECORDERS))
    entry = CreditEntry(
        entry_id=stable_id("credit", kind, asked.case_id, asked.key),
        kind=kind,
        loan_id=asked.loan_id,
        episode=episode.episode,
        borrower_id=case.borrower_id,
        case_id=case.case_id,
        on_date=asked.on,
        reference=asked.reference,
        recorded_by=asked.by,
        recorded_at=tx.now,
    )
    known = await entry_by_id(tx, entry.entry_id)
    if known is not None:
        if replace(known, recorded_at=tx.now) != entry:
            raise Conflict("this Idempotency-Key was used for another entry", entry_id=entry.entry_id)
        return known, False
    if kind == "report":
        await _check_report(tx, house, episode, asked.on)
    await insert_entry(tx, entry)
    return entry, True


async def _check_report(tx: Tx, house: House, episode: Episode, on: date) -> None:
    rule = (await clock_editions(tx, [episode], house))[episode.loan_id].policy.credit_report
    arrived_on = await notice_arrived_on(
        tx, episode.loan_id, episode.episode, episode.case_id, house.zone.key
    )
    if rule.notice_needed and (arrived_on is None or arrived_on > on):
        raise CreditNoticeMissing(loan_id=episode.loan_id, arrived_on=arrived_on and arrived_on.isoformat())
    kinds = {
        hold.kind
        for hold in await active_holds(tx, [episode.borrower_id])
        if hold.loan_id == episode.loan_id and hold.is_active(tx.now)
    }
    held = house.rulebook.holds.on(house.today(tx.now)).policy.blocking_credit_report(kinds)
    if held is not None:
        raise CreditReportHeld(f"held: {held}", loan_id=episode.loan_id, hold=held)


async def _loan(tx: Tx, house: House, asked: Recorded, *roles: str) -> tuple[Case, Episode]:
    """The case, locked, and the open episode of one of its loans, for somebody who may record this."""
    case = await case_by_id(tx, asked.case_id)
    await lock_parties(tx, [case.borrower_id], house.zone)
    require(await member(tx, asked.by), *roles)
    episode = next((e for e in await episodes_of_case(tx, case) if e.loan_id == asked.loan_id), None)
    if episode is None or not episode.is_open:
        raise BadRequest(f"loan_id: loan {asked.loan_id} is not in arrears in this case", field="loan_id")
    if asked.on > house.today(tx.now):
        raise BadRequest("on: not in the future", field="on")
    return case, episode
