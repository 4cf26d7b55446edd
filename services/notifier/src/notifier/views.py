"""What the REST door shows: masked addresses, never names, and the words of a decision's rules."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from notifier.domain.decision import Verdict
from notifier.sending.states import Attempt, Message
from notifier.store.decisions import DecisionRow
from notifier.store.kill_switch import Switch


class MessageView(BaseModel):
    """One message; `due_at` is when it will be decided again while it is planned."""

    message_id: str
    request_id: str
    borrower_id: str
    loan_id: str
    channel: str
    purpose: str
    stage: str
    step: str
    template: str
    status: str
    requested_at: datetime
    due_at: datetime
    expires_at: datetime
    attempt_no: int


class MessagePage(BaseModel):
    """One page; `next_cursor` is null on the last."""

    messages: list[MessageView]
    next_cursor: str | None


class AttemptView(BaseModel):
    """One attempt at the gateway; `to` is masked."""

    client_ref: str
    status: str
    at: datetime
    not_after: datetime
    gateway: str
    gateway_id: str | None
    code: str | None
    contact_ref: str
    to: str | None
    template_version: int
    body_sha256: str


class MessageDetail(MessageView):
    """A message with its attempts, the first first."""

    attempts: list[AttemptView]


class RuleView(BaseModel):
    """One rule that spoke against sending."""

    id: str
    verdict: str
    until: datetime | None = None
    citation: str | None = None


class PackView(BaseModel):
    """A policy pack by name, version and digest."""

    name: str
    version: str
    digest: str


class WhyView(BaseModel):
    """A decision as it was taken and what comes of its facts today.

    `agrees`: true or false where it could be recomputed, else null, and `note` says why not.
    """

    message_id: str
    attempt_no: int
    decided_at: datetime
    judged_at: datetime
    verdict: str
    until: datetime | None
    rules: list[RuleView]
    packs: list[PackView]
    facts_digest: str | None
    engine: str
    agrees: bool | None
    note: str | None


class WhyPage(BaseModel):
    """The decisions about a message, the newest first."""

    decisions: list[WhyView]


class PolicyView(BaseModel):
    """The packs a decision was made by; none where a closed gate decided."""

    packs: list[PackView]


class AnswerView(BaseModel):
    """A decision as it is answered. `until`: with defer the least instant that satisfies every rule; with review
    the instant from which an approval is valid."""

    verdict: Verdict
    until: datetime | None = None
    rules: list[RuleView]
    policy: PolicyView
    facts_digest: str | None = None


class CheckView(AnswerView):
    """Whether a contact may be made now: with allow until `valid_until`, at the address `contact_ref` names."""

    valid_until: datetime | None = None
    contact_ref: str | None


class PermitView(CheckView):
    """The answer to one who asked for a permit."""

    permit_id: str
    granted: bool


class PartyTaken(BaseModel):
    """What became of a borrower's event."""

    source: str
    id: str
    outcome: Literal["accepted", "known"]


class ReceiptsTaken(BaseModel):
    """How many receipts were new, and how many name attempts that are not ours."""

    received: int
    new: int
    unknown: int


class SwitchView(BaseModel):
    """One switch: `scope` is `all` or a channel. `under_way`: messages reserved before that are being handed
    over just now; once stopped it only falls, and at 0 it is silent."""

    scope: str
    stopped: bool
    changed_by: str | None
    approved_by: str | None
    changed_at: datetime
    under_way: int


class SwitchesView(BaseModel):
    """Every switch."""

    switches: list[SwitchView]


def message_view(message: Message) -> MessageView:
    """A message as it is shown."""
    return MessageView(
        message_id=message.id,
        request_id=message.request_id,
        borrower_id=message.borrower_id,
        loan_id=message.loan_id,
        channel=message.channel,
        purpose=message.purpose,
        stage=message.stage,
        step=message.step,
        template=message.template,
        status=message.state.value,
        requested_at=message.requested_at,
        due_at=message.due_at,
        expires_at=message.expires_at,
        attempt_no=message.attempt_no,
    )


def attempt_view(attempt: Attempt, to: str | None) -> AttemptView:
    """An attempt as it is shown."""
    return AttemptView(
        client_ref=attempt.client_ref,
        status=attempt.state.value,
        at=attempt.at,
        not_after=attempt.not_after,
        gateway=attempt.gateway,
        gateway_id=attempt.gateway_id,
        code=attempt.code,
        contact_ref=attempt.contact_ref,
        to=to,
        template_version=attempt.template_version,
        body_sha256=attempt.body_sha256,
    )


def why_view(row: DecisionRow, agrees: bool | None, note: str | None) -> WhyView:
    """A decision as it is shown."""
    return WhyView(
        message_id=row.message_id,
        attempt_no=row.attempt_no,
        decided_at=row.at,
        judged_at=row.judged_at,
        verdict=row.verdict,
        until=row.until,
        rules=[RuleView(id=r.id, verdict=r.verdict, until=r.until, citation=r.citation) for r in row.rules],
        packs=[PackView(name=p.name, version=p.version, digest=p.digest) for p in row.policy],
        facts_digest=row.facts_digest,
        engine=row.engine,
        agrees=agrees,
        note=note,
    )


def switch_view(switch: Switch, under_way: int) -> SwitchView:
    """A switch as it is shown."""
    return SwitchView(
        scope=switch.scope,
        stopped=switch.stopped,
        changed_by=switch.changed_by,
        approved_by=switch.approved_by,
        changed_at=switch.changed_at,
        under_way=under_way,
    )
