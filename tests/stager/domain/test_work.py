"""What comes first and who gets it: every part of the score, and both sides of each preference."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from spine.calendars import load_calendars
from stager.domain.agencies import Agency
from stager.domain.scoring import ScoreFacts, rank_of, score, score_on
from stager.domain.shifts import day_type_of, next_try
from stager.domain.tasks import Task, TaskState
from stager.domain.team import Member, NotAllowed, SamePerson, require, require_other
from stager.domain.work_policy import Deadline, WorkPolicy, faults_of_work
from stager.domain.worklist import Worker, assign
from stager.policy import load_rulebook

POLICY: WorkPolicy = load_rulebook().work.editions[-1].policy
STAGES = ["DUE", "S1", "S2", "S3", "S4"]
TODAY = date(2026, 11, 16)
NOW = datetime(2026, 11, 16, 2, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
CHINA = load_calendars()["CN"]

FACTS = ScoreFacts(
    kind="call",
    dpd_zero_on=TODAY - timedelta(days=10),
    stage="S1",
    overdue_minor=0,
    exponent=2,
    broken_promises=0,
    late=False,
)


def total(**facts: object) -> int:
    return score(replace(FACTS, **facts), POLICY, TODAY).total  # type: ignore[arg-type]


def test_each_part_of_the_score_counts() -> None:
    base = total()
    assert base == 20
    assert total(dpd_zero_on=TODAY - timedelta(days=11)) == base + 2
    assert total(stage="S2") == base + 120
    assert total(broken_promises=2) == base + 120
    assert total(late=True) == base + 2000
    assert total(kind="call_back") == base + 1000
    assert total(priority=7) == base + 7


@pytest.mark.parametrize(
    ("minor", "exponent", "points"),
    [
        (99_999, 2, 0),
        (100_000, 2, 20),
        (499_999, 2, 20),
        (500_000, 2, 60),
        (999, 0, 0),
        (1_000, 0, 20),
        (999_999, 3, 0),
        (1_000_000, 3, 20),
    ],
)
def test_amounts_are_weighed_in_units_of_their_currency(minor: int, exponent: int, points: int) -> None:
    assert total(overdue_minor=minor, exponent=exponent) == total() + points


def test_the_order_of_two_tasks_is_the_same_on_every_day() -> None:
    old, new = replace(FACTS, dpd_zero_on=TODAY - timedelta(days=30)), replace(FACTS, stage="S2")
    first = rank_of(old, POLICY), rank_of(new, POLICY)
    for days in (0, 1, 365):
        day = TODAY + timedelta(days=days)
        on_day = score(old, POLICY, day).total, score(new, POLICY, day).total
        assert (score_on(first[0], POLICY, day), score_on(first[1], POLICY, day)) == on_day
        assert (first[0] < first[1]) == (on_day[0] > on_day[1])


def a_task(kind: str = "call", case_id: str = "C1", **facts: object) -> TaskState:
    task = Task(
        task_id=f"T-{case_id}-{kind}",
        kind=kind,
        borrower_id="B1",
        loan_id="L1",
        case_id=case_id,
        due_at=NOW,
        skill=POLICY.kind(kind).skill,
        **{name: value for name, value in facts.items() if name == "region"},  # type: ignore[arg-type]
    )
    locale, agency = facts.get("locale"), facts.get("agency_id")
    return TaskState(
        task,
        locale=str(locale) if locale else None,
        rank=0,
        policy_digest="",
        opened_at=NOW,
        agency_id=str(agency) if agency else None,
    )


def a_worker(member_id: str, load: int = 0, *, away: bool = False, **facts: object) -> Worker:
    known = Member(member_id, frozenset({"collector"}), capacity=10)
    return Worker(replace(known, **facts), load, away)  # type: ignore[arg-type]


def given_to(state: TaskState, *workers: Worker, owner: str | None = None) -> str | None:
    [one] = assign([state], workers, {"C1": owner} if owner else {}, POLICY)
    return one.member_id


def test_the_owner_comes_first_whatever_their_load_unless_away() -> None:
    busy, idle = a_worker("M1", 10), a_worker("M2")
    assert given_to(a_task(), busy, idle, owner="M1") == "M1"
    assert given_to(a_task(), a_worker("M1", away=True), idle, owner="M1") == "M2"
    # What is not the owner's work goes by load.
    assert given_to(a_task("verification"), busy, idle, owner="M1") == "M2"


def test_place_and_language_come_before_load() -> None:
    near = a_worker("M1", 9, regions=frozenset({"CN-31"}))
    far = a_worker("M2", 0, regions=frozenset({"CN-11"}))
    anywhere = a_worker("M3", 5)
    assert given_to(a_task(region="CN-31"), near, far, anywhere) == "M1"
    assert given_to(a_task(region="CN-31"), far, anywhere) == "M3"
    assert given_to(a_task(region="CN-31"), far) == "M2"
    speaks = a_worker("M4", 9, locales=frozenset({"en"}))
    assert given_to(a_task(locale="en"), far, speaks) == "M4"


def test_a_required_region_leaves_others_out() -> None:
    strict = msgspec.structs.replace(
        POLICY, assignment=msgspec.structs.replace(POLICY.assignment, region="required")
    )
    far = a_worker("M2", regions=frozenset({"CN-11"}))
    [one] = assign([a_task(region="CN-31")], [far], {}, strict)
    assert (one.member_id, one.why) == (None, "nobody_fits")


def test_of_those_who_fit_the_least_loaded_gets_it_and_none_beyond_their_room() -> None:
    assert given_to(a_task(), a_worker("M1", 3), a_worker("M2", 2)) == "M2"
    assert given_to(a_task(), a_worker("M1", 9)) == "M1"
    assert given_to(a_task(), a_worker("M1", 10)) is None
    given = assign([a_task(case_id=f"C{n}") for n in range(3)], [a_worker("M1", 8)], {}, POLICY)
    assert [one.member_id for one in given] == ["M1", "M1", None]
    assert [one.owns for one in given] == [True, True, False]


def test_skill_role_and_agency_are_no_matter_of_preference() -> None:
    assert given_to(a_task("visit"), a_worker("M1")) is None
    assert given_to(a_task("visit"), a_worker("M1", skills=frozenset({"visit"}))) == "M1"
    assert given_to(a_task(), a_worker("M1", roles=frozenset({"analyst"}))) is None
    partner = a_worker("X1", roles=frozenset({"agency"}), agency_id="AG1")
    assert given_to(a_task(), partner) is None
    assert given_to(a_task(agency_id="AG1"), a_worker("M1"), partner) == "X1"
    assert given_to(a_task(agency_id="AG2"), a_worker("M1"), partner) is None


def test_deadlines_count_hours_or_business_days() -> None:
    assert Deadline(hours=24).after(NOW, SHANGHAI, CHINA) == NOW + timedelta(hours=24)
    # Due on Friday 20th: the end of Tuesday 24th.
    friday = datetime(2026, 11, 20, 2, tzinfo=UTC)
    assert Deadline(business_days=2).after(friday, SHANGHAI, CHINA) == datetime(2026, 11, 24, 16, tzinfo=UTC)


def test_day_types_know_make_up_days() -> None:
    assert day_type_of(date(2026, 10, 10), CHINA) == "workday"
    assert day_type_of(date(2026, 10, 11), CHINA) == "weekend"
    assert day_type_of(date(2026, 10, 1), CHINA) == "public_holiday"
    assert next_try(NOW, POLICY, SHANGHAI, CHINA) == datetime(2026, 11, 17, 1, tzinfo=UTC)


def test_roles_and_two_pairs_of_eyes() -> None:
    lead = Member("L1", frozenset({"lead"}))
    require(lead, "lead", "compliance")
    with pytest.raises(NotAllowed, match="compliance"):
        require(lead, "compliance")
    with pytest.raises(SamePerson):
        require_other("L1", lead, "lead")
    require_other("M1", lead, "lead")


def test_an_agency_is_reviewed_every_year() -> None:
    agency = Agency("AG1", "Lawful Collections", "active", True, TODAY - timedelta(days=366))
    agency.check_ready(POLICY, TODAY)
    with pytest.raises(Exception, match="not reviewed"):
        agency.check_ready(POLICY, TODAY + timedelta(days=1))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"kinds": {"call": POLICY.kind("call")}}, "kinds.visit: missing"),
        ({"outcomes": {}}, "outcomes.busy: missing"),
        ({"hours": {"workday": (("09:00", "12:00"), ("12:00", "18:00"))}}, "hours.workday"),
        ({"score": msgspec.structs.replace(POLICY.score, stages={"S9": 1})}, "score.stages.S9"),
    ],
)
def test_a_policy_that_cannot_be_is_told_what_is_wrong(change: dict[str, object], fault: str) -> None:
    assert list(faults_of_work(POLICY, STAGES)) == []
    # What is missing from the outcomes is told before the results are looked at.
    faults = faults_of_work(msgspec.structs.replace(POLICY, **change), STAGES)
    assert fault in next(each for each in faults if each.startswith(fault.split(":")[0]))
