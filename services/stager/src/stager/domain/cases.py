"""What the stager knows: cases, episodes of arrears, stage entries, timers, requests and holds."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from stager.domain.figures import Figures

_NAMESPACE = uuid.UUID("6d2c9a57-5f0e-4e0e-8f43-0d1d5a2a7c11")


def stable_id(*parts: object) -> str:
    """The same parts give the same id: what is done twice is found to be done."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(map(str, parts))))


def said_hold_id(kind: str, contact_id: str) -> str:
    """The hold of what was said in a contact: disputed, or claimed to be paid."""
    return stable_id("hold", kind, contact_id)


class EndOfArrears(StrEnum):
    """How an episode ended. `settled`: everything is paid; `closed` and `sold` are core banking's own word."""

    CURED = "cured"
    SETTLED = "settled"
    CLOSED = "closed"
    SOLD = "sold"


class RequestStatus(StrEnum):
    """What became of an occurrence of a step."""

    OPEN = "open"
    DONE = "done"
    WITHDRAWN = "withdrawn"
    SKIPPED = "skipped"
    #: A person does it: the task says what becomes of it.
    TASKED = "tasked"


@dataclass(frozen=True, slots=True)
class Case:
    """All loans in arrears of one borrower: one conversation. `case_no` counts the borrower's cases."""

    case_id: str
    borrower_id: str
    case_no: int
    opened_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Episode:
    """One run of arrears of a loan, from overdue to cured or settled.

    `judged_on` is the business date of the last stage decision, `judge_on` the one from which the next close
    may change the stage. `steps_from_on` is the local date from which the steps of the stage count their
    days. `ledger_seq` numbers the newest fact of the ledger in here, `stop_seq` the newest stop fact known
    ahead of its turn. `taken_over_on`: the cut-over with which the loan came, already in arrears;
    `awaits_start`: it is in a stage, but its borrower has no day yet on which the steps begin. `bounced_on`: when
    money that had ended it was last found to be taken back.
    """

    loan_id: str
    episode: int
    borrower_id: str
    partition: int
    case_id: str
    opened_on: date
    figures: Figures
    ledger_seq: int
    judge_on: date | None
    judged_on: date | None = None
    stage: str | None = None
    entry_no: int = 0
    entered_on: date | None = None
    steps_from_on: date | None = None
    stages_seen: tuple[str, ...] = ()
    bounced: bool = False
    closed_on: date | None = None
    close_reason: str | None = None
    stop_seq: int = 0
    taken_over_on: date | None = None
    awaits_start: bool = False
    bounced_on: date | None = None

    @property
    def is_open(self) -> bool:
        """Whether the arrears go on."""
        return self.closed_on is None

    @property
    def is_stopped(self) -> bool:
        """Whether the end of the arrears is known ahead of its turn."""
        return self.stop_seq > self.ledger_seq

    def is_judged_on(self, as_of: date, *, everyone: bool = False) -> bool:
        """Whether a close looks at the episode: its time has come, or that of `everyone`, and no later close has
        looked before."""
        its_time = everyone or (self.judge_on is not None and self.judge_on <= as_of)
        return its_time and (self.judged_on is None or self.judged_on <= as_of)

    def is_reopened_by(self, figures: Figures) -> bool:
        """Whether the money that ended the episode was taken back, so that the old arrears go on."""
        return (
            self.bounced
            and self.closed_on is not None
            and figures.dpd_zero_on is not None
            and figures.dpd_zero_on < self.closed_on
        )


@dataclass(frozen=True, slots=True)
class StageEntry:
    """A loan entered a stage, with the facts and policies that decided it. `facts` is canonical JSON."""

    loan_id: str
    episode: int
    entry_no: int
    borrower_id: str
    case_id: str
    from_stage: str | None
    to_stage: str
    first_time: bool
    dpd: int
    as_of: date
    rule: str
    policy_digest: str
    holds_digest: str
    engine: str
    facts: str
    facts_digest: str
    entered_at: datetime

    @property
    def is_demotion(self) -> bool:
        """Whether the loan moved down into the stage."""
        return self.rule.startswith("demotion/")


@dataclass(frozen=True, slots=True)
class StepTimer:
    """The next occurrence of a step of the stage a loan is in."""

    loan_id: str
    episode: int
    entry_no: int
    step: str
    borrower_id: str
    occurrence: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ContactStep:
    """One occurrence of a step that was decided: asked for (`request_id` is told), or skipped and why.

    `covers`: further loans that the contact is about; `covered_by`: the contact that is about this loan too.
    `task_id`: a person does it.
    """

    request_id: str
    loan_id: str
    episode: int
    entry_no: int
    step: str
    occurrence: int
    borrower_id: str
    case_id: str
    stage: str
    channel: str
    template: str
    purpose: str
    due_at: datetime
    decided_at: datetime
    expires_at: datetime
    status: RequestStatus
    reason: str | None
    strategy_digest: str
    covers: tuple[str, ...] = ()
    covered_by: str | None = None
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class FailedDebit:
    """The last debit of a loan that failed, and why: what a collector should know before the next try."""

    loan_id: str
    borrower_id: str
    transit_id: str
    reason: str
    failed_at: datetime
    ledger_seq: int


@dataclass(frozen=True, slots=True)
class Hold:
    """What stops collection of a loan for a while; active in [placed_at, until) unless lifted.

    `origin`: the recorded contact that caused it, or what it is about at the ledger; then `ledger_seq` numbers the
    newest fact of the ledger in here. `findings`: canonical JSON of what was found, where the kind asks for it.
    `ground`: under which of the kind's grounds. `person_hold_id`: the hold on the person that it follows.
    """

    hold_id: str
    loan_id: str
    borrower_id: str
    kind: str
    placed_at: datetime
    until: datetime | None
    freezes_interest: bool
    origin: str | None
    reason: str | None
    lifted_at: datetime | None = None
    ended_by: str | None = None
    lift_reason: str | None = None
    ledger_seq: int | None = None
    placed_by: str | None = None
    lifted_by: str | None = None
    findings: str | None = None
    ground: str | None = None
    extensions: int = 0
    extended_at: datetime | None = None
    extended_by: str | None = None
    extension_proof: str | None = None
    person_hold_id: str | None = None

    def is_active(self, now: datetime) -> bool:
        """Whether it holds at this instant."""
        return self.lifted_at is None and (self.until is None or now < self.until)
