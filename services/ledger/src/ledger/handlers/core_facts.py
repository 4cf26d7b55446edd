"""Takes core banking's events into the books: one transaction for a batch, from whichever door it came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from ledger.books import Answer, Books, Outcome, Refusal
from ledger.contract import KeptTerms
from ledger.identity import body_hash
from ledger.policy import House
from ledger.store import day, facts, feeds, intake, loans, summaries
from ledger.store.intake import Key
from spine.database import Tx
from spine.deadletters import Rejected, put_aside
from spine.outbox import emit
from spine.service import Received
from spine.topics import partition_of

_HEARD_EVERY: Final = timedelta(minutes=1)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class Intake:
    """What `take` needs besides the events."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.terms = KeptTerms(house.calendars, house.zone)
        self._heard: dict[str, datetime] = {}

    def newly_heard(self, sources: Iterable[str], now: datetime) -> set[str]:
        """Publishers not noted within the last minute: noting each batch would make batches wait for another."""
        fresh = {source for source in sources if now - self._heard.get(source, _LONG_AGO) >= _HEARD_EVERY}
        self._heard.update(dict.fromkeys(fresh, now))
        return fresh


async def take_in(tx: Tx, events: Sequence[Received], *, to: Intake) -> None:
    """The consumer's handler: as `take`; who was refused is in the dead letters."""
    await take(tx, events, to=to)


async def take(tx: Tx, events: Sequence[Received], *, to: Intake) -> list[Answer]:
    """Takes a batch in, in order, and answers for each event.

    The same event again changes nothing. An event that contradicts the books, or the first event of its id,
    is put aside and the loan held. What comes too early waits.
    """
    open_on = await day.hold_open_date(tx, to.house)
    keys = [_key(event) for event in events]
    hashes = [body_hash(event.envelope, event.event, event.body) for event in events]
    first: dict[Key, bytes] = {}
    for key, hash_ in zip(keys, hashes, strict=True):
        if _can_be_kept(key):
            first.setdefault(key, hash_)
    taken = await intake.remember(tx, first)
    noted = {key: hash_ for key, hash_ in first.items() if key not in taken}
    known = all(taken.get(key) == hash_ for key, hash_ in zip(keys, hashes, strict=True))
    books = await _open_books(tx, () if known else events, open_on, to)
    refusals = books.written.refusals
    answers = []
    for event, key, hash_ in zip(events, keys, hashes, strict=True):
        seen = len(refusals)
        answer = _answer(books, event, hash_, taken.get(key))
        if len(refusals) > seen:
            # One that waited and was refused when it was let in may come again, in this very batch.
            for released in _waited(refusals[seen:]):
                taken.pop(released, None)
        if answer.outcome is Outcome.ACCEPTED or answer.outcome is Outcome.PARKED:
            taken[key] = hash_
        answers.append(answer)
    await _correct(tx, noted, taken, books.written.refusals)
    await _save(tx, books)
    await feeds.heard(tx, to.newly_heard({source for source, _ in first}, tx.now), books.written.heartbeats)
    return answers


def _key(received: Received) -> Key:
    return received.envelope.source, received.envelope.id


def _can_be_kept(key: Key) -> bool:
    """Whether an event's identity can be kept at all; PostgreSQL knows no NUL."""
    source, id_ = key
    return "\x00" not in source and "\x00" not in id_


async def _open_books(tx: Tx, events: Sequence[Received], open_on: date, to: Intake) -> Books:
    """The books with the loans of these events at hand, locked in order."""
    if not events:
        return Books(to.house, open_on, {}, {}, tx.now)
    loan_ids = {event.event.subject for event in events if event.event.subject}
    accounts = await loans.accounts(tx, await loans.lock(tx, loan_ids), to.terms)
    return Books(to.house, open_on, accounts, await intake.parked_of(tx, loan_ids), tx.now)


def _answer(books: Books, event: Received, hash_: bytes, before: bytes | None) -> Answer:
    if not _can_be_kept(_key(event)):
        return books.refuse(
            event, Answer(Outcome.REFUSED, "bad_schema", "id, source: a NUL is not allowed", "id")
        )
    if before is None:
        return books.take(event)
    if before == hash_:
        return Answer(Outcome.KNOWN)
    message = f"event {event.envelope.id} of {event.envelope.source} was taken in with another body"
    return books.refuse(event, Answer(Outcome.REFUSED, "conflict", message, "id"))


def _waited(refusals: Sequence[Refusal]) -> list[Key]:
    """Those of the refused events that had waited."""
    return [_key(each.received) for each in refusals if each.was_parked]


async def _correct(
    tx: Tx, noted: Mapping[Key, bytes], taken: Mapping[Key, bytes], refusals: Sequence[Refusal]
) -> None:
    """Makes the inbox say what was really taken in: what was refused may come again, corrected."""
    wrong = {*_waited(refusals), *(key for key, hash_ in noted.items() if taken.get(key) != hash_)}
    await intake.forget(tx, sorted(wrong))
    if corrected := {key: taken[key] for key in wrong if key in taken}:
        await intake.remember(tx, corrected)


async def _save(tx: Tx, books: Books) -> None:
    """Keeps and tells all that the batch changed."""
    written, looked_at = books.written, books.looked_at()
    await summaries.insert(tx, [account for account in looked_at if account.terms is not None])
    await summaries.update(tx, [account for account in looked_at if account.terms is None])
    await facts.insert_amendments(tx, written.amendments)
    await facts.save_marked(tx, books.accounts.values())
    await intake.insert_repayments(tx, written.repayments)
    await intake.reverse_repayments(tx, written.reversals)
    await intake.unpark(tx, written.unparked)
    await intake.park(tx, written.parked)
    for event, cause in written.events:
        emit(tx, event, cause=cause)
    for refusal in written.refusals:
        await put_aside(tx, None, _rejected(tx, refusal))


def _rejected(tx: Tx, refusal: Refusal) -> Rejected:
    """The dead letter of a refused event. Its key is the loan's own borrower, so that the hold finds the loan."""
    received, answer = refusal.received, refusal.answer
    partition = received.partition
    if received.offset < 0 and refusal.borrower_id is not None:
        partition = partition_of(refusal.borrower_id, tx.partitions)
    return Rejected(
        topic=received.topic,
        partition=partition,
        offset=received.offset,
        key=refusal.borrower_id,
        subject=received.event.subject,
        type=received.envelope.type,
        code=answer.code or "refused",
        message=answer.message or "",
        body=received.body,
        headers=received.envelope.headers(),
    )
