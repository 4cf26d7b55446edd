"""The overdue notice: what is owed, since when, how it is worked out, and what the person can do."""

from __future__ import annotations

from datetime import date
from typing import Final

from spine.documents.model import (
    Block,
    Clauses,
    Column,
    Document,
    Field,
    Fields,
    Heading,
    Locale,
    Paragraph,
    Signatures,
    Signer,
    Table,
)
from stager.domain.documents.facts import NoticeFacts, OverdueItem
from stager.domain.documents.policy import DocumentPolicy
from stager.domain.documents.stated import amount, check_sum, day, known, plain_amount

_COMPONENTS: Final = ("principal", "interest", "penalty", "compound", "fee")


def compose_notice(
    facts: NoticeFacts, policy: DocumentPolicy, locale: Locale, *, number: str, on: date, formal: bool
) -> Document:
    """The notice, with places for what the stager does not know of the person. `formal`: what may follow is said.

    Raises MissingField for a mandatory field that is not known, SumsDiffer for figures that do not add up.
    """
    _check(facts)

    def label(name: str) -> str:
        return policy.labels[name].in_language(locale)

    def said(name: str, **values: str) -> str:
        return policy.texts[f"overdue_notice.{name}"].in_language(locale, **values)

    loan, issuer = facts.loan, policy.issuer
    disbursed = known("disbursed_amount", loan.disbursed_minor)
    disbursed_on = known("disbursed_on", loan.disbursed_on)
    blocks: list[Block] = [
        Paragraph(text=said("opening", as_of=day(facts.as_of, locale))),
        Fields(
            rows=(
                Field(label=label("institution"), value=issuer.institution.in_language(locale)),
                Field(label=label("borrower"), value="{{borrower.name}}"),
                Field(label=label("id_masked"), value="{{borrower.id_masked}}"),
                Field(label=label("address"), value="{{borrower.address}}"),
                Field(label=label("contract"), value=known("contract", loan.loan_id)),
                Field(
                    label=label("product"), value=policy.product_name(known("product", loan.product), locale)
                ),
                Field(
                    label=label("disbursed"),
                    value=f"{amount(disbursed, loan.currency)} · {day(disbursed_on, locale)}",
                ),
            )
        ),
        Heading(text=label("overdue")),
        _items(facts, policy, locale),
        _sums(facts, policy, locale),
        Heading(text=label("formula")),
        Paragraph(text=said("formula", as_of=day(facts.as_of, locale))),
        Clauses(items=known("formula", facts.formula)),
        Heading(text=label("services")),
        Fields(
            rows=tuple(
                Field(label=label(name), value=getattr(issuer, name).in_language(locale))
                for name in ("how_to_pay", "how_to_query", "how_to_object")
            )
        ),
    ]
    if formal:
        blocks += [
            Heading(text=label("consequences")),
            Paragraph(text=policy.consequences.text.in_language(locale)),
        ]
    blocks += [
        Heading(text=label("rights")),
        Paragraph(text=issuer.rights.in_language(locale)),
        Fields(
            rows=(
                Field(label=label("complaints"), value=issuer.complaints.in_language(locale)),
                Field(label=label("contact"), value=issuer.contact.in_language(locale)),
            )
        ),
        Paragraph(text=issuer.seal.in_language(locale), align="right"),
        Paragraph(text=day(on, locale), align="right"),
        Heading(text=label("delivery")),
        Paragraph(text=said("receipt")),
        Signatures(
            signers=(
                Signer(
                    label=label("delivered_by"), lines=(label("manner"), label("time"), label("signature"))
                ),
                Signer(label=label("received_by"), lines=(label("signature"), label("date"))),
            )
        ),
    ]
    return Document(
        locale=locale,
        number=number,
        title=said("title"),
        issuer=issuer.institution.in_language(locale),
        dated=on,
        blocks=tuple(blocks),
    )


def _check(facts: NoticeFacts) -> None:
    known("instalments", facts.items)
    check_sum("total", (getattr(facts, name) for name in _COMPONENTS), facts.total)
    for name in _COMPONENTS:
        check_sum(name, (getattr(item, name) for item in facts.items), getattr(facts, name))


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

    sums = (facts.principal, facts.interest, facts.penalty, facts.compound, facts.fee, facts.total)
    return Table(
        columns=tuple(columns),
        rows=tuple(row(item) for item in sorted(facts.items, key=lambda item: (item.due_on, item.seq or ""))),
        total=(
            policy.labels["total"].in_language(locale),
            currency,
            *(plain_amount(each, currency) for each in sums),
        ),
    )


def _sums(facts: NoticeFacts, policy: DocumentPolicy, locale: Locale) -> Fields:
    currency = facts.loan.currency
    rows = [
        Field(label=policy.labels[name].in_language(locale), value=amount(getattr(facts, name), currency))
        for name in (*_COMPONENTS, "total")
    ]
    days = policy.texts["overdue_notice.dpd"].in_language(locale, days=str(facts.dpd))
    rows.append(Field(label=policy.labels["dpd"].in_language(locale), value=days))
    rows.append(Field(label=policy.labels["as_of"].in_language(locale), value=day(facts.as_of, locale)))
    return Fields(rows=tuple(rows))
