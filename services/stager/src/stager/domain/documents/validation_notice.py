"""The validation notice (12 CFR 1006.34): whose debt, how it came to its amount, until when it can be disputed."""

from __future__ import annotations

from datetime import date
from typing import Final

from spine.documents.model import (
    Clauses,
    Column,
    Document,
    Fields,
    Heading,
    Locale,
    Paragraph,
    Signatures,
    Signer,
    Table,
)
from stager.domain.documents.facts import Itemisation, NoticeFacts
from stager.domain.documents.parts import Words, check_figures, loan_fields, reader, seal
from stager.domain.documents.policy import DocumentKind, DocumentPolicy
from stager.domain.documents.stated import amount, check_sum, day, known, plain_amount

#: What the person may tick and send back, by their texts.
_ANSWERS: Final = ("not_mine", "wrong_amount", "other_reason", "want_original", "enclosed")


def compose_validation(
    facts: NoticeFacts,
    policy: DocumentPolicy,
    locale: Locale,
    *,
    number: str,
    on: date,
    disputable_until: date,
) -> Document:
    """The notice, with places for what the stager does not know of the person. `disputable_until`: the last day.

    Raises MissingField for a mandatory field that is not known, SumsDiffer for figures that do not add up.
    """
    check_figures(facts)
    words = Words(DocumentKind.VALIDATION_NOTICE, policy, locale)
    itemised = known("itemisation", facts.itemised)
    parts = (itemised.fell_due, itemised.interest_added, itemised.fees_added, -itemised.paid)
    check_sum("itemisation", parts, facts.total)
    until, currency = day(disputable_until, locale), facts.loan.currency
    return words.document(
        number,
        on,
        Paragraph(text=words.said("opening", total=amount(facts.total, currency))),
        Fields(
            rows=(
                *words.of_issuer("institution", "postal_address"),
                *reader(words),
                *loan_fields(facts.loan, words),
            )
        ),
        Heading(text=words.label("itemised")),
        _itemised(itemised, facts, words),
        Heading(text=words.label("disputing")),
        Clauses(
            items=(
                words.said("dispute", until=until),
                words.said("assumed", until=until),
                words.said("original", until=until),
                words.said("authority"),
            )
        ),
        Heading(text=words.label("services")),
        Fields(rows=words.of_issuer("how_to_pay", "how_to_query", "how_to_object", "complaints", "contact")),
        *seal(words, on),
        Heading(text=words.label("responding")),
        Paragraph(text=words.said("tick")),
        *(Paragraph(text=words.said(answer)) for answer in _ANSWERS),
        Signatures(
            signers=(
                Signer(
                    label=words.label("borrower_signs"),
                    lines=(words.label("signature"), words.label("date")),
                ),
            )
        ),
    )


def _itemised(itemised: Itemisation, facts: NoticeFacts, words: Words) -> Table:
    """From what fell due to what is owed today."""
    currency, locale = facts.loan.currency, words.locale
    rows = (
        (words.said("fell_due", on=day(itemised.since_on, locale)), itemised.fell_due),
        (words.said("interest_added"), itemised.interest_added),
        (words.said("fees_added"), itemised.fees_added),
        (words.said("paid"), -itemised.paid),
    )
    return Table(
        columns=(
            Column(label=words.label("component"), share=4),
            Column(label=words.label("amount"), align="right", share=2),
        ),
        rows=tuple((what, plain_amount(minor, currency)) for what, minor in rows),
        total=(
            words.said("owed_now", as_of=day(facts.as_of, locale)),
            amount(facts.total, currency),
        ),
    )
