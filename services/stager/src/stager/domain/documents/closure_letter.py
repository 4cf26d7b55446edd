"""The closure letter after the cure: that the arrears are over, with thanks and without a word of them."""

from __future__ import annotations

from datetime import date

from spine.documents.model import Clauses, Document, Fields, Locale, Paragraph
from stager.domain.documents.facts import ClosureFacts
from stager.domain.documents.parts import Words, loan_fields, reader, seal
from stager.domain.documents.policy import DocumentKind, DocumentPolicy
from stager.domain.documents.stated import amount, day, known


def compose_closure(
    facts: ClosureFacts, policy: DocumentPolicy, locale: Locale, *, number: str, on: date
) -> Document:
    """The letter. Raises MissingField, also while the arrears are not over."""
    words = Words(DocumentKind.CLOSURE_LETTER, policy, locale)
    loan = facts.loan
    ended_on = day(known("arrears_ended_on", facts.ended_on), locale)
    if loan.status == "settled":
        standing = words.said("settled")
    else:
        outstanding = known("outstanding_principal", facts.outstanding_minor)
        standing = words.said("goes_on", outstanding=amount(outstanding, loan.currency))
    return words.document(
        number,
        on,
        Fields(rows=reader(words)),
        Paragraph(text=words.said("thanks", ended_on=ended_on)),
        Fields(rows=(*loan_fields(loan, words), words.field("arrears_ended_on", ended_on))),
        Clauses(items=(standing, words.said("stopped"), words.said("reported"))),
        Fields(rows=words.of_issuer("how_to_query", "complaints", "contact")),
        *seal(words, on),
    )
