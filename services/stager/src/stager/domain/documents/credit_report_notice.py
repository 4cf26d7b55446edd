"""The advance notice of credit reporting: what will be reported, to whom, and how it can still be averted."""

from __future__ import annotations

from datetime import date

from spine.documents.model import Clauses, Document, Fields, Heading, Locale, Paragraph
from stager.domain.documents.facts import NoticeFacts
from stager.domain.documents.parts import Words, check_figures, loan_fields, reader, receipt, seal, sums
from stager.domain.documents.policy import DocumentKind, DocumentPolicy
from stager.domain.documents.stated import day


def compose_credit_notice(
    facts: NoticeFacts, policy: DocumentPolicy, locale: Locale, *, number: str, on: date
) -> Document:
    """The notice, with places for what the stager does not know of the person.

    Raises MissingField for a mandatory field that is not known, SumsDiffer for figures that do not add up.
    """
    check_figures(facts)
    words = Words(DocumentKind.CREDIT_REPORT_NOTICE, policy, locale)
    oldest_on = min(item.due_on for item in facts.items)
    registry = words.said("registry")
    return words.document(
        number,
        on,
        Paragraph(text=words.said("opening", as_of=day(facts.as_of, locale), registry=registry)),
        Fields(rows=(*words.of_issuer("institution"), *reader(words), *loan_fields(facts.loan, words))),
        Heading(text=words.label("to_be_reported")),
        Fields(
            rows=(
                words.field("registry", registry),
                words.field("oldest_due_on", day(oldest_on, locale)),
                *sums(facts, words).rows,
            )
        ),
        Heading(text=words.label("averting")),
        Clauses(items=(words.said("when"), words.said("averted"), words.said("corrected"))),
        Heading(text=words.label("services")),
        Fields(rows=words.of_issuer("how_to_pay", "how_to_query", "how_to_object", "complaints", "contact")),
        Heading(text=words.label("rights")),
        Paragraph(text=policy.issuer.rights.in_language(locale)),
        *seal(words, on),
        *receipt(words),
    )
