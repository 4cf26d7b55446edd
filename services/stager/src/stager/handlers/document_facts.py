"""What the ledger stated of a loan becomes the facts of documents, in minor units."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from spine.errors import Conflict
from spine.money import parse_minor
from stager.books import Contract, Item, Lines
from stager.domain.cases import Episode
from stager.domain.documents.facts import (
    ClosureFacts,
    Itemisation,
    LoanFacts,
    NoticeFacts,
    OverdueItem,
)
from stager.domain.documents.parts import COMPONENTS

#: The arrears of these ended with money; a loan that was sold is nobody's here to write about.
_THANKED: Final = frozenset({"cured", "settled", "closed"})


def loan_facts(contract: Contract) -> LoanFacts:
    """The loan of a document."""
    return LoanFacts(
        loan_id=contract.loan_id,
        product=contract.product,
        currency=contract.currency,
        disbursed_minor=parse_minor(contract.principal, contract.currency),
        disbursed_on=contract.opened_on,
        status=contract.status,
    )


def closure_facts(loan: LoanFacts, contract: Contract, episode: Episode) -> ClosureFacts:
    """What a closure letter states: the end of the arrears, as long as they are over."""
    over = not episode.is_open and not episode.is_stopped and episode.close_reason in _THANKED
    outstanding = contract.outstanding_principal
    return ClosureFacts(
        loan,
        episode.closed_on if over and loan.status in ("current", "settled") else None,
        parse_minor(outstanding, loan.currency) if outstanding is not None else None,
    )


def notice_facts(loan: LoanFacts, episode: Episode, lines: Lines | None) -> NoticeFacts:
    """What a notice states of arrears. Raises Conflict when there are none."""
    if lines is None or not episode.is_open or loan.status not in ("overdue", "written_off"):
        raise Conflict(f"loan {loan.loan_id} is not overdue: there is nothing to give notice of")
    unpaid = _unpaid(lines.items, lines.as_of, loan.currency)
    return NoticeFacts(
        loan=loan,
        stage=episode.stage,
        as_of=lines.as_of,
        dpd=lines.dpd,
        items=tuple(_item(each, loan.currency) for each in unpaid),
        **{name: parse_minor(getattr(lines.overdue, name), loan.currency) for name in COMPONENTS},
        total=parse_minor(lines.overdue.total, loan.currency),
        formula=lines.sentences,
        itemised=_itemised(unpaid, loan.currency),
    )


def _unpaid(items: Sequence[Item], as_of: date, currency: str) -> list[Item]:
    return [each for each in items if each.due_on < as_of and parse_minor(each.unpaid.total, currency) > 0]


def _item(item: Item, currency: str) -> OverdueItem:
    return OverdueItem(
        seq=item.id if item.kind == "instalment" else None,
        due_on=item.due_on,
        **{name: parse_minor(getattr(item.unpaid, name), currency) for name in COMPONENTS},
    )


def _itemised(unpaid: Sequence[Item], currency: str) -> Itemisation | None:
    """How what is unpaid came about; None where the ledger does not state it of every item."""
    stated = [(each, each.stated) for each in unpaid if each.stated is not None]
    if len(stated) < len(unpaid) or not unpaid:
        return None
    # A charge that came later is what was added since; the items of the schedule fell due.
    due = [total.total for each, total in stated if each.kind != "charge"]
    added = [total for each, total in stated if each.kind == "charge"]
    accrued = [each.rounded for item in unpaid for each in item.accrued]
    put = [each.amount for item in unpaid for each in (*item.allocations, *item.waived)]

    def minor(*texts: str) -> int:
        return sum(parse_minor(text, currency) for text in texts)

    return Itemisation(
        since_on=min(each.due_on for each in unpaid),
        fell_due=minor(*due),
        interest_added=minor(*accrued, *(each.penalty for each in added)),
        fees_added=minor(*(each.fee for each in added)),
        paid=minor(*put),
    )
