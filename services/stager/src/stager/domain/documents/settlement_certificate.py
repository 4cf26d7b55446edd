"""The settlement certificate: that nothing is owed on a loan any more."""

from __future__ import annotations

from datetime import date

from spine.documents.model import Document, Fields, Locale, Paragraph
from stager.domain.documents.facts import CertificateFacts
from stager.domain.documents.parts import Words, loan_fields, reader, seal
from stager.domain.documents.policy import DocumentKind, DocumentPolicy
from stager.domain.documents.stated import day, known


def compose_certificate(
    facts: CertificateFacts, policy: DocumentPolicy, locale: Locale, *, number: str, on: date
) -> Document:
    """The certificate. Raises MissingField, also for a loan that is not settled."""
    words = Words(DocumentKind.SETTLEMENT_CERTIFICATE, policy, locale)
    settled_on = day(
        known("settled_on", facts.settled_on if facts.loan.status == "settled" else None), locale
    )
    return words.document(
        number,
        on,
        Fields(rows=reader(words, address=False)),
        Paragraph(text=words.said("body", settled_on=settled_on)),
        Fields(
            rows=(
                *loan_fields(facts.loan, words),
                words.field("settled_on", settled_on),
                *words.of_issuer("contact"),
            )
        ),
        *seal(words, on),
    )
