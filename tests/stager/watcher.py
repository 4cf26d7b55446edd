"""All that must be true of a stager after whatever happened: its events walked in order, and its tables."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Any, Final

import msgspec

from spine.database import Tx
from spine.service import Received
from stager.domain.action_why import make_again
from stager.domain.cases import StageEntry
from stager.domain.why import recompute
from stager.store.decisions import decisions_about
from stager.store.policies import policy_bodies
from tests.stager.reference import KEEPS_STAGE, STEPS, Entry, HoldsTold, Reference, stage_of, stopping
from tests.stager.stand import Stand

#: What people do with a borrower; other tasks are about what only a person can settle.
_CONTACTS: Final = ("call", "visit")
_THANKS: Final = "thanks"
_REMINDERS: Final = {"promise-reminder", "plan-reminder"}
#: A step is asked for once an episode; what was taken back because of another loan it was about may be asked anew.
_ONCE: Final = """
    SELECT r.loan_id, r.episode, r.step, count(*) AS times FROM contact_request AS r
    LEFT JOIN contact_request AS lead ON lead.request_id = r.covered_by
    WHERE r.step = ANY(:once) AND (r.status IN ('open', 'done', 'tasked')
          OR (r.status = 'withdrawn' AND r.covers = '{}')
          OR (r.status = 'skipped' AND lead.status <> 'withdrawn'))
    GROUP BY r.loan_id, r.episode, r.step HAVING count(*) > 1
"""
#: Promises whose status is not what the money of their days says.
_MISJUDGED: Final = """
    SELECT p.promise_id, p.status, p.received_minor, m.came FROM promise AS p
    CROSS JOIN LATERAL (SELECT greatest(0, coalesce(sum(m.amount_minor), 0) - p.base_minor) AS came
        FROM money AS m WHERE m.loan_id = p.loan_id AND m.value_date BETWEEN p.counts_from AND p.counts_through
          AND m.reversed_on IS NULL) AS m
    WHERE p.status IN ('kept', 'partial', 'broken')
      AND p.status <> CASE WHEN m.came = 0 THEN 'broken'
                           WHEN m.came + p.tolerance_minor >= p.amount_minor THEN 'kept' ELSE 'partial' END
