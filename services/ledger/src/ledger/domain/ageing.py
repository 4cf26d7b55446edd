"""Which days count: due dates moved off holidays, and days between dates without the paused ones.

Days are proleptic ordinals (`date.toordinal`), so that the inner loops of the fold are integer arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from ledger.domain.facts import HolidayRule, Pause, Terms

FOREVER: Final = date.max.toordinal() + 1
# No calendar closes longer than this; one that does is a mistake and must not hang the ledger.
_LONGEST_CLOSURE_DAYS: Final = 60

Span = tuple[int, int]
Spans = tuple[Span, ...]


def effective_due(due: int, terms: Terms) -> int:
    """The day from which days count: the due day, or the next business day where the contract says so."""
    if terms.holiday_rule is HolidayRule.NONE or terms.calendar is None:
        return due
    is_business_day = terms.calendar.is_business_day
    for day in range(due, due + _LONGEST_CLOSURE_DAYS):
        if is_business_day(date.fromordinal(day)):
            return day
    return due


def paused_spans(pauses: Iterable[Pause], resumed_on: Iterable[date] = ()) -> Spans:
    """Pauses as disjoint half-open spans in order; overlaps count once, a resume ends those running then."""
    resumes = [on.toordinal() for on in resumed_on]
    cut = []
    for pause in pauses:
        begin = pause.from_on.toordinal()
        end = pause.to_on.toordinal() if pause.to_on else FOREVER
        cut.append((begin, min([end, *(on for on in resumes if on >= begin)])))
    return united(cut)


def united(spans: Iterable[Span]) -> Spans:
    """The same days as disjoint spans in order."""
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif begin < end:
            merged.append((begin, end))
    return tuple(merged)


def counted_days(begin: int, end: int, spans: Spans) -> int:
    """Days of [begin, end) that no pause covers; negative when `end` is before `begin`."""
    days = end - begin
    for paused_from, paused_to in spans:
        overlap = min(end, paused_to) - max(begin, paused_from)
        if overlap > 0:
            days -= overlap
    return days


def day_reached(begin: int, days: int, spans: Spans) -> int:
    """The first day on which `days` days since `begin` have been counted; FOREVER if a pause has no end."""
    reached = begin + days
    for paused_from, paused_to in spans:
        if paused_to <= begin:
            continue
        if paused_from >= reached:
            break
        reached += paused_to - max(begin, paused_from)
        if reached >= FOREVER:
            return FOREVER
    return reached


def span_at(day: int, spans: Spans) -> Span | None:
    """The pause that covers the day, if any."""
    for span in spans:
        if span[0] <= day < span[1]:
            return span
    return None
