"""Statement checks of a loan at hand: core banking's own figures against the ledger's, until they agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ledger import emits
from ledger.account import Account
from ledger.contract import figures_stated
from ledger.domain.position import position
from ledger.domain.statement_check import CheckState, Tolerance, check
from spine.events.corebanking import ArrearsStated
from spine.events.registry import Event


def take(account: Account, event: ArrearsStated, tolerance: Tolerance) -> Iterator[Event]:
    """Checks a statement and tells the outcome; one older than the newest that was checked says nothing new."""
    stated = figures_stated(event, account.facts.currency)
    known = account.statement
    if known is not None and event.as_of < known.as_of:
        return
    account.statement = check(event.as_of, stated, position(account.facts, event.as_of), tolerance)
    account.marked = True
    yield emits.statement_checked(account.facts, account.statement)


def recheck(account: Account, tolerance: Tolerance) -> Iterator[Event]:
    """Compares a statement that differed once more, now that facts have come; tells when it agrees."""
    known = account.statement
    if known is None or known.state is not CheckState.MISMATCH:
        return
    again = check(known.as_of, known.stated, position(account.facts, known.as_of), tolerance)
    if again == known:
        return
    account.statement = again
    account.marked = True
    if again.state is CheckState.MATCHED or again.differences != known.differences:
        yield emits.statement_checked(account.facts, again)


def resolve(account: Account, resolution: str) -> Iterator[Event]:
    """A person has settled the difference. Resolving what is no mismatch changes nothing."""
    known = account.statement
    if known is None or known.state is not CheckState.MISMATCH:
        return
    account.statement = replace(known, state=CheckState.RESOLVED, resolution=resolution)
    account.marked = True
    yield emits.statement_checked(account.facts, account.statement)
