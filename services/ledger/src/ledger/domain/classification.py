"""Asset classification: the class of a loan by days past due, and the observation that follows restructuring."""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from operator import attrgetter

from msgspec.structs import replace

from ledger.domain.ageing import FOREVER, day_reached, effective_due, paused_spans
from ledger.domain.book import fold
from ledger.domain.facts import Instalment, LoanFacts, Reschedule
from ledger.domain.position import LoanStatus, Position
from ledger.domain.schedule import in_order, schedule_on
from ledger.domain.waterfall import INTEREST, PRINCIPAL


class AssetClass(StrEnum):
    """The five classes, each worse than the one before."""

    NORMAL = "normal"
    SPECIAL_MENTION = "special_mention"
    SUBSTANDARD = "substandard"
    DOUBTFUL = "doubtful"
    LOSS = "loss"

    @property
    def rank(self) -> int:
        return _CLASSES.index(self)


_CLASSES = tuple(AssetClass)


class Basis(StrEnum):
    """What the class follows from."""

    DAYS_PAST_DUE = "days_past_due"
    OBSERVATION = "observation"
    WRITTEN_OFF = "written_off"
    NOTHING_OWED = "nothing_owed"


class Awaited(StrEnum):
    """What an observation still waits for."""

    TIME = "time"
    INSTALMENTS = "instalments"


@dataclass(frozen=True, slots=True)
class Band:
    """A class from so many days past due on, until the next band begins."""

    from_dpd: int
    asset_class: AssetClass


@dataclass(frozen=True, slots=True)
class ObservationRule:
    """How long a restructured asset is observed: `months`, and `paid_instalments` one after another.

    `not_restructuring`: reasons of a reschedule, casefolded, that are none. `at_least`: the best class meanwhile.
    """

    months: int
    paid_instalments: int
    at_least: AssetClass
    not_restructuring: frozenset[str]


@dataclass(frozen=True, slots=True)
class Observation:
    """A restructured asset under observation.

    `not_before_on`: when the time is over. `until_on`: the first day on which it is free, None while the
    instalments are not paid. `paid_in_a_row`: the most paid one after another so far.
    """

    since_on: date
    reason: str
    not_before_on: date
    until_on: date | None
    paid_in_a_row: int
    awaits: tuple[Awaited, ...]


@dataclass(frozen=True, slots=True)
class Classification:
    """The class of a loan on a date; None when nothing is owed here any more.

    `band`: the line of the table that the days past due fall into.
    """

    asset_class: AssetClass | None
    basis: Basis
    band: Band | None
    observation: Observation | None


def classify(
    facts: LoanFacts, position: Position, bands: tuple[Band, ...], rule: ObservationRule
) -> Classification:
    """The class of a loan at its position, by a table whose first band begins at 0 days."""
    if position.status in (LoanStatus.SETTLED, LoanStatus.SOLD):
        return Classification(None, Basis.NOTHING_OWED, None, None)
    band = next(band for band in reversed(bands) if band.from_dpd <= position.dpd)
    observation = observation_on(facts, position.as_of, rule)
    if position.status is LoanStatus.WRITTEN_OFF:
        return Classification(AssetClass.LOSS, Basis.WRITTEN_OFF, band, observation)
    if observation is not None and band.asset_class.rank < rule.at_least.rank:
        return Classification(rule.at_least, Basis.OBSERVATION, band, observation)
    return Classification(band.asset_class, Basis.DAYS_PAST_DUE, band, observation)


def observation_on(facts: LoanFacts, as_of: date, rule: ObservationRule) -> Observation | None:
    """The observation that a loan is under on a date. Each restructuring begins it anew."""
    change = last_restructuring(facts, as_of, rule)
    if change is None:
        return None
    time_over_on = _months_later(change.effective_on, rule.months)
    in_a_row, paid_on = _paid_in_a_row(facts, change.effective_on, as_of, rule.paid_instalments)
    until_on = max(time_over_on, paid_on) if paid_on is not None else None
    if until_on is not None and until_on <= as_of:
        return None
    awaits = [Awaited.TIME] if as_of < time_over_on else []
    if paid_on is None:
        awaits.append(Awaited.INSTALMENTS)
    return Observation(change.effective_on, change.reason, time_over_on, until_on, in_a_row, tuple(awaits))


def last_restructuring(facts: LoanFacts, as_of: date, rule: ObservationRule) -> Reschedule | None:
    """The latest reschedule by a date that eases the debt and does not only put the books right."""
    found = None
    for change in in_order(facts.reschedules):
        if change.effective_on <= as_of and change.reason.strip().casefold() not in rule.not_restructuring:
            found = change
    return found


def _paid_in_a_row(facts: LoanFacts, since: date, as_of: date, wanted: int) -> tuple[int, date | None]:
    """The most instalments paid in time one after another since a day, and when the wanted number was reached."""
    standing = _standing(facts, as_of)
    most = run = 0
    for row, last_day in _judged(standing, since, as_of):
        run = run + 1 if _is_paid(standing, row, last_day) else 0
        most = max(most, run)
        if run == wanted:
            return run, last_day
    return most, None


def _judged(facts: LoanFacts, since: date, as_of: date) -> Iterator[tuple[Instalment, date]]:
    """Instalments due after `since` whose grace is over, in order, with the last day on which they are in time.

    One that was replaced before that day is not judged, and neither is one that was added after it.
    """
    paused = paused_spans(facts.pauses, facts.resumed_on)
    terms = facts.terms
    rows = dict.fromkeys(facts.schedule)
    for change in facts.reschedules:
        rows |= dict.fromkeys(change.schedule)
    for row in sorted(rows, key=attrgetter("due_on", "seq")):
        if row.due_on <= since or not row.principal + row.interest:
            continue
        late_from = day_reached(effective_due(row.due_on.toordinal(), terms), terms.grace_days + 1, paused)
        if late_from >= FOREVER:
            continue
        last_day = date.fromordinal(late_from - 1)
        if last_day <= as_of and row in schedule_on(facts, last_day):
            yield row, last_day


def _is_paid(facts: LoanFacts, row: Instalment, last_day: date) -> bool:
    """Whether no more than the tolerance was unpaid of an instalment at the end of a day."""
    for item in fold(facts, last_day).items:
        if item.source == row:
            return item.rests[PRINCIPAL] + item.rests[INTEREST] <= facts.terms.tolerance
    return False


def _standing(facts: LoanFacts, as_of: date) -> LoanFacts:
    """The loan with the money that stood the test of time: what was taken back by `as_of` never paid anything."""
    taken_back = Counter[str]()
    for back in facts.chargebacks:
        if back.on <= as_of:
            taken_back[back.repayment_id] += back.amount
    repayments = [
        replace(each, amount=max(0, each.amount - taken_back[each.id]))
        for each in facts.repayments
        if each.reversed_on is None or each.reversed_on > as_of
    ]
    return replace(facts, repayments=tuple(repayments), chargebacks=())


def _months_later(on: date, months: int) -> date:
    """The same day of a later month, or its last one."""
    year, month = divmod(on.year * 12 + on.month - 1 + months, 12)
    return date(year, month + 1, min(on.day, calendar.monthrange(year, month + 1)[1]))
