"""When steps are due: at their local times, on their grid of days, never in the past, through DST too."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stager.domain.planning import (
    Planned,
    expires_at,
    first_due,
    local_instant,
    moved_to_zone,
    newest_due,
    next_due,
    plan_stage,
)
from stager.domain.strategy import Slot, Step, When
from stager.policy import load_rulebook

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
TEN = Slot(at="10:00", until="22:00")
NIGHT = Slot(at="02:30", until="03:30")
ENTERED = date(2026, 3, 6)


def repeating(from_day: int = 0, every_days: int = 1) -> Step:
    when = When(from_day=from_day, slot="s", every_days=every_days)
    return Step(id="step", channel="sms", template="t", purpose="collection", when=when)


def single(from_day: int = 0) -> Step:
    when = When(from_day=from_day, slot="s")
    return Step(id="step", channel="sms", template="t", purpose="collection", when=when, once="episode")


def at(day: date, hour: int, minute: int = 0, zone: ZoneInfo = SHANGHAI) -> datetime:
    return local_instant(day, time(hour, minute), zone)


def test_the_first_stage_is_planned_from_its_first_day() -> None:
    strategy = load_rulebook().strategies.on(ENTERED).policy
    now = at(ENTERED, 0, 10)
    planned = {
        step.id: due.due_at
        for step, due in plan_stage(strategy, "S1", from_on=ENTERED, firsts=True, zone=SHANGHAI, now=now)
    }
    assert planned == {
        "warm-reminder": at(ENTERED, 10),
        "soft-reminder": at(ENTERED + timedelta(days=3), 10),
        "follow-up-call": at(ENTERED + timedelta(days=2), 14),
    }


def test_first_steps_are_left_out_later() -> None:
    strategy = load_rulebook().strategies.on(ENTERED).policy
    planned = plan_stage(strategy, "S1", from_on=ENTERED, firsts=False, zone=SHANGHAI, now=at(ENTERED, 0, 10))
    assert [step.id for step, _ in planned] == ["soft-reminder", "follow-up-call"]


def test_a_repeated_step_keeps_its_grid_however_late_it_is_planned() -> None:
    step = repeating(from_day=3, every_days=3)
    late = at(ENTERED + timedelta(days=7), 15)
    assert first_due(step, TEN, ENTERED, SHANGHAI, late) == Planned(2, at(ENTERED + timedelta(days=9), 10))


def test_a_single_step_takes_the_next_slot_when_its_own_has_passed() -> None:
    late = at(ENTERED, 15)
    assert first_due(single(), TEN, ENTERED, SHANGHAI, late) == Planned(
        0, at(ENTERED + timedelta(days=1), 10)
    )
    assert first_due(single(), TEN, ENTERED, SHANGHAI, at(ENTERED, 10)).due_at == at(ENTERED, 10)


def test_a_single_step_tried_again_counts_its_tries() -> None:
    again = next_due(single(), TEN, ENTERED, 0, SHANGHAI, at(ENTERED, 10))
    assert again == Planned(1, at(ENTERED + timedelta(days=1), 10))


def test_of_ten_missed_occurrences_the_newest_counts() -> None:
    due = Planned(0, at(ENTERED, 10))
    now = at(ENTERED + timedelta(days=10), 11)
    newest = newest_due(repeating(), TEN, ENTERED, due, SHANGHAI, now)
    assert newest == Planned(10, at(ENTERED + timedelta(days=10), 10))
    assert next_due(repeating(), TEN, ENTERED, 10, SHANGHAI, now).occurrence == 11


def test_a_contact_is_wanted_until_the_slot_closes() -> None:
    due = Planned(0, at(ENTERED, 10))
    assert expires_at(repeating(), TEN, ENTERED, due, SHANGHAI) == at(ENTERED, 22)
    assert expires_at(single(), TEN, ENTERED, due, SHANGHAI) == at(ENTERED, 22)


def test_local_times_are_kept_across_dst() -> None:
    # New York moves its clocks on 2026-03-08 and on 2026-11-01.
    step = repeating()
    spring = [
        first_due(step, TEN, date(2026, 3, 7), NEW_YORK, at(date(2026, 3, day), 0, 0, NEW_YORK)).due_at
        for day in (7, 8, 9)
    ]
    assert [due.astimezone(UTC).hour for due in spring] == [15, 14, 14]
    autumn = at(date(2026, 11, 1), 10, 0, NEW_YORK)
    assert first_due(step, TEN, date(2026, 10, 31), NEW_YORK, autumn - timedelta(hours=1)).due_at == autumn


def test_a_time_that_dst_skips_is_taken_after_the_gap() -> None:
    day = date(2026, 3, 8)
    due = first_due(repeating(), NIGHT, day, NEW_YORK, at(day, 0, 0, NEW_YORK))
    assert due.due_at.astimezone(NEW_YORK).time() == time(3, 30)


def test_another_zone_moves_what_is_planned_to_the_local_time_there() -> None:
    due = Planned(0, at(ENTERED, 10))
    moved = moved_to_zone(single(), TEN, ENTERED, due, old=SHANGHAI, new=NEW_YORK, now=at(ENTERED, 0, 10))
    assert moved == Planned(0, at(ENTERED, 10, 0, NEW_YORK))
    # Told at 12:00 New York that it is Shanghai: 10:00 there has passed, so the next one counts.
    back = moved_to_zone(
        repeating(), TEN, ENTERED, moved, old=NEW_YORK, new=SHANGHAI, now=at(ENTERED, 12, 0, NEW_YORK)
    )
    assert back == Planned(1, at(ENTERED + timedelta(days=1), 10))


ZONES = st.sampled_from(
    [
        "Asia/Shanghai",
        "America/New_York",
        "Europe/London",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Asia/Beirut",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "Pacific/Kiritimati",
    ]
).map(ZoneInfo)
INSTANTS = st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
MINUTES = st.integers(0, 23 * 60 + 58)


@st.composite
def slots(draw: st.DrawFn) -> Slot:
    opens = draw(MINUTES)
    closes = draw(st.integers(opens + 1, 23 * 60 + 59))
    return Slot(at=f"{opens // 60:02}:{opens % 60:02}", until=f"{closes // 60:02}:{closes % 60:02}")


STEPS = st.one_of(
    st.builds(repeating, st.integers(0, 40), st.integers(1, 30)), st.builds(single, st.integers(0, 40))
)
DAYS_BACK = st.integers(-5, 400)


def _local_or_after_gap(due_at: datetime, slot: Slot, zone: ZoneInfo) -> bool:
    local = due_at.astimezone(zone)
    if local.time() == slot.opens:
        return True
    wall = datetime.combine(local.date(), slot.opens, zone)
    skipped = wall.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall.replace(tzinfo=None)
    return skipped or local.date() != wall.astimezone(UTC).astimezone(zone).date()


@given(step=STEPS, slot=slots(), zone=ZONES, now=INSTANTS, back=DAYS_BACK)
def test_the_first_occurrence_is_never_past_and_at_the_local_time(
    step: Step, slot: Slot, zone: ZoneInfo, now: datetime, back: int
) -> None:
    from_on = now.astimezone(zone).date() - timedelta(days=back)
    due = first_due(step, slot, from_on, zone, now)
    assert due.due_at >= now
    assert _local_or_after_gap(due.due_at, slot, zone)
    if step.every_days is not None:
        day = from_on + timedelta(days=step.from_day + due.occurrence * step.every_days)
        assert due.due_at == local_instant(day, slot.opens, zone)
        earlier = day - timedelta(days=step.every_days)
        assert due.occurrence == 0 or local_instant(earlier, slot.opens, zone) < now


@given(step=STEPS, slot=slots(), zone=ZONES, now=INSTANTS, back=DAYS_BACK, gap_hours=st.integers(0, 400))
def test_what_follows_is_later_and_what_was_missed_is_one(
    step: Step, slot: Slot, zone: ZoneInfo, now: datetime, back: int, gap_hours: int
) -> None:
    from_on = now.astimezone(zone).date() - timedelta(days=back)
    due = first_due(step, slot, from_on, zone, now)
    woken = due.due_at + timedelta(hours=gap_hours)
    newest = newest_due(step, slot, from_on, due, zone, woken)
    following = next_due(step, slot, from_on, newest.occurrence, zone, woken)
    assert due.due_at <= newest.due_at <= woken < following.due_at
    assert following.occurrence > newest.occurrence >= due.occurrence
    if step.every_days is not None:
        assert following.occurrence == newest.occurrence + 1


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
def test_nothing_shipped_becomes_due_outside_eight_to_ten(zone: str) -> None:
    strategy = load_rulebook().strategies.on(ENTERED).policy
    for stage in strategy.stages:
        for step, due in plan_stage(
            strategy, stage, from_on=ENTERED, firsts=True, zone=ZoneInfo(zone), now=at(ENTERED, 0)
        ):
            local = due.due_at.astimezone(ZoneInfo(zone))
            closes = expires_at(step, strategy.slot_of(step), ENTERED, due, ZoneInfo(zone))
            assert 8 <= local.hour < 22
            assert closes.astimezone(ZoneInfo(zone)).time() <= time(22)
