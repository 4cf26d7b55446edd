"""Contact decisions, pure: facts at hand, no parsing and no digest; beside the same rules written out by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from dev.bench.result import Result
from notifier.domain.decide import decide
from notifier.domain.facts import ContactFacts, Party, PastContact
from notifier.domain.pack import Pack
from notifier.policy import load_packs

#: Decisions a round. The processor's time counts, the best of so many rounds: others may be at work on the machine.
DECISIONS: Final = 20_000
_ROUNDS: Final = 5
_TARGET: Final = 20_000
_HISTORY: Final = 5
_NOON: Final = datetime(2026, 11, 24, 4, tzinfo=UTC)
_NIGHT: Final = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
_SHANGHAI: Final = ZoneInfo("Asia/Shanghai")


def measure() -> list[Result]:
    """Calls that may be made, calls at night, calls of a person who was spoken to three times today, and texts."""
    asked = [
        (_call(["no_answer"] * _HISTORY), _NOON),
        (_call(["no_answer"] * _HISTORY), _NIGHT),
        (_call(["conversation"] * _HISTORY), _NOON),
        (_call(["delivered"] * _HISTORY, "sms"), _NOON),
    ]
    bare = _rate(partial(_by_hand, asked))
    told = []
    for names in (["cn"], ["cn", "cn-house"]):
        packs = load_packs(names)
        told.append(
            Result(
                f"decisions, {' and '.join(names)}, {_HISTORY} history entries",
                "decisions/s",
                _rate(partial(_decided, asked, packs)),
                "one window, two counts by hand",
                bare,
                _TARGET if len(names) == 1 else None,
            )
        )
    return told


def _rate(work: Callable[[], object]) -> float:
    best = 0.0
    for _ in range(_ROUNDS):
        started = time.process_time()
        work()
        best = max(best, DECISIONS / (time.process_time() - started))
    return best


def _decided(asked: Sequence[tuple[ContactFacts, datetime]], packs: tuple[Pack, ...]) -> None:
    for _ in range(DECISIONS // len(asked)):
        for facts, now in asked:
            decide(facts, packs, now)


def _by_hand(asked: Sequence[tuple[ContactFacts, datetime]]) -> list[bool]:
    """The window and the two caps of pack cn as somebody would write them once, for a yes or no alone."""
    answers = []
    for _ in range(DECISIONS // len(asked)):
        for facts, now in asked:
            local = now.astimezone(_SHANGHAI)
            today = local.date()
            spoken = unanswered = 0
            for entry in facts.history:
                if entry.direction == "outbound" and entry.at.astimezone(_SHANGHAI).date() == today:
                    spoken += entry.party_id == facts.party.id and entry.outcome in (
                        "conversation",
                        "unknown",
                    )
                    unanswered += entry.address == facts.address and entry.outcome == "no_answer"
            answers.append(8 <= local.hour < 22 and spoken < 3 and unanswered < 6)
    return answers


def _call(outcomes: Sequence[str], channel: str = "call") -> ContactFacts:
    history = tuple(
        PastContact(_NOON - timedelta(minutes=30 * n), channel, outcome, "a1", "p1", "collection", ("l1",))
        for n, outcome in enumerate(outcomes, 1)
    )
    return ContactFacts(
        channel=channel,
        purpose="collection",
        debt="l1",
        party=Party("p1", timezone="Asia/Shanghai"),
        stage="S3",
        address="a1",
        history=history,
    )
