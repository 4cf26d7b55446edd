"""What several documents have in common: who they are for, about which loan, what is owed, and the receipt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from spine.documents.model import (
    Block,
    Document,
    Field,
    Fields,
    Heading,
    Locale,
    Paragraph,
    Signatures,
    Signer,
)
from stager.domain.documents.facts import LoanFacts, NoticeFacts
from stager.domain.documents.policy import DocumentKind, DocumentPolicy
from stager.domain.documents.stated import amount, check_sum, day, known

COMPONENTS: Final = ("principal", "interest", "penalty", "compound", "fee")
#: Filled in by the notifier, for the reader alone.
_NAME, _ID, _ADDRESS = "{{borrower.name}}", "{{borrower.id_masked}}", "{{borrower.address}}"


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one kind of document in one language."""

    kind: DocumentKind
    policy: DocumentPolicy
    locale: Locale

    def label(self, name: str) -> str:
        """What a field or a section is called."""
        return self.policy.labels[name].in_language(self.locale)

    def said(self, name: str, **values: str) -> str:
        """A text of this kind of document."""
        return self.policy.texts[f"{self.kind}.{name}"].in_language(self.locale, **values)

    def field(self, name: str, value: str) -> Field:
        """A labelled value."""
        return Field(label=self.label(name), value=value)

    def of_issuer(self, *names: str) -> tuple[Field, ...]:
        """What the house says of itself under these names."""
        issuer = self.policy.issuer
        return tuple(self.field(name, getattr(issuer, name).in_language(self.locale)) for name in names)

    def document(self, number: str, on: date, *blocks: Block) -> Document:
        """The document of these blocks, from the house."""
        return Document(
            locale=self.locale,
            number=number,
            title=self.said("title"),
            issuer=self.policy.issuer.institution.in_language(self.locale),
            dated=on,
            blocks=blocks,
        )


def reader(words: Words, *, address: bool = True) -> tuple[Field, ...]:
    """Whom the document is for."""
    posted = (words.field("address", _ADDRESS),) if address else ()
    return (words.field("borrower", _NAME), words.field("id_masked", _ID), *posted)


def loan_fields(loan: LoanFacts, words: Words) -> tuple[Field, ...]:
    """The contract and what was disbursed on it. Raises MissingField."""
    disbursed = known("disbursed_amount", loan.disbursed_minor)
    disbursed_on = known("disbursed_on", loan.disbursed_on)
    product = words.policy.product_name(known("product", loan.product), words.locale)
    return (
        words.field("contract", known("contract", loan.loan_id)),
        words.field("product", product),
        words.field("disbursed", f"{amount(disbursed, loan.currency)} · {day(disbursed_on, words.locale)}"),
    )


def check_figures(facts: NoticeFacts) -> None:
    """Raises MissingField when nothing is overdue, SumsDiffer unless all adds up to the cent."""
    known("instalments", facts.items)
    check_sum("total", (getattr(facts, name) for name in COMPONENTS), facts.total)
    for name in COMPONENTS:
        check_sum(name, (getattr(item, name) for item in facts.items), getattr(facts, name))


def sums(facts: NoticeFacts, words: Words) -> Fields:
    """What is overdue by component, since when and as of when."""
    rows = [
        words.field(name, amount(getattr(facts, name), facts.loan.currency))
        for name in (*COMPONENTS, "total")
    ]
    days = words.policy.texts["overdue_notice.dpd"].in_language(words.locale, days=str(facts.dpd))
    return Fields(
        rows=(*rows, words.field("dpd", days), words.field("as_of", day(facts.as_of, words.locale)))
    )


def seal(words: Words, on: date) -> tuple[Block, Block]:
    """Who issues it, and when."""
    return (
        Paragraph(text=words.policy.issuer.seal.in_language(words.locale), align="right"),
        Paragraph(text=day(on, words.locale), align="right"),
    )


def receipt(words: Words) -> tuple[Block, ...]:
    """How it was delivered, filled in by hand."""
    label = words.label
    return (
        Heading(text=label("delivery")),
        Paragraph(text=words.policy.texts["overdue_notice.receipt"].in_language(words.locale)),
        Signatures(
            signers=(
                Signer(
                    label=label("delivered_by"), lines=(label("manner"), label("time"), label("signature"))
                ),
                Signer(label=label("received_by"), lines=(label("signature"), label("date"))),
            )
        ),
    )
