"""Finds out what became of attempts nobody heard of: asks the gateway, and in the end a person."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog

from notifier.gateways.port import Gateway, Inquiry, QueryResult, State
from notifier.gateways.switchboard import Switchboard
from notifier.handlers.parties import address_place
from notifier.sending.settle import settle
from notifier.sending.transitions import Heard, News
from notifier.store import attempts, gateways
from notifier.store.attempts import Question
from notifier.store.gateways import InquiryRow
from notifier.vault import Vault
from spine.database import Runtime, Tx

log = structlog.get_logger()

_BATCH: Final = 50
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Patience:
    """Wall-clock bounds, in seconds: a sender that lives is done within `lease_s`; a gateway knows what it was
    given after `settle_s`; it is asked again every `again_s`; after `human_after_s` a person has to."""

    lease_s: float
    settle_s: float
    again_s: float
    human_after_s: float
    key_margin_s: float


class Reconciler:
    """The schedule that asks. Nothing is ever repeated here: what may go out again passes the whole gate."""

    def __init__(self, runtime: Runtime, switchboard: Switchboard, vault: Vault, patience: Patience) -> None:
        self._runtime = runtime
        self._gateways = switchboard
        self._vault = vault
        self._patience = patience

    async def run(self) -> int:
        """One round; returns how many attempts it looked into."""
        left = await self._runtime.run(self._take_over)
        patience = self._patience
        questions = await self._runtime.run(
            lambda tx: attempts.claim_questions(tx, again_in_s=patience.again_s, batch=_BATCH)
        )
        if questions:
            limit = asyncio.Semaphore(_AT_ONCE)
            refs = [question.client_ref for question in questions]
            rows = await self._runtime.run(lambda tx: gateways.inquiries(tx, refs))
            answers = await asyncio.gather(
                *(
                    self._ask(question, self.inquiry(rows[question.client_ref]), limit)
                    for question in questions
                )
            )
            heard = [answer for answer in answers if answer is not None]
            if heard:
                await self._runtime.run(lambda tx: settle(tx, heard, settle_s=patience.settle_s))
        return left + len(questions)

    async def _take_over(self, tx: Tx) -> int:
        refs = await attempts.left_behind(tx, lease_s=self._patience.lease_s, batch=_BATCH)
        if refs:
            log.warning("attempts were left behind by their sender", count=len(refs))
            heard = [Heard(ref, News.UNKNOWN, code="sender_lost") for ref in refs]
            await settle(tx, heard, settle_s=self._patience.settle_s)
        return len(refs)

    @property
    def _twice_s(self) -> float:
        """After so long a gateway has been asked at least twice, `again_s` apart."""
        return self._patience.settle_s + self._patience.again_s

    def inquiry(self, row: InquiryRow) -> Inquiry:
        """What the gateway is asked with: opens the address it was written to."""
        to = ""
        if row.subject_key is not None and row.address_cipher is not None:
            to = self._vault.decrypt(row.subject_key, row.address_cipher, address_place(row.contact_ref))
        return Inquiry(row.client_ref, row.idempotency_key, row.gateway_id, row.at, to)

    async def _ask(self, question: Question, asked: Inquiry, limit: asyncio.Semaphore) -> Heard | None:
        gateway = self._gateways.gateway(question.gateway)
        if gateway is not None:
            async with limit:
                told = self._told(question, gateway, await gateway.query(asked))
            if told is not None:
                return told
        if question.unknown_s > self._patience.human_after_s:
            log.error("no one can tell what became of an attempt", client_ref=question.client_ref)
            return Heard(question.client_ref, News.GIVEN_UP)
        return None

    def _told(self, question: Question, gateway: Gateway, answer: QueryResult) -> Heard | None:
        ref = question.client_ref
        alive = question.key_age_s < gateway.key_life_s - self._patience.key_margin_s
        match answer.state:
            case State.ACCEPTED | State.DELIVERED | State.FAILED | State.REJECTED:
                return Heard(ref, News(answer.state.value), answer.gateway_id, answer.code)
            case State.DROPPED:
                return Heard(ref, News.NOT_SENT, answer.gateway_id, answer.code or "dropped")
            case State.NOT_FOUND if not alive and question.unknown_s < self._twice_s:
                # Without a key a new attempt would be a second message: one "not found" may be a slow index.
                return None
            case State.NOT_FOUND:
                # Asked only after `settle_s`: by now the gateway would know. With a live key the first try may
                # even still be on its way: under the same key it stays one message.
                return Heard(ref, News.RESUMABLE if alive else News.NOT_SENT, code="not_found")
            case State.UNKNOWN if alive and not gateway.can_query:
                # No one can be asked, but under the key that still lives it stays one message.
                return Heard(ref, News.RESUMABLE, code="key_alive")
            case State.UNKNOWN:
                return None
