"""What must be in order before a first contact: each item on both sides of its edge."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from stager.domain.preparation import (
    Preparation,
    PreparationFacts,
    PreparationPolicy,
    PreparationStatus,
    asks_a_person,
    faults_of_preparation,
    keeps_waiting,
    missing_items,
)
from stager.policy import load_rulebook

TODAY = date(2026, 11, 11)
POLICY = load_rulebook().preparations.editions[0].policy
SINCE = datetime(2026, 11, 11, 2, tzinfo=UTC)


def facts(**known: Any) -> PreparationFacts:
    return PreparationFacts(
        **{
            "loan_id": "L1",
            "episode": 1,
            "stage": "S1",
            "today": TODAY,
            "dpd": 1,
            "parts_minor": (90_000, 10_000, 0, 135, 0),
            "total_minor": 100_135,
            "holds": (),
            "profile": True,
            "closed_through": TODAY - timedelta(days=1),
            "script": True,
            **known,
        }
    )


@pytest.mark.parametrize(
    ("known", "missing"),
    [
        ({}, ()),
        ({"total_minor": 100_136}, ("figures",)),
        ({"total_minor": 100_134}, ("figures",)),
        ({"parts_minor": (0, 0, 0, 0, 0), "total_minor": 0}, ("figures",)),
        ({"dpd": None}, ("figures",)),
        ({"dpd": 0}, ()),
        ({"holds": ("verification",)}, ("figures",)),
        ({"holds": ("dispute",)}, ()),
        ({"profile": False}, ("profile",)),
        ({"script": False}, ("script",)),
        ({"script": False, "waived": ("script",)}, ()),
        ({"unmade": ("overdue_notice",)}, ("documents",)),
        ({"unmade": ("overdue_notice",), "waived": ("documents",)}, ()),
        ({"closed_through": None}, ("books",)),
        ({"closed_through": TODAY - timedelta(days=2)}, ("books",)),
        ({"closed_through": TODAY}, ()),
        ({"profile": False, "closed_through": None}, ("books", "profile")),
        ({"profile": False, "waived": ("profile",)}, ()),
        # What nobody may waive stays missing.
        ({"dpd": None, "waived": ("figures",)}, ("figures",)),
    ],
)
def test_what_is_missing(known: dict[str, Any], missing: tuple[str, ...]) -> None:
    assert missing_items(facts(**known), POLICY) == missing


@pytest.mark.parametrize(
    ("missing", "channel", "waits"),
    [
        ((), "sms", False),
        (("documents",), "sms", True),
        (("documents",), "letter", False),
        (("documents", "books"), "letter", True),
    ],
)
def test_only_a_letter_does_not_wait_for_itself(missing: tuple[str, ...], channel: str, waits: bool) -> None:
    assert keeps_waiting(missing, channel) is waits


@pytest.mark.parametrize(
    ("hours", "task_id", "asks"), [(23.99, None, False), (24, None, True), (24, "T1", False)]
)
def test_a_person_is_asked_once_it_has_waited_long_enough(
    hours: float, task_id: str | None, asks: bool
) -> None:
    waiting = Preparation(
        loan_id="L1",
        episode=1,
        borrower_id="B1",
        case_id="C1",
        status=PreparationStatus.WAITING,
        missing=("profile",),
        since_at=SINCE,
        decided_at=SINCE,
        facts="{}",
        facts_digest="",
        policy_digest="",
        task_id=task_id,
    )
    assert asks_a_person(waiting, POLICY, SINCE + timedelta(hours=hours)) is asks


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"requires": ("books", "books")}, "requires"),
        ({"requires": ("books",)}, "waivable.profile"),
        ({"waived_by": ()}, "waived_by"),
    ],
)
def test_a_policy_that_cannot_work_is_refused(change: dict[str, Any], fault: str) -> None:
    known = msgspec.structs.asdict(POLICY)
    found = list(faults_of_preparation(PreparationPolicy(**{**known, **change})))
    assert found and found[0].startswith(fault)
    assert list(faults_of_preparation(POLICY)) == []