"""


class Watcher:
    """Looks at one stager; `look` after each thing that happened, `finish` at the end of a life."""

    def __init__(self, stand: Stand, reference: Reference) -> None:
        self._stand = stand
        self._reference = reference
        self._heard = 0
        self._next_seq: Counter[str] = Counter()
        self.holds = HoldsTold()
        #: Requests by id that were asked for and neither answered nor taken back, as their events say.
        self.open_requests: dict[str, dict[str, Any]] = {}
        self._open_tasks: set[str] = set()
        self._asked: set[str] = set()
        #: Whom it thanked, until the facts that it was told are applied here too.
        self._thanks: list[dict[str, Any]] = []

    async def look(self, now: datetime, facts: list[Received] | None = None) -> None:
        """`facts`: of the ledger, that were handed over since the last time."""
        entered = []
        for row in await self._stand.rows(
            "SELECT * FROM outbox WHERE id > :heard ORDER BY id", heard=self._heard
        ):
            self._heard = row.id
            if row.subject is not None:
                self._next_seq[row.subject] += 1
                assert row.loan_seq == self._next_seq[row.subject], f"a gap in the numbers of {row.subject}"
            entry = self._hear(row.type, msgspec.json.decode(row.data), now)
            entered += [entry] if entry is not None else []
        loans = self._reference.loans
        blocked = {loan for loan in loans if self.holds.kinds(loan, now) & KEEPS_STAGE}
        partitions = self._stand.runtime.partitions
        expected = [
            entry for fact in facts or () for entry in self._reference.apply(fact, partitions, blocked)
        ]
        assert sorted(entered) == sorted(expected), f"entered {entered}, expected {expected}"
        while self._thanks:
            self._may_be_thanked(self._thanks.pop(), now)
        await self._check_stages()
        await self._check_requests(now)
        await self._check_tasks(now)
        await self._check_holds(now)
        await self._check_agreements(now)

    def _hear(self, type_: str, data: dict[str, Any], now: datetime) -> Entry | None:
        match type_:
            case "hold.placed.v1" | "hold.lifted.v1":
                self.holds.hear(type_, data)
            case "contact.requested.v1":
                assert data["request_id"] not in self._asked, f"asked for twice: {data}"
                self._asked.add(data["request_id"])
                self._may_be_asked(data, data["step"], data["channel"], data["purpose"], now)
                self.open_requests[data["request_id"]] = data
            case "contact.withdrawn.v1":
                assert self.open_requests.pop(data["request_id"], None), (
                    f"taken back, but was not open: {data}"
                )
            case "task.opened.v1":
                assert data["task_id"] not in self._asked, f"given twice: {data}"
                self._asked.add(data["task_id"])
                self._open_tasks.add(data["task_id"])
                step = STEPS.get(data.get("step") or "")
                if step is not None:
                    self._may_be_asked(data, data["step"], step.channel, step.purpose, now)
            case "task.closed.v1":
                assert data["task_id"] in self._open_tasks, f"ended, but was not open: {data}"
                self._open_tasks.remove(data["task_id"])
            case "stage.entered.v1":
                return Entry(
                    data["loan_id"],
                    data["episode"],
                    data["entry_no"],
                    data.get("from"),
                    data["to"],
                    data["first_time"],
                    data["dpd"],
                    date.fromisoformat(data["as_of"]),
                )
            case _:
                pass
        return None

    def _may_be_asked(
        self, data: dict[str, Any], step: str, channel: str, purpose: str, now: datetime
    ) -> None:
        """The loans are in arrears, in the stage of the step, under no hold that stops it, and no small rest."""
        if step == _THANKS:
            self._thanks.append(data)
            return
        assert step in STEPS or step in _REMINDERS, f"no such step: {data}"
        for loan_id in (data["loan_id"], *data.get("covers", ())):
            loan = self._reference.loans[loan_id]
            assert not loan.is_stopped, f"asked for though the arrears of {loan_id} are over: {data}"
            kinds = self.holds.kinds(loan_id, now)
            assert stopping(kinds, channel, purpose) == [], f"{loan_id} is held ({kinds}): {data}"
            if step in STEPS:
                assert float(loan.total) >= 10, f"a small rest: {data}"
        loan = self._reference.loans[data["loan_id"]]
        if step in STEPS:
            assert (data["stage"], STEPS[step].stage) == (loan.stage, loan.stage), f"{loan}: {data}"
        if "episode" in data:
            assert (data["episode"], data["entry_no"]) == (loan.episode, loan.entry_no)

    def _may_be_thanked(self, data: dict[str, Any], now: datetime) -> None:
        """Nothing of the person is in arrears any more, and no hold says not to speak with them."""
        theirs = [one for one in self._reference.loans.values() if one.borrower_id == data["borrower_id"]]
        assert all(loan.is_stopped for loan in theirs), f"thanked too early: {theirs}: {data}"
        kinds = self.holds.kinds(data["loan_id"], now)
        assert stopping(kinds, data["channel"], data["purpose"]) == [], f"held ({kinds}): {data}"

    async def _check_stages(self) -> None:
        found = {
            row.loan_id: (row.episode, row.entry_no, row.stage, row.closed_on is None, set(row.stages_seen))
            for row in await self._stand.rows(
                "SELECT DISTINCT ON (loan_id) * FROM episode ORDER BY loan_id, episode DESC"
            )
        }
        expected = {
            loan.loan_id: (loan.episode, loan.entry_no, loan.stage, loan.is_open, loan.seen)
            for loan in self._reference.loans.values()
            if loan.episode
        }
        assert found == expected
        cases = await self._stand.rows("SELECT borrower_id FROM collection_case WHERE closed_at IS NULL")
        in_arrears = {loan.borrower_id for loan in self._reference.loans.values() if loan.is_open}
        assert sorted(row.borrower_id for row in cases) == sorted(in_arrears)

    async def _check_requests(self, now: datetime) -> None:
        rows = await self._stand.rows(
            "SELECT * FROM contact_request WHERE status IN ('open', 'tasked') ORDER BY request_id"
        )
        for row in rows:
            if row.step == _THANKS:
                loan = self._reference.loans[row.loan_id]
                assert loan.is_stopped, f"thanks not taken back, though {loan} is in arrears again: {row}"
                continue
            for loan_id in (row.loan_id, *row.covers):
                loan = self._reference.loans[loan_id]
                assert not loan.is_stopped, f"not taken back, though the arrears of {loan_id} are over: {row}"
                held = stopping(self.holds.kinds(loan_id, now), row.channel, row.purpose)
                assert held == [], f"not taken back, though {loan_id} is held ({held}): {row}"
            loan = self._reference.loans[row.loan_id]
            if row.step in STEPS:
                place = (row.episode, row.entry_no, row.stage)
                assert place == (loan.episode, loan.entry_no, loan.stage), f"of a stage that was left: {row}"
        asked = {row.request_id for row in rows if row.status == "open"}
        assert asked == self.open_requests.keys()
        tasked = {row.task_id for row in rows if row.status == "tasked"}
        assert tasked <= self._open_tasks, "waits for tasks that have ended"

    async def _check_tasks(self, now: datetime) -> None:
        rows = await self._stand.rows("SELECT * FROM task WHERE status = 'open'")
        assert {row.task_id for row in rows} == self._open_tasks
        for row in rows:
            if row.kind not in _CONTACTS:
                continue
            assert self._reference.loans[row.loan_id].is_open, f"a task about arrears that are over: {row}"
            held = stopping(self.holds.kinds(row.loan_id, now), row.kind, "collection")
            assert held == [], f"a task under {held}: {row}"

    async def _check_holds(self, now: datetime) -> None:
        rows = await self._stand.rows(
            "SELECT * FROM hold WHERE lifted_at IS NULL AND (until IS NULL OR until > :now)", now=now
        )
        kept: dict[str, set[tuple[str, str]]] = {}
        for row in rows:
            kept.setdefault(row.loan_id, set()).add((row.hold_id, row.kind))
        told = {loan: self.holds.active(loan, now) for loan in self.holds.by_loan}
        assert kept == {loan: active for loan, active in told.items() if active}
        persons = await self._stand.rows(
            "SELECT borrower_id, kind FROM person_hold WHERE lifted_at IS NULL AND (until IS NULL OR until > :now)",
            now=now,
        )
        for person in persons:
            for loan in self._reference.loans.values():
                if loan.borrower_id == person.borrower_id and loan.is_open:
                    assert person.kind in self.holds.kinds(loan.loan_id, now), (
                        f"{loan} is not held as {person}"
                    )

    async def _check_agreements(self, now: datetime) -> None:
        for table, where, kind in (
            ("promise", "status = 'open'", "promise_open"),
            ("plan", "state = 'active'", "plan_active"),
        ):
            rows = await self._stand.rows(f"SELECT loan_id FROM {table} WHERE {where} ORDER BY 1")
            loans = [row.loan_id for row in rows]
            assert len(loans) == len(set(loans)), f"two of a loan in {table}: {loans}"
            held = {loan for loan in self._reference.loans if kind in self.holds.kinds(loan, now)}
            # Once the arrears are over there is nothing to keep away; they come back, and the hold with them.
            kept = {loan for loan in loans if kind == "plan_active" or self._reference.loans[loan].is_open}
            assert kept <= held <= set(loans), f"{table} and its holds differ: {loans}, {held}"
        assert await self._stand.rows(_MISJUDGED) == []

    async def finish(self) -> None:
        """Every decision kept comes out again as it was, and what is done once an episode was."""
        once = [step for step, act in STEPS.items() if act.once]
        assert await self._stand.rows(_ONCE, once=once) == []
        names = ", ".join(StageEntry.__dataclass_fields__)
        entries = [
            StageEntry(**row._mapping) for row in await self._stand.rows(f"SELECT {names} FROM stage_entry")
        ]
        for entry in entries:
            assert entry.to_stage == stage_of(entry.dpd), entry

        async def look(tx: Tx) -> None:
            decisions = []
            for borrower in {loan.borrower_id for loan in self._reference.loans.values()}:
                loans = [loan.loan_id for loan in self._reference.loans.values()]
                decisions += await decisions_about(
                    tx,
                    borrower,
                    loans,
                    since=datetime.min.replace(tzinfo=tx.now.tzinfo),
                    before=None,
                    limit=10_000,
                )
            digests = [digest for each in entries for digest in (each.policy_digest, each.holds_digest)]
            bodies = await policy_bodies(
                tx, [*digests, *(d for each in decisions for d in each.policy_digests)]
            )
            for each in entries:
                again = recompute(each, bodies)
                assert again.agrees, (each, again.differences)
            for decision in decisions:
                made = make_again(decision, bodies)
                assert made.agrees, (decision, made.differences)

        await self._stand.runtime.run(look)
