"""Gates, debts and ticks: what must be open and fresh for a send, ordered against it by row locks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

import msgspec

from spine.database import Tx
from spine.events.ledger import Overdue
from spine.money import format_minor, parse_minor
from spine.topics import partition_of

#: The three topics whose ticks prove that no stop is still under way.
TICKING: Final = ("ledger.v1", "stager.v1", "contact-log.v1")
#: The gate that exists for every loan of which the ledger has spoken; closers of other gates lock it first.
ARREARS: Final = "arrears"
_PARTITION_LOCKS: Final = 0x7AC7_0002


@dataclass(frozen=True, slots=True)
class ArrearsRow:
    """The newest the ledger said of a loan; `closed` when it is not in arrears. `seq` orders it."""

    loan_id: str
    seq: int
    closed: bool


@dataclass(frozen=True, slots=True)
class DebtRow:
    """What is owed on a loan: for the words of a message."""

    loan_id: str
    borrower_id: str
    seq: int
    product: str
    currency: str
    as_of: date
    dpd_zero_on: date | None
    oldest_unpaid_due_on: date | None
    overdue: Overdue
    outstanding_principal: str


@dataclass(frozen=True, slots=True)
class Held:
    """A hold in force on a loan or its borrower: its kind, and since when (business time)."""

    kind: str
    since: datetime


@dataclass(frozen=True, slots=True)
class LoanGate:
    """A change of one gate of a loan. `reason` carries the id of what changes it; a hold's gate knows its kind."""

    loan_id: str
    reason: str
    closed: bool
    kind: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class WideGate:
    """A change of a gate of a borrower or a partition (`scope`), as LoanGate."""

    scope: str
    ref: str
    reason: str
    closed: bool
    kind: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fence:
    """The gates of one send: reasons that close it to everything, the arrears gate's number (None: never heard
    of), and the holds: what these close is a matter of their kind."""

    closed: tuple[str, ...]
    arrears_seq: int | None
    holds: tuple[Held, ...] = ()


def joint_fence(fences: Sequence[Fence]) -> Fence:
    """The gates of a send about several loans: open only where all are. The number is the sum of theirs, which
    grow alone: it is the same only while each is."""
    if len(fences) == 1:
        return fences[0]
    seqs = [fence.arrears_seq for fence in fences if fence.arrears_seq is not None]
    return Fence(
        closed=tuple(sorted({reason for fence in fences for reason in fence.closed})),
        arrears_seq=sum(seqs) if len(seqs) == len(fences) else None,
        holds=tuple(dict.fromkeys(held for fence in fences for held in fence.holds)),
    )


def joint_debt(debts: Sequence[DebtRow | None]) -> DebtRow | None:
    """What is owed on several loans together, since the oldest due date; None where it is not known of each, or
    cannot be added up."""
    known = [debt for debt in debts if debt is not None]
    currencies = {debt.currency for debt in known}
    if len(known) != len(debts) or len(currencies) != 1:
        return None
    if len(known) == 1:
        return known[0]
    [currency] = currencies
    parts = {
        name: _sum_of([getattr(debt.overdue, name) for debt in known], currency)
        for name in Overdue.__struct_fields__
    }
    oldest = [debt.oldest_unpaid_due_on for debt in known if debt.oldest_unpaid_due_on is not None]
    return replace(known[0], overdue=Overdue(**parts), oldest_unpaid_due_on=min(oldest, default=None))


def _sum_of(amounts: Sequence[str], currency: str) -> str:
    return format_minor(sum(parse_minor(amount, currency) for amount in amounts), currency)


async def advance_arrears(tx: Tx, rows: Iterable[ArrearsRow]) -> None:
    """Moves arrears gates on; what is older than what is known changes nothing."""
    ordered = sorted(rows, key=lambda r: r.loan_id)
    await tx.execute(
        """
        INSERT INTO loan_gate AS g (loan_id, reason, seq, closed)
        SELECT u.loan_id, 'arrears', u.seq, u.closed
        FROM unnest(CAST(:loans AS text[]), CAST(:seqs AS bigint[]), CAST(:closed AS boolean[]))
             AS u(loan_id, seq, closed)
        ORDER BY u.loan_id
        ON CONFLICT (loan_id, reason) DO UPDATE
            SET seq = excluded.seq, closed = excluded.closed,
                changed_at = CASE WHEN g.closed = excluded.closed THEN g.changed_at ELSE clock_timestamp() END
            WHERE excluded.seq > g.seq
        """,
        loans=[r.loan_id for r in ordered],
        seqs=[r.seq for r in ordered],
        closed=[r.closed for r in ordered],
    )


