"""The overdue notice: what is owed, since when, how it is worked out, and what the person can do."""

from __future__ import annotations

from datetime import date

from spine.documents.model import Clauses, Column, Document, Fields, Heading, Locale, Paragraph, Table
from stager.domain.documents.facts import NoticeFacts, OverdueItem
from stager.domain.documents.parts import Words, check_figures, loan_fields, reader, receipt, seal, sums
from stager.domain.documents.policy import DocumentKind, DocumentPolicy
from stager.domain.documents.stated import day, known, plain_amount


def compose_notice(
    facts: NoticeFacts, policy: DocumentPolicy, locale: Locale, *, number: str, on: date, formal: bool
) -> Document:
    """The notice, with places for what the stager does not know of the person. `formal`: what may follow is said.

    Raises MissingField for a mandatory field that is not known, SumsDiffer for figures that do not add up.
    """
    check_figures(facts)
    words = Words(DocumentKind.OVERDUE_NOTICE, policy, locale)
    as_of = day(facts.as_of, locale)
    consequences = (
        Heading(text=words.label("consequences")),
        Paragraph(text=policy.consequences.text.in_language(locale)),
    )
    return words.document(
        number,
        on,
        Paragraph(text=words.said("opening", as_of=as_of)),
        Fields(rows=(*words.of_issuer("institution"), *reader(words), *loan_fields(facts.loan, words))),
        Heading(text=words.label("overdue")),
        _items(facts, policy, locale),
        sums(facts, words),
        Heading(text=words.label("formula")),
        Paragraph(text=words.said("formula", as_of=as_of)),
        Clauses(items=known("formula", facts.formula)),
        Heading(text=words.label("services")),
        Fields(rows=words.of_issuer("how_to_pay", "how_to_query", "how_to_object")),
        *(consequences if formal else ()),
        Heading(text=words.label("rights")),
        Paragraph(text=policy.issuer.rights.in_language(locale)),
        Fields(rows=words.of_issuer("complaints", "contact")),
        *seal(words, on),
        *receipt(words),
    )


def _items(facts: NoticeFacts, policy: DocumentPolicy, locale: Locale) -> Table:
    """What is unpaid, item by item, the oldest first; all components but the first two in one column."""
    currency = facts.loan.currency
    heads = ("instalment", "due_on", "principal", "interest")
    columns = [
        Column(label=policy.labels[name].in_language(locale), align="right" if n > 1 else "left", share=share)
        for n, (name, share) in enumerate(zip(heads, (3, 4, 4, 4), strict=True))
    ]
    columns += [
        Column(label=policy.labels[name].in_language(locale), align="right", share=share)
        for name, share in (("penalty", 4), ("compound", 4), ("fee", 3), ("total", 4))
    ]

    def row(item: OverdueItem) -> tuple[str, ...]:
        first = item.seq if item.seq is not None else policy.labels["other_items"].in_language(locale)
        figures = (item.principal, item.interest, item.penalty, item.compound, item.fee, item.total)
        return (first, item.due_on.isoformat(), *(plain_amount(each, currency) for each in figures))

    owed = (facts.principal, facts.interest, facts.penalty, facts.compound, facts.fee, facts.total)
    return Table(
        columns=tuple(columns),
        rows=tuple(row(item) for item in sorted(facts.items, key=lambda item: (item.due_on, item.seq or ""))),
        total=(
            policy.labels["total"].in_language(locale),
            currency,
            *(plain_amount(each, currency) for each in owed),
        ),
    )
