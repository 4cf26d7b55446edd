"""When a message must have left: never within the margin of a window's end, never later than promised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.domain.decide import decide, next_window_end
from notifier.domain.decision import Decision, Verdict
from notifier.domain.facts import ContactFacts
from notifier.domain.pack import Pack


@dataclass(frozen=True, slots=True)
class Margins:
    """Business-time bounds: `handover` from the decision to the last instant at the recipient's network, and
    what is kept free before a window ends (the longest pause, a request's deadline, the clocks' error)."""

    window: timedelta
    handover: timedelta


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision, the instant it is about, and when a message it allows must have been handed on."""

    decision: Decision
    judged_at: datetime
    not_after: datetime


def judge(
    facts: ContactFacts, packs: tuple[Pack, ...], now: datetime, expires_at: datetime, margins: Margins
) -> Judged:
    """Decides for now; where a window ends within the margin, as if it had ended."""
    decision = decide(facts, packs, now)
    not_after = min(now + margins.handover, expires_at)
    if decision.verdict is not Verdict.ALLOW:
        return Judged(decision, now, not_after)
    end = next_window_end(facts, packs, now)
    if end is None:
        return Judged(decision, now, not_after)
    if end - margins.window <= now:
        after = decide(facts, packs, end)
        if after.verdict is not Verdict.ALLOW:
            return Judged(after, end, not_after)
        return Judged(decision, now, min(not_after, end))
    return Judged(decision, now, min(not_after, end - margins.window))
