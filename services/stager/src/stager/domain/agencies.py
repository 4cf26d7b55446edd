"""Partners who collect for the house or go to court for it: who may get a case, and with which facts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from spine.errors import Conflict
from stager.domain.work_policy import WorkPolicy


class AgencyNotReady(Conflict):
    """This agency gets no cases: it is suspended, not listed publicly, or its yearly review is missing."""

    code = "agency_not_ready"


class ReferralTooEarly(Conflict):
    """The case may not be placed yet; what has to happen before is named."""

    code = "referral_too_early"


@dataclass(frozen=True, slots=True)
class Agency:
    """A partner. `listed`: publicly, as the house's agency; `reviewed_on`: the last yearly review."""

    agency_id: str
    name: str
    status: str
    listed: bool
    reviewed_on: date | None
    version: int = 1

    def check_ready(self, policy: WorkPolicy, today: date) -> None:
        """Raises AgencyNotReady unless it may be given a case today."""
        if self.status != "active":
            raise AgencyNotReady(f"agency {self.agency_id} is {self.status}", agency_id=self.agency_id)
        if not self.listed:
            raise AgencyNotReady(f"agency {self.agency_id} is not listed publicly", agency_id=self.agency_id)
        last = timedelta(days=policy.agency_review_days)
        if self.reviewed_on is None or self.reviewed_on + last < today:
            raise AgencyNotReady(
                f"agency {self.agency_id} was not reviewed within {policy.agency_review_days} days",
                agency_id=self.agency_id,
                reviewed_on=self.reviewed_on.isoformat() if self.reviewed_on else None,
            )


@dataclass(frozen=True, slots=True)
class Owner:
    """Who looks after a case: a member, an agency while it is placed there, or both."""

    member_id: str | None = None
    agency_id: str | None = None


@dataclass(frozen=True, slots=True)
class Referral:
    """A case placed with an agency or handed to the lawyers. `pack`: the facts it went with, canonical JSON.

    `data_end`: whether the partner returned or destroyed the data after the recall.
    """

    referral_id: str
    case_id: str
    borrower_id: str
    kind: str
    agency_id: str | None
    pack: str
    pack_digest: str
    policy_digest: str
    placed_at: datetime
    placed_by: str
    recalled_at: datetime | None = None
    recalled_by: str | None = None
    recall_reason: str | None = None
    data_end: str | None = None
    data_ended_at: datetime | None = None


def check_placeable(
    policy: WorkPolicy,
    kind: str,
    stages: Collection[str],
    blocked_by: str | None,
    notice_delivered_at: datetime | None,
) -> None:
    """Raises ReferralTooEarly unless a case with these stages and active holds may be placed.

    `blocked_by`: a hold of the case under which nobody is handed on.
    """
    rule = policy.referrals["agency" if kind == "agency" else "legal"]
    if not set(stages) & set(rule.stages):
        raise ReferralTooEarly(
            f"only from stage {' or '.join(rule.stages)} on", missing="stage", stages=sorted(stages)
        )
    if blocked_by is not None:
        raise ReferralTooEarly(f"held: {blocked_by}", missing="no_hold", hold=blocked_by)
    if rule.notice_delivered and notice_delivered_at is None:
        raise ReferralTooEarly("the overdue notice was not delivered", missing="notice_delivered")