async def change_loan_gates(tx: Tx, changes: Sequence[LoanGate]) -> None:
    """Closes gates, and opens them for good.

    The arrears gate is locked first: a send holds it shared, so it is wholly before or after this.
    """
    ordered = sorted(set(changes), key=lambda change: (change.loan_id, change.reason))
    await tx.execute(
        "SELECT 1 FROM loan_gate WHERE loan_id = ANY(CAST(:loans AS text[])) AND reason = 'arrears'"
        " ORDER BY loan_id FOR UPDATE",
        loans=[change.loan_id for change in ordered],
    )
    for closed in (True, False):
        some = list({(c.loan_id, c.reason): c for c in ordered if c.closed is closed}.values())
        if some:
            await tx.execute(
                """
                INSERT INTO loan_gate AS g (loan_id, reason, seq, closed, kind, since)
                SELECT u.loan_id, u.reason, 0, :closed, u.kind, u.since
                FROM unnest(CAST(:loans AS text[]), CAST(:reasons AS text[]), CAST(:kinds AS text[]),
                            CAST(:sinces AS timestamptz[])) AS u(loan_id, reason, kind, since)
                ON CONFLICT (loan_id, reason) DO UPDATE
                    SET closed = false, changed_at = clock_timestamp() WHERE g.closed AND NOT :closed
                """,
                closed=closed,
                loans=[change.loan_id for change in some],
                reasons=[change.reason for change in some],
                kinds=[change.kind for change in some],
                sinces=[change.since for change in some],
            )


async def change_wide_gates(tx: Tx, changes: Sequence[WideGate]) -> None:
    """As change_loan_gates; for scope borrower the caller has locked the persons' rows."""
    for change in sorted(set(changes), key=lambda c: (c.scope, c.ref, c.reason, c.closed)):
        if change.scope == "partition":
            await tx.execute(
                "SELECT pg_advisory_xact_lock(:class, :partition)",
                **{"class": _PARTITION_LOCKS},
                partition=int(change.ref),
            )
        await tx.execute(
            """
            INSERT INTO wide_gate AS g (scope, ref, reason, closed, kind, since)
            VALUES (:scope, :ref, :reason, :closed, :kind, :since)
            ON CONFLICT (scope, ref, reason) DO UPDATE
                SET closed = false, changed_at = clock_timestamp() WHERE g.closed AND NOT excluded.closed
            """,
            scope=change.scope,
            ref=change.ref,
            reason=change.reason,
            closed=change.closed,
            kind=change.kind,
            since=change.since,
        )


async def lock_gates_shared(tx: Tx, loan_ids: Sequence[str], partitions: Iterable[int]) -> None:
    """Holds every gate of the loans as it is until this transaction ends."""
    for partition in sorted(set(partitions)):
        await tx.execute(
            "SELECT pg_advisory_xact_lock_shared(:locks, :partition)",
            locks=_PARTITION_LOCKS,
            partition=partition,
        )
    await tx.execute(
        "SELECT 1 FROM loan_gate WHERE loan_id = ANY(CAST(:loans AS text[])) ORDER BY loan_id, reason FOR SHARE",
        loans=sorted(set(loan_ids)),
    )


async def fences_of(tx: Tx, loans: Iterable[tuple[str, str]]) -> dict[str, Fence]:
    """The gates of each (loan, borrower), the partition's included, and the borrower's under all ids of theirs."""
    pairs = sorted(set(loans))
    rows = await tx.execute(
        """
        SELECT u.loan_id, g.reason, g.seq, g.closed, g.kind, g.since
        FROM unnest(CAST(:loans AS text[])) AS u(loan_id) JOIN loan_gate g USING (loan_id)
        UNION ALL
        SELECT u.loan_id, w.reason, 0, w.closed, w.kind, w.since
        FROM unnest(CAST(:loans AS text[]), CAST(:borrowers AS text[]), CAST(:partitions AS text[]))
             AS u(loan_id, borrower_id, partition)
        JOIN wide_gate w ON w.closed AND ((w.scope = 'borrower' AND (w.ref = u.borrower_id OR w.ref IN (
                                               SELECT o.borrower_id FROM party p JOIN party o USING (identity_id)
                                               WHERE p.borrower_id = u.borrower_id)))
                                       OR (w.scope = 'partition' AND w.ref = u.partition))
        """,
        loans=[loan for loan, _ in pairs],
        borrowers=[borrower for _, borrower in pairs],
        partitions=[str(partition_of(borrower, tx.partitions)) for _, borrower in pairs],
    )
    closed: dict[str, list[str]] = {loan: [] for loan, _ in pairs}
    holds: dict[str, set[tuple[str, datetime]]] = {loan: set() for loan, _ in pairs}
    seqs: dict[str, int] = {}
    for row in rows:
        if row.reason == ARREARS:
            seqs[row.loan_id] = row.seq
        if row.closed and row.kind is None:
            closed[row.loan_id].append(row.reason)
        elif row.closed:
            # A hold placed by a clock that is ahead of this one is in force all the same.
            holds[row.loan_id].add((row.kind, min(row.since or tx.now, tx.now)))
    return {
        loan: Fence(
            tuple(sorted([*reasons, *([] if loan in seqs else [ARREARS])])),
            seqs.get(loan),
            tuple(Held(kind, since) for kind, since in sorted(holds[loan])),
        )
        for loan, reasons in closed.items()
    }


