"""What conditions and the preparation gate ask of loans, read for a whole batch of borrowers at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from spine.database import Tx
from stager.domain.cases import Episode
from stager.store.appointments import open_appointments
from stager.store.cases import PartyFacts
from stager.store.episodes import EPISODE_COLUMNS, episode_of
from stager.store.holds import active_holds
from stager.store.parties import traits

#: For so many days a broken promise is held against someone.
_BROKEN_DAYS: Final = timedelta(days=60)
#: So many columns stand after those of the episode.
_FACTS: Final = 10


@dataclass(frozen=True, slots=True)
class Situation:
    """An open loan with its borrower. `channels`: on which the borrower can be reached, None while not known;
    `holds`: the kinds active; `loans`: how many loans in arrears the borrower has; `closed_through`: the newest
    business date closed for it; `appointment_at`: the borrower's next agreed call-back."""

    episode: Episode
    party: PartyFacts
    channels: tuple[str, ...] | None
    holds: tuple[str, ...]
    failed_debit: str | None
    broken_promises: int
    loans: int
    closed_through: date | None
    appointment_at: datetime | None


async def situations(tx: Tx, borrower_ids: Sequence[str], today: date) -> dict[str, Situation]:
    """The open loans of locked borrowers, by loan."""
    borrowers = list(borrower_ids)
    rows = await tx.execute(
        f"""
        SELECT {EPISODE_COLUMNS}, p.zone, p.region, p.locale, p.segment, p.channels, c.closed_through,
               ARRAY(SELECT unnest(p.flags)
                     UNION SELECT g.flag FROM case_flag AS g WHERE g.case_id = e.case_id
                     UNION SELECT 'time_barred' FROM limitation AS l WHERE l.loan_id = e.loan_id AND l.barred
                     ORDER BY 1) AS flags,
               b.broken, f.reason AS failed_debit, count(*) OVER (PARTITION BY e.borrower_id) AS loans
        FROM unnest(CAST(:borrowers AS text[])) AS u(borrower_id)
        JOIN party AS p ON p.borrower_id = u.borrower_id
        JOIN episode AS e ON e.borrower_id = u.borrower_id AND e.closed_on IS NULL
        LEFT JOIN failed_debit AS f ON f.loan_id = e.loan_id
        LEFT JOIN closed_books AS c ON c.partition = e.partition
        CROSS JOIN LATERAL (SELECT count(*) AS broken FROM promise AS m WHERE m.borrower_id = u.borrower_id
                            AND m.status = 'broken' AND m.due_on >= :broken_from) AS b
        """,  # noqa: S608 (column names of our own tables)
        borrowers=borrowers,
        broken_from=today - _BROKEN_DAYS,
    )
    held = await _held(tx, borrowers, tx.now)
    agreed = await open_appointments(tx, borrowers)
    found = {}
    for row in rows:
        episode = episode_of(row[:-_FACTS])
        found[episode.loan_id] = Situation(
            episode=episode,
            party=PartyFacts(row.zone, row.region, row.locale, traits(row.segment), tuple(row.flags)),
            channels=None if row.channels is None else tuple(row.channels),
            holds=tuple(sorted(held.get(episode.loan_id, ()))),
            failed_debit=row.failed_debit,
            broken_promises=row.broken,
            loans=row.loans,
            closed_through=row.closed_through,
            appointment_at=agreed[episode.borrower_id][0].at if episode.borrower_id in agreed else None,
        )
    return found


async def _held(tx: Tx, borrowers: Sequence[str], now: datetime) -> dict[str, set[str]]:
    """The kinds of holds active on each loan that has any."""
    held: dict[str, set[str]] = {}
    for hold in await active_holds(tx, borrowers):
        if hold.is_active(now):
            held.setdefault(hold.loan_id, set()).add(hold.kind)
    return held
