"""Random lives of two borrowers through the stager's own handlers on a real database.

After everything that happens its stages, holds, requests, tasks and agreements are what a simple reference says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

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
from spine.events.ledger import (
    LedgerRepaymentReversed,
    PaymentInTransit,
    PaymentTransitEnded,
    RepaymentReceived,
    StatedArrears,
    StatementMatched,
    StatementMismatch,
)
from spine.events.notifier import (
    MessageAccepted,
    MessageDelivered,
    MessageExpired,
    MessageFailed,
    MessageRejected,
    MessageSuppressed,
    PartyChanged,
)
from spine.events.registry import Event
from tests.databases import DatabaseServer
from tests.stager.figures import loan_cured, loan_settled
from tests.stager.life import OWNERS, House, How, Life, house_on
from tests.stager.reference import OF_PERSONS
from tests.stager.test_plans import plan_of

STEPS: Final = 25
FINDINGS: Final = (
    "verified",
    "answered",
    "finding",
    "representative",
    "review",
    "restarted",
    "court_closing",
)
OUTCOMES: Final = (
    MessageAccepted,
    MessageDelivered,
    MessageFailed,
    MessageSuppressed,
    MessageExpired,
    MessageRejected,
)
RESULTS: Final = (
    "none",
    "none",
    "promise",
    "paid_claim",
    "dispute",
    "complaint",
    "hardship",
    "call_back",
    "threat",
)
# Mostly one loan, so that what happens meets.
loan_ids = st.sampled_from(["L1"] * 4 + ["L2"] * 2 + ["L3"])
# Both sides of every edge of the stages, and days between.
days_past_due = st.sampled_from([1, 2, 5, 29, 30, 31, 32, 45, 59, 60, 61, 75, 89, 90, 91, 120])
hows = st.sampled_from(
    [How()] * 6
    + [How(last=False)] * 2
    + [How(twice=True), How(early=True), How(last=False, early=True), How(late=True)]
)
amounts = st.sampled_from(["1001.35", "1001.35", "1000.00", "400.00"])
placed_by_hand = st.sampled_from(
    ["verification", "dispute", "payment_claim", "complaint_open", "legal", *sorted(OF_PERSONS)]
)
# So many dates close under what has just stopped something: a stage may end meanwhile.
some_time = st.sampled_from([0, 0, 0, 3, 31])
lengths = st.sampled_from([1, 2, 3, 6, 12, 24, 24, 30, 72, 240]).map(lambda hours: timedelta(hours=hours))


class Stager(RuleBasedStateMachine):
    """Two borrowers; one has two loans."""

    house: House

    def __init__(self) -> None:
        super().__init__()
        self.life = Life(self.house)
        #: What the ledger holds: loans in arrears, and money by id.
        self.in_arrears: set[str] = set()
        self.money: dict[str, tuple[str, str]] = {}
        self.transits: dict[str, tuple[str, str]] = {}
        self.complaints: list[tuple[str, str]] = []

    # -- the ledger ------------------------------------------------------------------------------------

    @initialize(days=days_past_due, other=days_past_due, lived=st.sampled_from([0, 0, 1]))
    def begins(self, days: int, other: int, lived: int) -> None:
        self.arrears("L1", days, How(last=False), small=False, came_over=False)
        self.arrears("L2", other, How(), small=False, came_over=False)
        self.life.close(1)
        self.days_go_by(lived)

    @rule(
        loan_id=loan_ids,
        days=days_past_due,
        how=hows,
        small=st.sampled_from([False, False, False, True]),
        came_over=st.sampled_from([False, False, False, True]),
    )
    def arrears(self, loan_id: str, days: int, how: How, small: bool, came_over: bool) -> None:
        if loan_id in self.in_arrears:
            self.life.state(self.life.changed(loan_id, days, small=small), how)
        else:
            self.in_arrears.add(loan_id)
            self.life.state(self.life.overdue(loan_id, days, small=small, came_over=came_over), how)

    @rule(loan_id=loan_ids, how=hows)
    def nothing_counts(self, loan_id: str, how: How) -> None:
        if loan_id in self.in_arrears:
            self.life.state(self.life.changed(loan_id, 0), how)

    @rule(loan_id=loan_ids, how=hows, end=st.sampled_from(["cured", "cured", "paid", "closed", "sold"]))
    def arrears_end(self, loan_id: str, how: How, end: Any) -> None:
        if loan_id not in self.in_arrears:
            return
        self.in_arrears.discard(loan_id)
        owner, on = OWNERS[loan_id], self.life.open_on
        cured = loan_cured(loan_id, owner, as_of=on)
        self.life.state(cured if end == "cured" else loan_settled(loan_id, owner, as_of=on, reason=end), how)

    @rule(loan_id=loan_ids, later=st.integers(0, 3), days=days_past_due)
    def a_cure_bounces(self, loan_id: str, later: int, days: int) -> None:
        """Money that ended the arrears is taken back; the old ones go on, and so do the dates."""
        self.money_comes(loan_id, "1001.35", 0, How())
        self.arrears_end(loan_id, How(), "cured")
        self.life.close(later)
        self._take_back(sorted(self.money, key=lambda id_: int(id_[1:]))[-1], How())
        self.arrears(loan_id, days, How(), small=False, came_over=False)
        self.life.close(1)

    @rule(loan_id=loan_ids, hours=st.sampled_from([5, 10, 24]))
    def the_end_is_heard_ahead(self, loan_id: str, hours: int) -> None:
        """The facts before it are still missing when steps come due."""
        self.arrears_end(loan_id, How(last=False, early=True), "cured")
        self.life.wait(timedelta(hours=hours))

    @rule(loan_id=loan_ids, amount=amounts, ago=st.integers(0, 5), how=hows)
    def money_comes(self, loan_id: str, amount: str, ago: int, how: How) -> None:
        id_ = self.life.name("R")
        self.money[id_] = (loan_id, amount)
        event = RepaymentReceived(
            borrower_id=OWNERS[loan_id],
            loan_id=loan_id,
            repayment_id=id_,
            amount=amount,
            currency="CNY",
            value_date=self.life.open_on - timedelta(days=ago),
            posted_at=self.life.now,
        )
        self.life.state(event, how)

    @rule(data=st.data(), how=hows, days=st.none() | days_past_due)
    def money_is_taken_back(self, data: st.DataObject, how: How, days: int | None) -> None:
        """`days`: what is past due again with it."""
        if not self.money:
            return
        loan_id = self._take_back(data.draw(st.sampled_from(sorted(self.money))), how)
        if days is not None:
            self.arrears(loan_id, days, how, small=False, came_over=False)

    def _take_back(self, id_: str, how: How) -> str:
        loan_id, amount = self.money.pop(id_)
        event = LedgerRepaymentReversed(
            borrower_id=OWNERS[loan_id],
            loan_id=loan_id,
            repayment_id=id_,
            amount=amount,
            currency="CNY",
            reversed_on=self.life.open_on,
            reason="returned",
        )
        self.life.state(event, how)
        return loan_id

    @rule(loan_id=loan_ids, how=hows, matches=st.booleans())
    def a_statement(self, loan_id: str, how: How, matches: bool) -> None:
        stated = StatedArrears(days_past_due=1, overdue_principal="1.00", overdue_interest="0.00")
        facts: dict[str, Any] = {
            "borrower_id": OWNERS[loan_id],
            "loan_id": loan_id,
            "currency": "CNY",
            "as_of": self.life.open_on,
            "stated": stated,
            "ledger": stated,
        }
        event = StatementMatched(**facts) if matches else StatementMismatch(**facts, differences=("dpd",))
        self.life.state(event, how)

    @rule(loan_id=loan_ids, how=hows, kind=st.sampled_from(["pending", "debit"]), hours=st.integers(1, 60))
    def money_is_on_its_way(self, loan_id: str, how: How, kind: Any, hours: int) -> None:
        id_ = self.life.name("T")
        self.transits[id_] = (loan_id, kind)
        event = PaymentInTransit(
            borrower_id=OWNERS[loan_id],
            loan_id=loan_id,
            transit_id=id_,
            kind=kind,
            currency="CNY",
            since=self.life.now,
            until=self.life.now + timedelta(hours=hours),
        )
        self.life.state(event, how)

    @rule(data=st.data(), how=hows, outcome=st.sampled_from(["posted", "failed", "expired"]))
    def it_arrives_or_not(self, data: st.DataObject, how: How, outcome: Any) -> None:
        if not self.transits:
            return
        id_ = data.draw(st.sampled_from(sorted(self.transits)))
        loan_id, kind = self.transits.pop(id_)
        event = PaymentTransitEnded(
            borrower_id=OWNERS[loan_id],
            loan_id=loan_id,
            transit_id=id_,
            kind=kind,  # type: ignore[arg-type]
            outcome=outcome,
            ended_at=self.life.now,
        )
        self.life.state(event, how)

    @rule()
    def late_facts_come(self) -> None:
        late, self.life.late = self.life.late, []
        self.life.batch += late
        self.life.hand_over()

    @rule(which=st.integers(0, 100), closes=st.sampled_from([False, False, True]))
    def a_fact_comes_again(self, which: int, closes: bool) -> None:
        facts = [fact for fact in self.life.history if (fact.envelope.loan_seq is None) == closes]
        if facts:
            self.life.batch.append(facts[-1 - which % len(facts)])
            self.life.hand_over()

    # -- time ------------------------------------------------------------------------------------------

    @rule(days=st.integers(1, 2))
    def days_go_by(self, days: int) -> None:
        for _ in range(days):
            self.life.day_goes_by()

    @rule(days=st.sampled_from([1, 1, 1, 2, 5, 30]))
    def dates_close(self, days: int) -> None:
        self.life.close(days)

    @rule(length=lengths, times=st.integers(1, 3))
    def time_passes(self, length: timedelta, times: int) -> None:
        for _ in range(times):
            self.life.wait(length)

    @rule(times=st.integers(1, 4))
    def what_is_next_comes_due(self, times: int) -> None:
        for _ in range(times):
            self.life.wait_for_what_is_next()

    @rule()
    def the_clock_stands_still(self) -> None:
        self.life.run_timers()

    # -- what is said ----------------------------------------------------------------------------------

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
        if held is not None and (what in ("dispute", "claim") or self._is_in_arrears(loan_id)):
            assert held in life.watcher.holds.kinds(loan_id, life.now)
        life.close(lasts)

    def _is_in_arrears(self, loan_id: str) -> bool:
        return self.life.reference.loans[loan_id].is_open

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
        region=st.sampled_from([None, "CN-31", "CN-65"]),
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
        if self._is_in_arrears(loan_id) or not on_person:
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

    def teardown(self) -> None:
        if self.house.in_order:
            self.life.finish()


@contextmanager
def on_tables(server: DatabaseServer) -> Iterator[type[Stager]]:
    """The machine with one database, emptied before each life."""
    with house_on(server) as made:

        class OnTables(Stager):
            house = made

        yield OnTables


@pytest.mark.timeout(7200)
def test_whatever_happens_no_rule_of_stages_holds_and_steps_is_broken(
    postgres_server: DatabaseServer,
) -> None:
    asked = settings().max_examples
    few = settings(
        # A life takes about a second: 2,000 of them with the nightly profile.
        max_examples=max(15, asked // 5) if asked > 100 else 15,
        stateful_step_count=STEPS,
        suppress_health_check=list(HealthCheck),
        # A failure is shown as it is: to make it small would take longer than to read it.
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
    )
    with on_tables(postgres_server) as machine:
        run_state_machine_as_test(machine, settings=few)


def test_arrears_that_begin_anew_are_held_by_the_promise_still_open(postgres_server: DatabaseServer) -> None:
    """Found: the cure had ended the hold, and only money taken back in between brought it back."""
    with on_tables(postgres_server) as machine:
        life = machine()
        life.begins(5, 31, lived=1)
        life.a_promise_is_made("L1", "full", ahead=7, agreed=False)
        life.arrears_end("L1", How(), "cured")
        assert life.life.watcher.holds.kinds("L1", life.life.now) == set()
        life.arrears("L1", 1, How(), small=False, came_over=False)
        assert life.life.watcher.holds.kinds("L1", life.life.now) == {"promise_open"}
        # It is judged as it would have been, and its hold ends with it.
        life.dates_close(14)
        assert life.life.watcher.holds.kinds("L1", life.life.now) == set()
        life.teardown()


def test_a_letter_that_a_plan_cancels_is_taken_back_with_its_task(postgres_server: DatabaseServer) -> None:
    """Found: the step went on waiting for the task that was cancelled, and what was to follow it never came."""
    with on_tables(postgres_server) as machine:
        life = machine()
        life.begins(75, 75, lived=1)
        letter = life.life.rows("SELECT * FROM contact_request WHERE step = 'overdue-notice'")[0]
        assert letter.status == "tasked"
        life.a_plan_is_drawn_up(letter.loan_id, parts=3, first=10, signed=True)
        [now] = life.life.rows("SELECT * FROM contact_request WHERE request_id = :id", id=letter.request_id)
        assert (now.status, now.reason) == ("withdrawn", "plan_active")
        life.teardown()
