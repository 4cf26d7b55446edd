"""Loads everything known of some borrowers under their locks, and saves what a desk made of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final

from spine.database import Tx
from stager.domain.cases import Case
from stager.domain.desk import Desk
from stager.domain.hold_book import HoldBook
from stager.domain.promises import PromiseStatus
from stager.policy import House
from stager.store.cutover import starts_of
from stager.store.episodes import EPISODE_COLUMNS, add_episodes, episode_of, replace_episodes, save_stages
from stager.store.failed_debits import save_failed_debits
from stager.store.holds import active_holds, holds_named, save_holds
from stager.store.parties import lock_people
from stager.store.person_holds import active_person_holds
from stager.store.preparations import closed_through
from stager.store.promises import promises_of_loans
from stager.store.rows import Rows
from stager.store.steps import insert_timers
from stager.tables.cases import CASE, STAGE_ENTRY

_CASES: Final = Rows(CASE)
_ENTRIES: Final = Rows(STAGE_ENTRY)

_CLOSE_CASES: Final = f"""
    UPDATE collection_case AS c SET closed_at = u.closed_at FROM {_CASES.source} WHERE c.case_id = u.case_id
"""  # noqa: S608 (column names of our own tables)


async def borrowers_to_judge(tx: Tx, partition: int, as_of: date, *, everyone: bool = False) -> list[str]:
    """Whose loans the close before `as_of` may move to another stage; with `everyone` all that are in arrears."""
    rows = await tx.execute(
        """
        SELECT DISTINCT borrower_id FROM episode
        WHERE partition = :partition AND closed_on IS NULL AND (judge_on <= :as_of OR :everyone)
        """,
        partition=partition,
        as_of=as_of,
        everyone=everyone,
    )
    return [row.borrower_id for row in rows]


async def load_holds(
    tx: Tx,
    house: House,
    borrower_ids: Sequence[str],
    names: Collection[tuple[str, str, str]],
    loan_ids: Collection[str] = (),
) -> HoldBook:
    """The holds of locked borrowers that are not lifted, those of `names`: (borrower, loan, origin), and what is
    promised on `loan_ids`."""
    policy = house.rulebook.holds.on(house.today(tx.now)).policy
    holds = [*await active_holds(tx, borrower_ids), *await holds_named(tx, names)]
    promised = await promises_of_loans(tx, loan_ids, [PromiseStatus.OPEN])
    return HoldBook(
        policy,
        tx.now,
        holds,
        await active_person_holds(tx, borrower_ids),
        {promise.loan_id: promise.promise_id for promise in promised},
    )


async def load_desk(
    tx: Tx,
    house: House,
    borrower_ids: Sequence[str],
    loan_ids: Sequence[str],
    hold_names: Collection[tuple[str, str, str]],
    taken_over: Collection[str],
) -> Desk:
    """Locks these borrowers and loads their open loans, the latest episode of each of `loan_ids`, holds, and the
    days on which borrowers start of whom loans were or are being `taken_over`."""
    borrowers = sorted(borrower_ids)
    people = await lock_people(tx, borrowers, house.zone)
    cases = await tx.execute(
        """
        SELECT DISTINCT ON (c.borrower_id) c.case_id, c.borrower_id, c.case_no, c.opened_at, c.closed_at
        FROM unnest(CAST(:borrowers AS text[])) AS u(borrower_id) JOIN collection_case AS c USING (borrower_id)
        ORDER BY c.borrower_id, c.case_no DESC
        """,
        borrowers=borrowers,
    )
    # By the borrower first: without statistics open episodes are taken for so few that all of them are read.
    rows = await tx.execute(
        f"""
        SELECT {EPISODE_COLUMNS} FROM unnest(CAST(:borrowers AS text[])) AS u(borrower_id) CROSS JOIN LATERAL (
            SELECT * FROM episode AS x WHERE x.borrower_id = u.borrower_id OFFSET 0) AS e
        WHERE e.closed_on IS NULL
        UNION ALL
        SELECT {EPISODE_COLUMNS} FROM unnest(CAST(:loans AS text[])) AS u(loan_id) CROSS JOIN LATERAL (
            SELECT * FROM episode AS x WHERE x.loan_id = u.loan_id ORDER BY x.episode DESC LIMIT 1) AS e
        """,  # noqa: S608 (column names of our own tables)
        borrowers=borrowers,
        loans=list(loan_ids),
    )
    episodes = [episode_of(row) for row in rows]
    late = {episode.borrower_id for episode in episodes if episode.taken_over_on is not None} | set(
        taken_over
    )
    starts = await starts_of(tx, sorted(late)) if late else {}
    return Desk(
        house.rulebook,
        tx.now,
        people=people,
        cases=[Case(**row._mapping) for row in cases],
        episodes=episodes,
        holds=await load_holds(tx, house, borrowers, hold_names, loan_ids),
        starts={borrower_id: start.starts_on for borrower_id, start in starts.items()},
        closed=await closed_through(tx),
    )


async def save_desk(tx: Tx, desk: Desk) -> None:
    """Writes what the desk changed, cases before their loans."""
    await _save_cases(tx, desk)
    new = [episode for key, episode in desk.saved_episodes.items() if key not in desk.known_episodes]
    await add_episodes(tx, new)
    changed = [episode for key, episode in desk.saved_episodes.items() if key in desk.known_episodes]
    await replace_episodes(tx, changed)
    await save_stages(tx, list(desk.judged_episodes.values()))
    await _ENTRIES.copy(tx, desk.entries)
    await _replace_timers(tx, desk)
    await save_holds(tx, list(desk.holds.changed.values()))
    await save_failed_debits(tx, list(desk.failed_debits.values()))


async def _save_cases(tx: Tx, desk: Desk) -> None:
    """At most one case of a borrower is open at any time, so one is closed before the next is opened."""
    if closed := [case for id_, case in desk.saved_cases.items() if id_ in desk.known_cases]:
        await tx.execute(_CLOSE_CASES, **_CASES.parameters(closed))
    await _CASES.copy(tx, [case for id_, case in desk.saved_cases.items() if id_ not in desk.known_cases])


async def _replace_timers(tx: Tx, desk: Desk) -> None:
    """Only a loan that was in a stage before has any that could be replaced."""
    if replaced := [loan_id for loan_id in desk.timers if loan_id in desk.known_in_stages]:
        await tx.execute(
            "DELETE FROM step_timer AS t USING unnest(CAST(:loans AS text[])) AS u(loan_id)"
            " WHERE t.loan_id = u.loan_id",
            loans=replaced,
        )
    await insert_timers(tx, [timer for timers in desk.timers.values() for timer in timers])
