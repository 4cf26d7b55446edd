"""A loan at hand while facts are booked: what is known of it, what was last said, and what changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

from ledger import emits
from ledger.domain.book import fold
from ledger.domain.facts import LoanFacts
from ledger.domain.position import position, position_of
from ledger.domain.statement_check import Statement
from ledger.domain.transit import Transit
from ledger.domain.transitions import next_candidate_on
from ledger.standing import Standing, changes
from spine.events.registry import Event


@dataclass(slots=True)
class Account:
    """A loan at hand: its facts, and its standing as last told. `terms` is set on new loans only.

    `next_look_on`: the first later date on which the standing may change by itself, once looked at.
    `transits` by id, those that are over included; `statement`: the newest that was checked. `has_facts`: whether
    facts besides opening and money are kept.
    """

    facts: LoanFacts
    standing: Standing
    version: int
    terms: str | None = None
    has_facts: bool = False
    transits: dict[str, Transit] = field(default_factory=dict)
    statement: Statement | None = None
    next_look_on: date | None = None
    looked_at: bool = False
    marked: bool = False

    def look(self, as_of: date, *, by_facts: bool, before: LoanFacts | None = None) -> list[Event]:
        """Brings the standing to a date, and says what became true.

        `before`: the facts without the one that has come, as a running pause that now ends on another day moves
        nothing else.
        """
        book = fold(self.facts, as_of)
        now = position_of(book, as_of)
        standing = Standing.of(now)
        what = changes(self.standing, standing, by_facts=by_facts)
        if (
            before is not None
            and standing.frozen_dpd is not None
            and self.standing.in_arrears
            and position(before, as_of).resumes_on != now.resumes_on
        ):
            what = replace(what, changed=True)
        self.standing, self.looked_at = standing, True
        self.next_look_on = next_candidate_on(book, as_of)
        return list(emits.of_changes(self.facts, now, what))
