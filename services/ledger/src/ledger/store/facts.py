"""Keeps what else is known of loans: amendments as they were stated, payments in transit, statement checks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ledger.account import Account
from ledger.domain.statement_check import CheckState, Figures, Statement
from ledger.domain.transit import Transit, TransitKind, TransitState
from ledger.store import summaries
from spine.database import Tx
from spine.events.registry import Event, decode, event_class
from spine.service import Received

#: A fact with the instant at which it was stated.
Stated = tuple[Event, datetime | None]


async def amendments(
    tx: Tx, loan_ids: Sequence[str], known_at: datetime | None
) -> Mapping[str, Sequence[Stated]]:
    """The amendments of these loans in order of arrival, or those that were known at an instant."""
    result = await tx.execute(
        "SELECT f.loan_id, f.topic, f.type, f.stated_at, f.body "
        "FROM unnest(CAST(:ids AS text[])) AS u(loan_id) JOIN loan_fact AS f USING (loan_id)"
        " WHERE CAST(:known_at AS timestamptz) IS NULL OR f.recorded_at <= :known_at ORDER BY f.id",
        ids=loan_ids,
        known_at=known_at,
    )
    found: defaultdict[str, list[Stated]] = defaultdict(list)
    for row in result:
        found[row.loan_id].append((decode(event_class(row.topic, row.type), row.body), row.stated_at))
    return found


async def insert_amendments(tx: Tx, amended: Sequence[Received]) -> None:
    """Keeps facts as they were stated, in their order."""
    if not amended:
        return
    await tx.execute(
        "INSERT INTO loan_fact (loan_id, topic, type, source, event_id, stated_at, body, recorded_at) "
        "SELECT u.loan_id, u.topic, u.type, u.source, u.event_id, u.stated_at, u.body, :now "
        "FROM unnest(CAST(:loans AS text[]), CAST(:topics AS text[]), CAST(:types AS text[]),"
        " CAST(:sources AS text[]), CAST(:ids AS text[]), CAST(:stated AS timestamptz[]),"
        " CAST(:bodies AS bytea[])) WITH ORDINALITY"
        " AS u(loan_id, topic, type, source, event_id, stated_at, body, n) ORDER BY u.n",
        now=tx.now,
        loans=[each.event.subject for each in amended],
        topics=[each.topic for each in amended],
        types=[each.envelope.type for each in amended],
        sources=[each.envelope.source for each in amended],
        ids=[each.envelope.id for each in amended],
        stated=[each.envelope.time for each in amended],
        bodies=[each.body for each in amended],
    )


async def transits(tx: Tx, loan_ids: Sequence[str]) -> Mapping[str, dict[str, Transit]]:
    """All payments in transit of these loans by their ids, those that are over included."""
    result = await tx.execute(
        "SELECT t.loan_id, t.kind, t.reference, t.amount_minor, t.since, t.until, t.state, t.repayment_id,"
        " t.reason FROM unnest(CAST(:ids AS text[])) AS u(loan_id) JOIN transit AS t USING (loan_id)",
        ids=loan_ids,
    )
    found: defaultdict[str, dict[str, Transit]] = defaultdict(dict)
    for row in result:
        transit = Transit(
            kind=TransitKind(row.kind),
            reference=row.reference,
            amount=row.amount_minor,
            since=row.since,
            until=row.until,
            state=TransitState(row.state),
            repayment_id=row.repayment_id,
            reason=row.reason,
        )
        found[row.loan_id][transit.id] = transit
    return found


async def loans_with_due_transits(tx: Tx, limit: int) -> list[str]:
    """Loans of which a payment in transit is changed by time alone, by now."""
    result = await tx.execute(
        "SELECT DISTINCT loan_id FROM (SELECT loan_id FROM transit WHERE due_at <= :now ORDER BY due_at"
        " LIMIT :limit) AS due",
        now=tx.now,
        limit=limit,
    )
    return [row.loan_id for row in result]


async def due_transits(tx: Tx) -> tuple[int, datetime | None]:
    """How many payments in transit wait for time that has passed, and when the next one's comes."""
    row = (
        await tx.execute(
            "SELECT count(*) FILTER (WHERE due_at <= :now) AS due, min(due_at) FILTER (WHERE due_at > :now) AS next"
            " FROM transit WHERE due_at IS NOT NULL",
            now=tx.now,
        )
    ).one()
    return row.due, row.next


