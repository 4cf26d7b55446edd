"""Reads cases for people: lists, one case whole, and the decisions behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from spine.database import Tx
from spine.errors import NotFound
from stager.domain.cases import (
    Case,
    ContactStep,
    Episode,
    FailedDebit,
    Hold,
    RequestStatus,
    StageEntry,
)
from stager.store.clocks import LoanClock, clocks_of
from stager.store.episodes import EPISODE_COLUMNS, episode_of
from stager.store.failed_debits import failed_debits_of
from stager.store.flags import flags_of_case
from stager.store.holds import holds_of_borrower
from stager.store.rows import Rows
from stager.tables.cases import CONTACT_REQUEST, STAGE_ENTRY

#: What a list of cases may ask for. A stage is looked for in its index, and the cases that have it are sorted out.
_WHERE: Final = {
    "open": "c.closed_at IS NULL",
    "stage": "c.case_id IN (SELECT e.case_id FROM episode AS e WHERE e.stage = :stage AND e.closed_on IS NULL"
    " AND e.case_id > :after)",
    "collector": "o.member_id = :collector",
    "agency": "o.agency_id = :agency",
    "due_before": "EXISTS (SELECT FROM task AS t WHERE t.case_id = c.case_id AND t.status = 'open'"
    " AND t.due_at < :due_before)",
}
_STEPS: Final = Rows(CONTACT_REQUEST, without={"outcome", "outcome_at"})
_ENTRIES: Final = Rows(STAGE_ENTRY)


@dataclass(frozen=True, slots=True)
class PartyFacts:
    """What is known of a borrower."""

    zone: str | None
    region: str | None
    locale: str | None
    segment: dict[str, str]
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NextStep:
    """A step that will come due."""

    loan_id: str
    step: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class CaseFile:
    """Everything a case shows: its loans, their holds, last failed debits and clocks, requests and next steps."""

    case: Case
    party: PartyFacts
    episodes: list[Episode]
    holds: list[Hold]
    failed_debits: dict[str, FailedDebit]
    requests: list[ContactStep]
    next_steps: list[NextStep]
    clocks: dict[str, LoanClock]


async def case_by_id(tx: Tx, case_id: str) -> Case:
    """A case. Raises NotFound."""
    row = (
        await tx.execute(
            "SELECT case_id, borrower_id, case_no, opened_at, closed_at FROM collection_case"
            " WHERE case_id = :case",
            case=case_id,
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"no case {case_id}", case_id=case_id)
    return Case(**row._mapping)


async def episodes_of_case(tx: Tx, case: Case) -> list[Episode]:
    """The episodes that belong to a case, open ones first."""
    rows = await tx.execute(
        f"""
        SELECT {EPISODE_COLUMNS} FROM episode AS e WHERE e.borrower_id = :borrower AND e.case_id = :case
        ORDER BY e.closed_on IS NOT NULL, e.loan_id, e.episode
        """,  # noqa: S608 (column names of our own tables)
        borrower=case.borrower_id,
        case=case.case_id,
    )
    return [episode_of(row) for row in rows]


async def loans_of_case(tx: Tx, case_id: str) -> tuple[str, set[str]]:
    """The borrower of a case and its loans. Raises NotFound."""
    case = await case_by_id(tx, case_id)
    return case.borrower_id, {episode.loan_id for episode in await episodes_of_case(tx, case)}


async def list_cases(
    tx: Tx,
    *,
    stage: str | None,
    after: str | None,
    limit: int,
    collector: str | None = None,
    agency: str | None = None,
    due_before: datetime | None = None,
) -> list[str]:
    """Ids of open cases in their order, one more than `limit`: with a loan in `stage`, looked after by `collector`,
    placed with `agency`, with an open task due before an instant, where these are given."""
    wanted = {
        "stage": stage,
        "collector": collector,
        "agency": agency,
        "due_before": due_before,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    owned = collector is not None or agency is not None
    if given.keys() == {"stage"}:
        # One index, read forward, however many cases there are.
        rows = await tx.execute(
            """
            SELECT DISTINCT case_id FROM episode
            WHERE stage = :stage AND closed_on IS NULL AND case_id > :after ORDER BY case_id LIMIT :limit
            """,
            stage=stage,
            after=after or "",
            limit=limit + 1,
        )
        return [row.case_id for row in rows]
    conditions = " AND ".join(_WHERE[name] for name in ("open", *given))
    rows = await tx.execute(
        f"""
        SELECT c.case_id FROM collection_case AS c {"JOIN case_owner AS o USING (case_id)" if owned else ""}
        WHERE c.case_id > :after AND {conditions} ORDER BY c.case_id LIMIT :limit
        """,  # noqa: S608 (conditions of our own)
        after=after or "",
        limit=limit + 1,
        **given,
    )
    return [row.case_id for row in rows]


async def open_episodes_by_case(tx: Tx, case_ids: list[str]) -> list[tuple[Case, list[Episode]]]:
    """Cases with their open episodes, in the order of the ids."""
    rows = await tx.execute(
        "SELECT case_id, borrower_id, case_no, opened_at, closed_at FROM collection_case"
        " WHERE case_id = ANY(CAST(:cases AS text[])) ORDER BY case_id",
        cases=case_ids,
    )
    cases = [Case(**row._mapping) for row in rows]
    episodes = await tx.execute(
        f"""
        SELECT {EPISODE_COLUMNS} FROM unnest(CAST(:borrowers AS text[])) AS u(borrower_id)
        JOIN episode AS e ON e.borrower_id = u.borrower_id AND e.closed_on IS NULL
        ORDER BY e.loan_id
        """,  # noqa: S608 (column names of our own tables)
        borrowers=[case.borrower_id for case in cases],
    )
    by_case: dict[str, list[Episode]] = {case.case_id: [] for case in cases}
    for episode in map(episode_of, episodes):
        if episode.case_id in by_case:
            by_case[episode.case_id].append(episode)
    return [(case, by_case[case.case_id]) for case in cases]


async def case_file(tx: Tx, case_id: str) -> CaseFile:
    """A case with all it shows. Raises NotFound."""
    case = await case_by_id(tx, case_id)
    episodes = await episodes_of_case(tx, case)
    loans = [episode.loan_id for episode in episodes]
    timers = await tx.execute(
        """
        SELECT loan_id, step, due_at FROM step_timer WHERE loan_id = ANY(CAST(:loans AS text[]))
        ORDER BY due_at, loan_id, step
        """,
        loans=loans,
    )
    return CaseFile(
        case=case,
        party=await _party(tx, case),
        episodes=episodes,
        holds=[hold for hold in await holds_of_borrower(tx, case.borrower_id) if hold.loan_id in loans],
        failed_debits=await failed_debits_of(tx, loans),
        requests=await _open_steps(tx, loans),
        next_steps=[NextStep(**row._mapping) for row in timers],
        clocks=await clocks_of(tx, loans),
    )


async def latest_entries(tx: Tx, case: Case) -> list[StageEntry]:
    """The newest stage entry of each loan of a case."""
    rows = await tx.execute(
        f"""
        SELECT DISTINCT ON (loan_id) {_ENTRIES.columns} FROM stage_entry
        WHERE loan_id = ANY(ARRAY(
            SELECT loan_id FROM episode WHERE borrower_id = :borrower AND case_id = :case))
          AND case_id = :case
        ORDER BY loan_id, episode DESC, entry_no DESC
        """,  # noqa: S608 (column names of our own tables)
        borrower=case.borrower_id,
        case=case.case_id,
    )
    return [StageEntry(**row._mapping) for row in rows]


async def _party(tx: Tx, case: Case) -> PartyFacts:
    row = (
        await tx.execute(
            "SELECT zone, region, locale, segment, flags FROM party WHERE borrower_id = :borrower",
            borrower=case.borrower_id,
        )
    ).one()
    flags = sorted({*row.flags, *await flags_of_case(tx, case.case_id)})
    return PartyFacts(row.zone, row.region, row.locale, row.segment, tuple(flags))


async def _open_steps(tx: Tx, loans: list[str]) -> list[ContactStep]:
    rows = await tx.execute(
        f"""
        SELECT {_STEPS.columns} FROM contact_request
        WHERE loan_id = ANY(CAST(:loans AS text[])) AND status = 'open' ORDER BY expires_at, request_id
        """,  # noqa: S608 (column names of our own tables)
        loans=loans,
    )
    return [_contact_step(row) for row in rows]


def _contact_step(row: Any) -> ContactStep:
    return ContactStep(**{**row._mapping, "status": RequestStatus(row.status), "covers": tuple(row.covers)})
