"""What people say and do in the lives of the stager's state machine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from spine.events.contact_log import (
    ComplaintClosed,
    ComplaintOpened,
    DangerReported,
    DeathReported,
    DisputeRaised,
    HardshipReported,
    PaymentClaimed,
    PromiseMade,
)
from spine.events.notifier import (
    PartyChanged,
)
from spine.events.registry import Event
from tests.stager.facts_of_lives import Facts
from tests.stager.life import OWNERS, How
from tests.stager.living import (
    FINDINGS,
    OUTCOMES,
    RESULTS,
    amounts,
    hows,
    loan_ids,
    placed_by_hand,
    some_time,
)
from tests.stager.reference import OF_PERSONS
from tests.stager.test_plans import plan_of


class People(Facts):
    """What is said, messages answered, holds, promises, plans, waivers and tasks."""

    @rule(
        loan_id=loan_ids,
        what=st.sampled_from(
            ["dispute", "claim", "claim", "death", "complaint", "danger", "hardship", "promise"]
        ),
        amount=amounts,
        ahead=st.integers(0, 9),
        early=st.booleans(),
        of_loan=st.booleans(),
        lasts=some_time,
    )
    def is_said(
        self, loan_id: str, what: str, amount: str, ahead: int, early: bool, of_loan: bool, lasts: int
    ) -> None:
        life = self.life
        base: dict[str, Any] = {"borrower_id": OWNERS[loan_id], "contact_id": life.name("K"), "at": life.now}
        on_loan = {**base, "loan_id": loan_id}
        about = on_loan if of_loan else base
        promised = life.today + timedelta(days=ahead)
        events: dict[str, Callable[[], Event]] = {
            "dispute": lambda: DisputeRaised(**on_loan),
            "claim": lambda: PaymentClaimed(**on_loan, amount=amount if of_loan else None),
            "death": lambda: DeathReported(**about),
            "complaint": lambda: ComplaintOpened(**about, complaint_id=f"C-{base['contact_id']}"),
            "danger": lambda: DangerReported(**about, sign="threat"),
            "hardship": lambda: HardshipReported(**on_loan),
            "promise": lambda: PromiseMade(**on_loan, amount=amount, promised_on=promised, verified=True),
        }
        event = events[what]()
        fact = life.tell(event, early=early)
        life.house.run(life.stand.take([fact]))
        life.look()
        held = {
            "dispute": "dispute",
            "claim": "payment_claim",
            "death": "bereavement",
            "complaint": "complaint_open",
            "danger": "vulnerable",
        }.get(what)
        if what == "complaint":
            self.complaints.append((OWNERS[loan_id], f"C-{base['contact_id']}"))
        if held is not None and (what in ("dispute", "claim") or self.is_in_arrears(loan_id)):
            assert held in life.watcher.holds.kinds(loan_id, life.now)
        life.close(lasts)

    @rule(data=st.data())
    def a_complaint_is_answered(self, data: st.DataObject) -> None:
        if self.complaints:
            owner, id_ = data.draw(st.sampled_from(self.complaints))
            self.life.tell(ComplaintClosed(borrower_id=owner, complaint_id=id_, at=self.life.now))

    @rule(data=st.data(), kind=st.sampled_from(OUTCOMES), twice=st.booleans())
    def a_message_is_answered(self, data: st.DataObject, kind: Any, twice: bool) -> None:
        asked = self.life.watcher.open_requests
        if not asked:
            return
        request = asked[data.draw(st.sampled_from(sorted(asked)))]
        names = ("borrower_id", "loan_id", "request_id", "channel", "purpose", "stage", "step", "template")
        same = {name: request[name] for name in names}
        event = kind(**same, message_id=f"M-{request['request_id']}", at=self.life.now, policy="cn")
        del asked[request["request_id"]]
        fact = self.life.tell(event)
        if twice:
            self.life.house.run(self.life.stand.take([fact]))
            self.life.look()

    @rule(
        owner=st.sampled_from(["B1", "B1", "B2"]),
        zone=st.sampled_from([None, "Asia/Urumqi", "America/New_York"]),
        region=st.sampled_from([None, "CN-SH", "CN-XJ"]),
        flags=st.sampled_from([(), (), (), ("elderly",)]),
    )
    def a_profile_is_told(
        self, owner: str, zone: str | None, region: str | None, flags: tuple[str, ...]
    ) -> None:
        self.life.tell(
            PartyChanged(borrower_id=owner, locale="zh-CN", timezone=zone, region=region, vulnerable=flags)
        )

    # -- what people do --------------------------------------------------------------------------------

    @rule(loan_id=loan_ids, kind=placed_by_hand, on_person=st.booleans(), lasts=some_time)
    def a_hold_is_placed(self, loan_id: str, kind: str, on_person: bool, lasts: int) -> None:
        body = {"kind": kind, "by": "carl", "reason": "was told"}
        owner = OWNERS[loan_id]
        if on_person and kind in OF_PERSONS:
            self.life.post(f"/v1/borrowers/{owner}/holds", body, 201)
        else:
            self.life.post(f"/v1/loans/{loan_id}/holds", {**body, "borrower_id": owner}, 201)
        if self.is_in_arrears(loan_id) or not on_person:
            assert kind in self.life.watcher.holds.kinds(loan_id, self.life.now)
        self.life.close(lasts)

    @rule(data=st.data(), all_of_them=st.booleans())
    def holds_are_lifted(self, data: st.DataObject, all_of_them: bool) -> None:
        rows = self.life.rows(
            "SELECT hold_id, loan_id, kind FROM hold WHERE lifted_at IS NULL ORDER BY placed_at"
        )
        if not rows:
            return
        for hold in rows if all_of_them else [data.draw(st.sampled_from(rows))]:
            self._lift(hold)

    def _lift(self, hold: Any) -> None:
        by_facts = hold.kind in ("promise_open", "plan_active")
        findings = {finding: "is on record" for finding in FINDINGS}
        body = {"by": "carl", "reason": "is over", "findings": findings}
        self.life.post(f"/v1/holds/{hold.hold_id}/lift", body, 403 if by_facts else 200)
        gone = all(
            id_ != hold.hold_id for id_, _ in self.life.watcher.holds.active(hold.loan_id, self.life.now)
        )
        assert gone != by_facts

    @rule(
        loan_id=loan_ids,
        kind=st.sampled_from(["full", "full", "partial", "extension_3d"]),
        ahead=st.integers(0, 12),
        agreed=st.booleans(),
        runs_out=st.booleans(),
    )
    def a_promise_is_made(
        self, loan_id: str, kind: str, ahead: int, agreed: bool, runs_out: bool = False
    ) -> None:
        """`runs_out`: nothing more happens until it was judged."""
        case_id, today = self.life.case_of(loan_id), self.life.today
        if case_id is None:
            return
        on = today + timedelta(days=ahead)
        body: dict[str, Any] = {"loan_id": loan_id, "kind": kind, "amount": "1001.35"}
        if kind == "partial":
            body |= {"amount": "600.00", "second_on": str(on + timedelta(days=5))}
        if kind != "extension_3d":
            body |= {"promised_on": str(on)}
        body |= {"by": "anna", "verified": True, "channel": "call", "approved_by": "lena" if agreed else None}
        status, _ = self.life.post(f"/v1/cases/{case_id}/promises", body)
        if status == 201 and runs_out:
            self.life.close(ahead + 6)

    @rule(data=st.data(), amount=amounts, after=st.integers(0, 2), then_not=st.booleans(), how=hows)
    def what_was_promised_is_paid(
        self, data: st.DataObject, amount: str, after: int, then_not: bool, how: How
    ) -> None:
        """Money value-dated about the promised day, whatever became of the promise; `then_not`: it goes back."""
        rows = self.life.rows("SELECT loan_id, promised_on FROM promise ORDER BY made_at, promise_id")
        if not rows:
            return
        made = data.draw(st.sampled_from(rows))
        on = made.promised_on + timedelta(days=after)
        self.money_comes(made.loan_id, amount, max(0, (self.life.open_on - on).days), how)
        if then_not:
            self._take_back(sorted(self.money, key=lambda id_: int(id_[1:]))[-1], how)

    @rule(data=st.data())
    def a_promise_is_cancelled(self, data: st.DataObject) -> None:
        rows = self.life.rows(
            "SELECT case_id, promise_id FROM promise WHERE status = 'open' ORDER BY made_at"
        )
        if rows:
            made = data.draw(st.sampled_from(rows))
            path = f"/v1/cases/{made.case_id}/promises/{made.promise_id}/cancel"
            self.life.post(path, {"by": "anna", "reason": "asked for it"}, 200)

    @rule(loan_id=loan_ids, parts=st.sampled_from([1, 3, 9]), first=st.integers(1, 20), signed=st.booleans())
    def a_plan_is_drawn_up(self, loan_id: str, parts: int, first: int, signed: bool) -> None:
        case_id = self.life.case_of(loan_id)
        if case_id is None:
            return
        due = str(self.life.today + timedelta(days=first))
        ability = {1: "950.00", 3: "400.00", 9: "150.00"}[parts]
        body = plan_of(loan_id=loan_id, instalments=parts, first_due_on=due, ability=ability)
        status, plan = self.life.post(f"/v1/cases/{case_id}/plans", body)
        if status == 201 and signed:
            self.a_plan_moves(plan, "sign")
            self.a_plan_moves(plan, "approve")

    def a_plan_moves(self, plan: dict[str, Any], how: str) -> None:
        body: dict[str, Any] = {
            "sign": {"by": "anna", "signature": "SIG-1"},
            "approve": {"by": "lena"},
            "cancel": {"by": "lena", "reason": "asked for it"},
        }[how]
        self.life.post(f"/v1/cases/{plan['case_id']}/plans/{plan['plan_id']}/{how}", body)

    @rule(data=st.data(), how=st.sampled_from(["sign", "approve", "cancel"]))
    def a_plan_goes_on(self, data: st.DataObject, how: str) -> None:
        rows = self.life.rows("SELECT case_id, plan_id FROM plan ORDER BY proposed_at, plan_id")
        if rows:
            self.a_plan_moves(dict(data.draw(st.sampled_from(rows))._mapping), how)

    @rule(loan_id=loan_ids, on_condition=st.booleans(), how=st.sampled_from(["approve", "refuse"]))
    def a_waiver_is_proposed(self, loan_id: str, on_condition: bool, how: str) -> None:
        case_id = self.life.case_of(loan_id)
        if case_id is None:
            return
        body: dict[str, Any] = {
            "loan_id": loan_id,
            "by": "anna",
            "currency": "CNY",
            "waived": {"penalty": "0.67"},
            "reason": "a first delay",
        }
        if on_condition:
            by = str(self.life.today + timedelta(days=3))
            body |= {"kind": "settlement", "condition": {"amount": "1000.00", "by": by}}
        status, waiver = self.life.post(f"/v1/cases/{case_id}/waivers", body)
        if status == 201:
            said = {"by": "lena", "reason": "no"} if how == "refuse" else {"by": "lena"}
            self.life.post(f"/v1/cases/{case_id}/waivers/{waiver['waiver_id']}/{how}", said)

    @rule(loan_id=loan_ids, item=st.sampled_from(["documents", "profile", "script"]))
    def a_lead_waives(self, loan_id: str, item: str) -> None:
        """The first contact goes without what is missing: its letters, the profile, or the script."""
        if (case_id := self.life.case_of(loan_id)) is not None:
            body = {"loan_id": loan_id, "item": item, "reason": "made on paper", "by": "lena"}
            self.life.post(f"/v1/cases/{case_id}/preparation", body)

    @rule(data=st.data(), result=st.sampled_from(RESULTS), ahead=st.integers(0, 6))
    def a_task_is_done(self, data: st.DataObject, result: str, ahead: int) -> None:
        life = self.life
        rows = life.rows(
            "SELECT task_id, kind, assignee FROM task WHERE status = 'open' ORDER BY due_at, task_id"
        )
        if not rows:
            return
        task = data.draw(st.sampled_from(rows))
        by = [task.assignee or "anna"]
        if task.kind == "visit":
            by = sorted({*by, "anna", "ben"})[:2] if task.assignee in (None, "anna", "ben") else [*by, "anna"]
        for one in by:
            life.post(f"/v1/tasks/{task.task_id}/claim", {"by": one})
        body: dict[str, Any] = {"by": by}
        if task.kind in ("call", "visit", "call_back"):
            body |= {"outcome": "no_answer"}
            if result != "none":
                body |= {"outcome": "conversation", "verified": True, "result": result}
            body |= {"at": life.now.isoformat(), "recording_ref": "rec-1", "permit_id": "p-1"}
        if result == "promise":
            body |= {"amount": "1001.35", "promised_on": str(life.today + timedelta(days=ahead))}
        if result == "call_back":
            body |= {"call_back_at": life.stand.local(life.today + timedelta(days=ahead), 15).isoformat()}
        life.post(f"/v1/tasks/{task.task_id}/complete", body)