async def save_marked(tx: Tx, accounts: Iterable[Account]) -> None:
    """Keeps payments in transit and statement checks of the loans where something changed, and notes it on them."""
    accounts = [account for account in accounts if account.marked]
    await summaries.mark(tx, accounts)
    moved = [(account.facts.loan_id, each) for account in accounts for each in account.transits.values()]
    if moved:
        await tx.execute(
            "INSERT INTO transit AS t (loan_id, transit_id, kind, reference, amount_minor, since, until, state,"
            " repayment_id, reason, due_at, updated_at) "
            "SELECT u.*, :now FROM unnest(CAST(:loans AS text[]), CAST(:ids AS text[]), CAST(:kinds AS text[]),"
            " CAST(:references AS text[]), CAST(:amounts AS bigint[]), CAST(:since AS timestamptz[]),"
            " CAST(:until AS timestamptz[]), CAST(:states AS text[]), CAST(:repayments AS text[]),"
            " CAST(:reasons AS text[]), CAST(:dues AS timestamptz[])) AS u "
            "ON CONFLICT (loan_id, transit_id) DO UPDATE SET amount_minor = excluded.amount_minor,"
            " since = excluded.since, until = excluded.until, state = excluded.state,"
            " repayment_id = excluded.repayment_id, reason = excluded.reason, due_at = excluded.due_at,"
            " updated_at = excluded.updated_at"
            " WHERE (t.amount_minor, t.since, t.until, t.state, t.repayment_id, t.reason)"
            " IS DISTINCT FROM (excluded.amount_minor, excluded.since, excluded.until, excluded.state,"
            " excluded.repayment_id, excluded.reason)",
            now=tx.now,
            loans=[loan_id for loan_id, _ in moved],
            ids=[each.id for _, each in moved],
            kinds=[each.kind.value for _, each in moved],
            references=[each.reference for _, each in moved],
            amounts=[each.amount for _, each in moved],
            since=[each.since for _, each in moved],
            until=[each.until for _, each in moved],
            states=[each.state.value for _, each in moved],
            repayments=[each.repayment_id for _, each in moved],
            reasons=[each.reason for _, each in moved],
            dues=[each.due_at for _, each in moved],
        )
    checked = [(each.facts.loan_id, each.statement) for each in accounts if each.statement is not None]
    if checked:
        await _save_statements(tx, checked)


async def statements(tx: Tx, loan_ids: Sequence[str]) -> Mapping[str, Statement]:
    """The newest statement of each of these loans."""
    result = await tx.execute(
        "SELECT s.* FROM unnest(CAST(:ids AS text[])) AS u(loan_id) JOIN statement_check AS s USING (loan_id)",
        ids=loan_ids,
    )
    return {
        row.loan_id: Statement(
            row.as_of,
            Figures(
                row.stated_dpd,
                row.stated_principal_minor,
                row.stated_interest_minor,
                row.stated_penalty_minor,
            ),
            Figures(
                row.ledger_dpd,
                row.ledger_principal_minor,
                row.ledger_interest_minor,
                row.ledger_penalty_minor,
            ),
            CheckState(row.state),
            tuple(row.differences),
            row.resolution,
        )
        for row in result
    }


async def open_mismatches(tx: Tx) -> int:
    """How many loans' newest statement differs from the books."""
    result = await tx.execute("SELECT count(*) FROM statement_check WHERE state = 'mismatch'")
    return int(result.scalar_one())


async def _save_statements(tx: Tx, checked: Sequence[tuple[str, Statement]]) -> None:
    await tx.execute(
        "INSERT INTO statement_check (loan_id, as_of, state, stated_dpd, stated_principal_minor,"
        " stated_interest_minor, stated_penalty_minor, ledger_dpd, ledger_principal_minor,"
        " ledger_interest_minor, ledger_penalty_minor, differences, resolution, checked_at) "
        "SELECT u.loan_id, u.as_of, u.state, u.s_dpd, u.s_principal, u.s_interest, u.s_penalty, u.l_dpd,"
        " u.l_principal, u.l_interest, u.l_penalty, string_to_array(u.differences, ','), u.resolution, :now "
        "FROM unnest(CAST(:loans AS text[]), CAST(:dates AS date[]), CAST(:states AS text[]),"
        " CAST(:s_dpds AS int[]), CAST(:s_principals AS bigint[]), CAST(:s_interests AS bigint[]),"
        " CAST(:s_penalties AS bigint[]), CAST(:l_dpds AS int[]), CAST(:l_principals AS bigint[]),"
        " CAST(:l_interests AS bigint[]), CAST(:l_penalties AS bigint[]), CAST(:differences AS text[]),"
        " CAST(:resolutions AS text[])) AS u(loan_id, as_of, state, s_dpd, s_principal, s_interest, s_penalty,"
        " l_dpd, l_principal, l_interest, l_penalty, differences, resolution) "
        "ON CONFLICT (loan_id) DO UPDATE SET as_of = excluded.as_of, state = excluded.state,"
        " stated_dpd = excluded.stated_dpd, stated_principal_minor = excluded.stated_principal_minor,"
        " stated_interest_minor = excluded.stated_interest_minor,"
        " stated_penalty_minor = excluded.stated_penalty_minor, ledger_dpd = excluded.ledger_dpd,"
        " ledger_principal_minor = excluded.ledger_principal_minor,"
        " ledger_interest_minor = excluded.ledger_interest_minor,"
        " ledger_penalty_minor = excluded.ledger_penalty_minor, differences = excluded.differences,"
        " resolution = excluded.resolution, checked_at = excluded.checked_at",
        now=tx.now,
        loans=[loan_id for loan_id, _ in checked],
        dates=[each.as_of for _, each in checked],
        states=[each.state.value for _, each in checked],
        **_columns("s", [each.stated for _, each in checked]),
        **_columns("l", [each.ledger for _, each in checked]),
        differences=[",".join(each.differences) for _, each in checked],
        resolutions=[each.resolution for _, each in checked],
    )


def _columns(side: str, figures: Sequence[Figures]) -> dict[str, list[int | None]]:
    return {
        f"{side}_dpds": [each.days_past_due for each in figures],
        f"{side}_principals": [each.overdue_principal for each in figures],
        f"{side}_interests": [each.overdue_interest for each in figures],
        f"{side}_penalties": [each.penalty for each in figures],
    }
