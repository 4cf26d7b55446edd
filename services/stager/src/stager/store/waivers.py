"""Keeps waivers and settlement offers, and finds those that a close, new money or time concerns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from spine.database import Tx
from stager.domain.plans import Structure
from stager.domain.waivers import LapseReason, Waiver, WaiverState
from stager.store.rows import Rows
from stager.tables.plans import WAIVER

_WAIVERS: Final = Rows(WAIVER, paths={"waived": "waived_text", "owed": "owed_text"})
_COLUMNS: Final = ", ".join(f"w.{name}" for name in _WAIVERS.names)
_SELECT: Final = f"SELECT {_COLUMNS} FROM waiver AS w"  # noqa: S608 (column names of our own tables)
_SAVE: Final = f"""
    INSERT INTO waiver ({_WAIVERS.columns}) SELECT {_WAIVERS.selected} FROM {_WAIVERS.source}
    ON CONFLICT (waiver_id) DO UPDATE SET {_WAIVERS.assignments(("waiver_id",))}
"""  # noqa: S608
#: Offers about which money decides, as Waiver.is_judged_by_money.
_BY_MONEY: Final = (
    "w.pay_minor IS NOT NULL AND w.approved_at IS NOT NULL AND (w.state <> 'lapsed'"
    " OR w.lapse_reason IN ('money_missing', 'money_reversed'))"
)


def _waiver(row: Any) -> Waiver:
    values = dict(row._mapping)
    for name in ("waived", "owed"):
        values[name] = msgspec.json.decode(values[name], type=Structure)
    values["state"] = WaiverState(values["state"])
    if values["lapse_reason"] is not None:
        values["lapse_reason"] = LapseReason(values["lapse_reason"])
    return Waiver(**values)


async def save_waivers(tx: Tx, waivers: Sequence[Waiver]) -> None:
    """Keeps waivers of locked borrowers as they stand."""
    if waivers:
        await tx.execute(_SAVE, **_WAIVERS.parameters(waivers))


async def waiver_by_id(tx: Tx, waiver_id: str) -> Waiver | None:
    """A waiver."""
    row = (await tx.execute(f"{_SELECT} WHERE w.waiver_id = :id", id=waiver_id)).one_or_none()
    return _waiver(row) if row is not None else None


async def waivers_of_case(tx: Tx, case_id: str) -> list[Waiver]:
    """All waivers proposed in a case, newest first."""
    rows = await tx.execute(
        f"{_SELECT} WHERE w.case_id = :case ORDER BY w.proposed_at DESC, w.waiver_id",
        case=case_id,
    )
    return [_waiver(row) for row in rows]


async def due_waivers(tx: Tx, partition: int, day: date) -> list[Waiver]:
    """The offers of a partition that the close of `day` judges."""
    rows = await tx.execute(
        f"{_SELECT} WHERE w.partition = :partition AND w.judge_on <= :day AND {_BY_MONEY} ORDER BY w.waiver_id",
        partition=partition,
        day=day,
    )
    return [_waiver(row) for row in rows]


async def waivers_by_money(tx: Tx, loan_ids: Iterable[str]) -> list[Waiver]:
    """The offers of these loans about which money decides."""
    rows = await tx.execute(
        f"{_SELECT} JOIN unnest(CAST(:loans AS text[])) AS u(loan_id) USING (loan_id)"
        f" WHERE {_BY_MONEY} ORDER BY w.waiver_id",
        loans=sorted(set(loan_ids)),
    )
    return [_waiver(row) for row in rows]


async def lock_unapproved(tx: Tx, limit: int) -> list[Waiver]:
    """Some proposals whose time of approval is over, their borrowers locked; those whom others work on left out."""
    rows = await tx.execute(
        f"""
        {_SELECT} JOIN party AS b ON b.borrower_id = w.borrower_id
        WHERE w.state = 'proposed' AND w.expires_at <= :now
        ORDER BY w.expires_at LIMIT :limit FOR UPDATE OF b, w SKIP LOCKED
        """,
        now=tx.now,
        limit=limit,
    )
    return [_waiver(row) for row in rows]
