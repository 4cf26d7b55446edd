"""The table of holds, kind by kind: what each stops and lets through, how long it lasts, who ends it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from spine.policy import load_policy
from stager.domain.hold_policy import KINDS, HoldPolicy, faults_of_holds
from stager.domain.hold_why import hold_decision, recompute_hold
from stager.domain.holding import HoldFacts, HoldVerdict, decide_hold, with_days_off
from stager.domain.person_holds import PersonHold
from stager.policy import load_rulebook
from stager.store.policies import canonical_text

SHANGHAI = ZoneInfo("Asia/Shanghai")
RULEBOOK = load_rulebook()
EDITION = RULEBOOK.holds.on(date(2026, 11, 24))
POLICY = EDITION.policy
#: A Friday, 11:00 in Shanghai.
FRIDAY = datetime(2026, 11, 20, 3, tzinfo=UTC)

#: By kind: what it stops and what stays allowed, as (channel, purpose, party).
STOPPED = [
    ("verification", ("sms", "collection", "debtor"), ("sms", "service", "debtor")),
    ("dispute", ("call", "collection", "debtor"), ("email", "reply_to_inbound", "debtor")),
    ("payment_claim", ("sms", "reminder_due", "debtor"), ("sms", "service", "debtor")),
    ("promise_open", ("call", "collection", "debtor"), ("sms", "reminder_due", "debtor")),
    ("plan_active", ("wechat", "collection", "debtor"), ("sms", "reminder_due", "debtor")),
    ("cease", ("sms", "service", "debtor"), ("letter", "statutory_notice", "debtor")),
    ("attorney", ("letter", "statutory_notice", "debtor"), ("letter", "collection", "attorney")),
    ("breathing_space", ("sms", "reminder_due", "debtor"), ("letter", "statutory_notice", "debtor")),
    ("bereavement", ("call", "service", "debtor"), ("letter", "collection", "heir")),
    ("vulnerable", ("ai_call", "collection", "debtor"), ("call", "collection", "debtor")),
    ("complaint_open", ("call", "collection", "debtor"), ("call", "reply_to_inbound", "debtor")),
    ("fraud_claim", ("sms", "collection", "debtor"), ("email", "reply_to_inbound", "debtor")),
    ("insolvency", ("sms", "collection", "debtor"), ("letter", "statutory_notice", "debtor")),
    ("legal", ("call", "collection", "debtor"), ("letter", "statutory_notice", "debtor")),
]


@pytest.mark.parametrize(("kind", "stopped", "allowed"), STOPPED)
def test_a_kind_stops_this_and_lets_that_through(
    kind: str, stopped: tuple[str, str, str], allowed: tuple[str, str, str]
) -> None:
    assert POLICY.stopping([kind], *stopped) == kind
    assert POLICY.stopping([kind], *allowed) is None


def test_every_kind_is_in_the_cases() -> None:
    assert {kind for kind, _, _ in STOPPED} == KINDS == POLICY.kinds.keys()


def test_what_one_hold_allows_another_stops() -> None:
    assert POLICY.stopping(["promise_open", "dispute"], "sms", "reminder_due") == "dispute"
    assert POLICY.stopping(["promise_open", "plan_active"], "sms", "reminder_due") is None


@pytest.mark.parametrize(
    ("effect", "kinds"),
    [
        (
            HoldPolicy.blocking_promotion,
            "verification dispute payment_claim promise_open plan_active breathing_space bereavement fraud_claim",
        ),
        (HoldPolicy.blocking_referral, "plan_active breathing_space bereavement vulnerable fraud_claim"),
        (HoldPolicy.blocking_credit_report, "dispute breathing_space fraud_claim"),
    ],
)
def test_what_these_kinds_keep_from_happening(effect: object, kinds: str) -> None:
    assert callable(effect)
    assert {kind for kind in KINDS if effect(POLICY, [kind]) == kind} == set(kinds.split())


def test_interest_and_figures_under_each_kind() -> None:
    assert [kind for kind in sorted(KINDS) if POLICY.kinds[kind].freezes_interest] == ["breathing_space"]
    shown = {kind: POLICY.figures([kind]) for kind in KINDS if POLICY.figures([kind])}
    assert shown == {
        "verification": ("flagged",),
        "dispute": ("flagged",),
        "fraud_claim": ("flagged",),
        "payment_claim": ("provisional",),
        "plan_active": ("by_plan",),
    }
    assert POLICY.skills_needed(["vulnerable", "fraud_claim", "dispute"]) == ("fraud", "vulnerable")


def test_holds_about_the_person() -> None:
    personal = {kind for kind in KINDS if POLICY.kinds[kind].scope == "person"}
    assert personal == set(
        ["cease", "attorney", "breathing_space", "bereavement", "vulnerable", "fraud_claim", "insolvency"]
    )


def placing(kind: str, at: datetime = FRIDAY, **changes: object) -> HoldFacts:
    facts = HoldFacts(act="place", kind=kind, zone=SHANGHAI.key, counted_from=at)
    return msgspec.structs.replace(facts, **changes)


def decide(facts: HoldFacts) -> HoldVerdict:
    return decide_hold(with_days_off(facts, POLICY, RULEBOOK.calendars), POLICY)


def last_day(verdict: HoldVerdict) -> date:
    """The last day on which it holds."""
    assert verdict.until is not None
    return (verdict.until - timedelta(microseconds=1)).astimezone(SHANGHAI).date()


@pytest.mark.parametrize(
    ("facts", "last"),
    [
        (placing("payment_claim"), date(2026, 11, 25)),
        # The last instant of Friday, and the first of Saturday: both count from Monday.
        (placing("payment_claim", datetime(2026, 11, 20, 15, 59, 59, tzinfo=UTC)), date(2026, 11, 25)),
        (placing("payment_claim", datetime(2026, 11, 20, 16, tzinfo=UTC)), date(2026, 11, 25)),
        # The last instant of Sunday still counts from Monday, the first of Monday from Tuesday.
        (placing("payment_claim", datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC)), date(2026, 11, 25)),
        (placing("payment_claim", datetime(2026, 11, 22, 16, tzinfo=UTC)), date(2026, 11, 26)),
        (placing("breathing_space"), date(2027, 1, 19)),
        (placing("breathing_space", ground="adviser_announced"), date(2026, 12, 20)),
        (
            placing("breathing_space", ground="treatment", treatment_ended_on=date(2026, 12, 31)),
            date(2027, 1, 30),
        ),
    ],
)
def test_how_long_it_lasts(facts: HoldFacts, last: date) -> None:
    assert last_day(decide(facts)) == last


@pytest.mark.parametrize("kind", sorted(KINDS - {"payment_claim", "breathing_space"}))
def test_other_kinds_last_until_something_ends_them(kind: str) -> None:
    assert decide(placing(kind)).until is None


def test_a_treatment_that_goes_on_has_no_end_yet() -> None:
    assert decide(placing("breathing_space", ground="treatment")).until is None
    asked = placing("breathing_space", act="extend", ground="treatment", roles=("compliance",))
    assert decide(asked).missing == ("treatment_ended_on",)
    known = msgspec.structs.replace(asked, treatment_ended_on=date(2026, 12, 31))
    assert last_day(decide(known)) == date(2027, 1, 30)


def test_a_person_states_no_end_beyond_that_of_the_kind_but_the_ledger_may() -> None:
    own = decide(placing("payment_claim")).until
    assert own is not None
    by_hand = placing("payment_claim", roles=("collector",), until=own)
    assert decide(by_hand).until == own
    later = msgspec.structs.replace(by_hand, until=own + timedelta(seconds=1))
    assert decide(later).missing == ("until",)
    assert decide(msgspec.structs.replace(later, roles=None)).until == own + timedelta(seconds=1)


def extending(kind: str, until: datetime, **changes: object) -> HoldFacts:
    facts = placing(kind, act="extend", until=until, roles=("lead",), has_proof=True)
    return msgspec.structs.replace(facts, **changes)


def test_a_claim_is_extended_once_by_three_more_business_days_with_proof() -> None:
    until = decide(placing("payment_claim")).until
    assert until is not None
    assert last_day(decide(extending("payment_claim", until))) == date(2026, 11, 30)
    assert decide(extending("payment_claim", until, has_proof=False)).missing == ("proof",)
    again = decide(extending("payment_claim", until, extensions=1))
    assert (again.until, again.refusal is not None) == (None, True)
    assert decide(extending("payment_claim", until, roles=("analyst",))).needs_role != ()


def test_an_adviser_announced_gets_thirty_more_days_the_plain_breathing_space_none() -> None:
    until = decide(placing("breathing_space", ground="adviser_announced")).until
    assert until is not None
    longer = decide(extending("breathing_space", until, ground="adviser_announced"))
    assert last_day(longer) == date(2027, 1, 19)
    assert decide(extending("breathing_space", until)).refusal is not None


@pytest.mark.parametrize(
    ("kind", "who", "findings", "missing"),
    [
        ("verification", "lead", (), ("findings.verified",)),
        ("verification", "lead", ("verified",), ()),
        ("dispute", "lead", ("verified",), ("findings.answered",)),
        ("dispute", "lead", ("answered", "verified"), ()),
        ("payment_claim", "compliance", (), ()),
        ("cease", "lead", (), ("findings.restarted",)),
        ("cease", "lead", ("restarted",), ()),
        ("attorney", "lead", (), ()),
        ("breathing_space", "compliance", (), ()),
        ("bereavement", "lead", (), ("findings.representative",)),
        ("bereavement", "lead", ("representative",), ()),
        ("vulnerable", "lead", (), ("findings.review",)),
        ("vulnerable", "lead", ("review",), ()),
        ("complaint_open", "compliance", (), ("findings.answered",)),
        ("complaint_open", "compliance", ("answered",), ()),
        ("fraud_claim", "compliance", ("answered",), ("findings.finding",)),
        ("fraud_claim", "compliance", ("finding",), ()),
        ("insolvency", "compliance", (), ("findings.court_closing",)),
        ("insolvency", "compliance", ("court_closing",), ()),
        ("legal", "compliance", ("court_closing",), ()),
    ],
)
def test_what_must_be_on_record_before_it_is_lifted(
    kind: str, who: str, findings: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    verdict = decide(placing(kind, act="lift", roles=(who,), findings=findings))
    assert (verdict.missing, verdict.refusal is None) == (missing, not missing)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("role", ["collector", "analyst", "engineer", "agency"])
def test_who_collects_lifts_nothing(kind: str, role: str) -> None:
    findings = tuple(POLICY.kinds[kind].lifting_needs)
    verdict = decide(placing(kind, act="lift", roles=(role,), findings=findings))
    assert verdict.refusal is not None
    assert verdict.needs_role == tuple(POLICY.kinds[kind].lifted_by)


@pytest.mark.parametrize("kind", ["promise_open", "plan_active"])
@pytest.mark.parametrize("act", ["place", "lift"])
def test_nobody_places_or_lifts_by_hand_what_was_agreed(kind: str, act: str) -> None:
    everybody = ("agency", "analyst", "collector", "compliance", "engineer", "lead")
    assert decide(placing(kind, act=act, roles=everybody)).refusal is not None
    assert decide(placing(kind, act=act)).refusal is None


@pytest.mark.parametrize("kind", ["legal", "insolvency"])
def test_courts_are_no_collectors_word(kind: str) -> None:
    assert decide(placing(kind, roles=("collector",))).needs_role == ("lead", "compliance")
    assert decide(placing(kind, roles=("lead",))).refusal is None


def test_a_decision_is_made_again_from_what_is_kept_and_a_change_is_seen() -> None:
    facts = with_days_off(placing("payment_claim"), POLICY, RULEBOOK.calendars)
    assert date(2026, 11, 21) in facts.days_off
    verdict = decide_hold(facts, POLICY)
    person = PersonHold("H1", "B1", "payment_claim", FRIDAY, verdict.until, None, None)
    decision = hold_decision(person, facts, verdict, EDITION.digest)
    bodies = {EDITION.digest: canonical_text(POLICY)}
    assert recompute_hold(decision, bodies) == (verdict, ())
    assert recompute_hold(decision, {})[1] == (f"policy {EDITION.digest} is not kept",)
    other = msgspec.structs.replace(decision_facts(decision.facts), kind="dispute")
    forged = hold_decision(person, other, verdict, EDITION.digest)
    assert [what.split(":")[0] for what in recompute_hold(forged, bodies)[1]] == ["rule", "verdict"]


def decision_facts(text: str) -> HoldFacts:
    return msgspec.json.decode(text, type=HoldFacts)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"scope": "person", "ends_with_arrears": True}, "does not end with the arrears"),
        ({"lifting_needs": ["verified"], "lifted_by": []}, "nobody may lift it"),
        ({"ends_after": {"days": 3, "business_days": 3}}, "either days or business_days"),
        ({"ends_after": {}}, "either days or business_days"),
        ({"extension": {"days": 3, "by": ["lead"]}}, "no end that could be extended"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(change: dict[str, object], fault: str) -> None:
    table = msgspec.to_builtins(POLICY)
    table["kinds"]["dispute"] |= change
    faults = list(faults_of_holds(msgspec.convert(table, HoldPolicy)))
    assert len(faults) == 1
    assert fault in str(faults[0])


def test_a_table_kept_from_before_there_were_roles_still_reads() -> None:
    text = "name: holds\nversion: 1\neffective_from: 2020-01-01\ncitation: house\nkinds:\n"
    text += "".join(f"  {kind}: {{blocks: all}}\n" for kind in sorted(KINDS))
    old = load_policy(HoldPolicy, text, path="holds.yaml").policy
    assert list(faults_of_holds(old)) == []
    assert old.stopping(["dispute"], "sms", "service") == "dispute"