async def save_debts(tx: Tx, debts: Iterable[DebtRow]) -> None:
    """Keeps the newest the ledger said is owed."""
    rows = sorted(debts, key=lambda d: d.loan_id)
    await tx.execute(
        """
        INSERT INTO debt AS d (loan_id, borrower_id, seq, product, currency, as_of, dpd_zero_on,
                               oldest_unpaid_due_on, overdue, outstanding_principal)
        SELECT * FROM unnest(CAST(:loans AS text[]), CAST(:borrowers AS text[]), CAST(:seqs AS bigint[]),
                             CAST(:products AS text[]), CAST(:currencies AS text[]), CAST(:as_ofs AS date[]),
                             CAST(:zero_ons AS date[]), CAST(:oldest AS date[]), CAST(:overdue AS jsonb[]),
                             CAST(:outstanding AS text[]))
        ON CONFLICT (loan_id) DO UPDATE
            SET seq = excluded.seq, product = excluded.product, as_of = excluded.as_of,
                dpd_zero_on = excluded.dpd_zero_on, oldest_unpaid_due_on = excluded.oldest_unpaid_due_on,
                overdue = excluded.overdue, outstanding_principal = excluded.outstanding_principal
            WHERE excluded.seq > d.seq
        """,
        loans=[d.loan_id for d in rows],
        borrowers=[d.borrower_id for d in rows],
        seqs=[d.seq for d in rows],
        products=[d.product for d in rows],
        currencies=[d.currency for d in rows],
        as_ofs=[d.as_of for d in rows],
        zero_ons=[d.dpd_zero_on for d in rows],
        oldest=[d.oldest_unpaid_due_on for d in rows],
        overdue=[msgspec.json.encode(d.overdue).decode() for d in rows],
        outstanding=[d.outstanding_principal for d in rows],
    )


async def debts_of(tx: Tx, loan_ids: Sequence[str]) -> dict[str, DebtRow]:
    """What is owed on each of the loans."""
    rows = await tx.execute(
        "SELECT * FROM debt WHERE loan_id = ANY(CAST(:loans AS text[]))", loans=sorted(set(loan_ids))
    )
    return {row.loan_id: _debt(row) for row in rows}


def _debt(row: Any) -> DebtRow:
    overdue = row.overdue if isinstance(row.overdue, str) else msgspec.json.encode(row.overdue)
    return DebtRow(
        row.loan_id,
        row.borrower_id,
        row.seq,
        row.product,
        row.currency,
        row.as_of,
        row.dpd_zero_on,
        row.oldest_unpaid_due_on,
        msgspec.json.decode(overdue, type=Overdue),
        row.outstanding_principal,
    )


async def save_ticks(tx: Tx, ticks: Iterable[tuple[str, int, datetime]]) -> None:
    """(topic, partition, at): the newest of each wins."""
    newest: dict[tuple[str, int], datetime] = {}
    for topic, partition, at in ticks:
        newest[topic, partition] = max(at, newest.get((topic, partition), at))
    places = sorted(newest)
    await tx.execute(
        """
        INSERT INTO freshness AS f (topic, partition, at)
        SELECT * FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:ats AS timestamptz[]))
        ON CONFLICT (topic, partition) DO UPDATE SET at = greatest(f.at, excluded.at)
        """,
        topics=[topic for topic, _ in places],
        partitions=[partition for _, partition in places],
        ats=[newest[place] for place in places],
    )
