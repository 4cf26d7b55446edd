"""The settlement certificate: that nothing is owed on a loan any more."""

from __future__ import annotations

from datetime import date

from spine.documents.model import Document, Field, Fields, Locale, Paragraph
from stager.domain.documents.facts import CertificateFacts
from stager.domain.documents.policy import DocumentPolicy
from stager.domain.documents.stated import amount, day, known


def compose_certificate(
    facts: CertificateFacts, policy: DocumentPolicy, locale: Locale, *, number: str, on: date
) -> Document:
    """The certificate. Raises MissingField, also for a loan that is not settled."""
    loan, issuer = facts.loan, policy.issuer
    settled_on = known("settled_on", facts.settled_on if loan.status == "settled" else None)
    disbursed = known("disbursed_amount", loan.disbursed_minor)
    disbursed_on = known("disbursed_on", loan.disbursed_on)

    def label(name: str) -> str:
        return policy.labels[name].in_language(locale)

    return Document(
        locale=locale,
        number=number,
        title=policy.texts["settlement_certificate.title"].in_language(locale),
        issuer=issuer.institution.in_language(locale),
        dated=on,
        blocks=(
            Fields(
                rows=(
                    Field(label=label("borrower"), value="{{borrower.name}}"),
                    Field(label=label("id_masked"), value="{{borrower.id_masked}}"),
                )
            ),
            Paragraph(
                text=policy.texts["settlement_certificate.body"].in_language(
                    locale, settled_on=day(settled_on, locale)
                )
            ),
            Fields(
                rows=(
                    Field(label=label("contract"), value=known("contract", loan.loan_id)),
                    Field(
                        label=label("product"),
                        value=policy.product_name(known("product", loan.product), locale),
                    ),
                    Field(
                        label=label("disbursed"),
                        value=f"{amount(disbursed, loan.currency)} · {day(disbursed_on, locale)}",
                    ),
                    Field(label=label("settled_on"), value=day(settled_on, locale)),
                    Field(label=label("contact"), value=issuer.contact.in_language(locale)),
                )
            ),
            Paragraph(text=issuer.seal.in_language(locale), align="right"),
            Paragraph(text=day(on, locale), align="right"),
        ),
    )
