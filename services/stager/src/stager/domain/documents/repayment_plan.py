"""The repayment plan as both sides sign it: the balance, each instalment, and what was agreed besides."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
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
from stager.domain.documents.facts import PlanFacts
from stager.domain.documents.policy import DocumentPolicy
from stager.domain.documents.stated import amount, check_sum, day, known, plain_amount
from stager.domain.plans import Plan
from stager.domain.waivers import Waiver

_COMPONENTS: Final = ("principal", "interest", "penalty", "compound", "fee")
#: A plan may be of all that is owed, not of what is overdue alone.
_OWED: Final = {"principal": "owed_principal", "interest": "owed_interest"}


def compose_plan(
    facts: PlanFacts, policy: DocumentPolicy, locale: Locale, *, number: str, on: date
) -> Document:
    """The plan as a document, with places for what the stager does not know of the person.

    Raises MissingField for a mandatory field that is not known, SumsDiffer for sums that are not the balance.
    """
    plan, loan, issuer = facts.plan, facts.loan, policy.issuer
    terms = plan.terms
    check_sum("balance", (each.principal for each in terms.instalments), terms.balance.total)

    def label(name: str) -> str:
        return policy.labels[name].in_language(locale)

    def said(name: str, **values: str) -> str:
        return policy.texts[f"repayment_plan.{name}"].in_language(locale, **values)

    disbursed = known("disbursed_amount", loan.disbursed_minor)
    disbursed_on = known("disbursed_on", loan.disbursed_on)
    blocks: list[Block] = [
        Paragraph(text=said("opening", contract=known("contract", loan.loan_id))),
        Heading(text=label("parties")),
        Fields(
            rows=(
                Field(label=label("institution"), value=issuer.institution.in_language(locale)),
                Field(label=label("borrower"), value="{{borrower.name}}"),
                Field(label=label("id_masked"), value="{{borrower.id_masked}}"),
                Field(label=label("address"), value="{{borrower.address}}"),
            )
        ),
        Heading(text=label("balance")),
        Fields(
            rows=(
                Field(
                    label=label("product"), value=policy.product_name(known("product", loan.product), locale)
                ),
                Field(
                    label=label("disbursed"),
                    value=f"{amount(disbursed, loan.currency)} · {day(disbursed_on, locale)}",
                ),
            )
        ),
        _balance(plan, policy, locale),
        Heading(text=label("schedule")),
        _schedule(plan, policy, locale),
        Heading(text=label("terms")),
        Fields(
            rows=(
                Field(
                    label=label("method"), value=f"{label(terms.period)}, {said(f'method.{terms.method}')}"
                ),
                Field(label=label("accrual"), value=_accrual(plan, policy, locale)),
                Field(label=label("waivers"), value=_waivers(facts.waivers, plan, policy, locale)),
                Field(label=label("breach"), value=_breach(plan, policy, locale)),
                Field(
                    label=label("credit_report"),
                    value=known("credit_report", plan.terms.credit_report),
                ),
                Field(label=label("agreed"), value=_agreed(plan, policy, locale)),
            )
        ),
        Clauses(
            items=(
                said("stop"),
                *((said("no_new_card"),) if terms.no_new_card else ()),
                known("rights", terms.rights),
                issuer.rights.in_language(locale),
            )
        ),
        Fields(
            rows=tuple(
                Field(label=label(name), value=getattr(issuer, name).in_language(locale))
                for name in ("how_to_pay", "complaints", "contact")
            )
        ),
        Signatures(
            signers=(
                Signer(
                    label=label("creditor_signs"),
                    lines=(issuer.seal.in_language(locale), f"{label('date')} {day(on, locale)}"),
                ),
                Signer(label=label("borrower_signs"), lines=(label("signature"), label("date"))),
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


def _balance(plan: Plan, policy: DocumentPolicy, locale: Locale) -> Table:
    balance, currency = plan.terms.balance, plan.terms.currency
    return Table(
        columns=(
            Column(label=policy.labels["component"].in_language(locale), share=2),
            Column(label=policy.labels["amount"].in_language(locale), align="right"),
        ),
        rows=tuple(
            (
                policy.labels[_OWED.get(name, name)].in_language(locale),
                plain_amount(getattr(balance, name), currency),
            )
            for name in _COMPONENTS
        ),
        total=(policy.labels["total"].in_language(locale), amount(balance.total, currency)),
    )


def _schedule(plan: Plan, policy: DocumentPolicy, locale: Locale) -> Table:
    terms = plan.terms
    left = terms.balance.total
    rows = []
    for each in terms.instalments:
        left -= each.principal
        figures = (each.total, each.principal, each.interest, left)
        rows.append(
            (
                str(each.seq),
                each.due_on.isoformat(),
                *(plain_amount(minor, terms.currency) for minor in figures),
            )
        )
    check_sum("instalments", (each.total for each in terms.instalments), terms.total)
    heads = (
        ("instalment", 2),
        ("due_on", 3),
        ("amount", 3),
        ("principal_part", 3),
        ("interest_part", 3),
        ("balance_after", 3),
    )
    return Table(
        columns=tuple(
            Column(
                label=policy.labels[name].in_language(locale), share=share, align="right" if n > 1 else "left"
            )
            for n, (name, share) in enumerate(heads)
        ),
        rows=tuple(rows),
        total=(
            policy.labels["total"].in_language(locale),
            terms.currency,
            plain_amount(terms.total, terms.currency),
            plain_amount(terms.balance.total, terms.currency),
            plain_amount(terms.total - terms.balance.total, terms.currency),
            plain_amount(0, terms.currency),
        ),
    )


def _accrual(plan: Plan, policy: DocumentPolicy, locale: Locale) -> str:
    terms = plan.terms
    texts = policy.texts
    rate = Decimal(terms.annual_rate)
    if rate > 0:
        percent = f"{(rate * 100).normalize():f} %"
        interest = texts["repayment_plan.accrues.yes"].in_language(locale, rate=percent)
    else:
        # Nothing is charged by the plan; what the contract charges goes on, or does not.
        said = "contract" if terms.interest_accrues else "no"
        interest = texts[f"repayment_plan.accrues.{said}"].in_language(locale)
    fees = texts[f"repayment_plan.fees.{'yes' if terms.fees_accrue else 'no'}"].in_language(locale)
    return f"{interest} {fees}" if locale == "en" else f"{interest}{fees}"


def _breach(plan: Plan, policy: DocumentPolicy, locale: Locale) -> str:
    grace = policy.texts["repayment_plan.grace"].in_language(locale, days=str(plan.grace_days))
    breach = known("breach", plan.terms.breach)
    return f"{grace} {breach}" if locale == "en" else f"{grace}{breach}"


def _waivers(waivers: tuple[Waiver, ...], plan: Plan, policy: DocumentPolicy, locale: Locale) -> str:
    if not waivers:
        return policy.texts["repayment_plan.waivers.none"].in_language(locale)
    said = []
    for waiver in waivers:
        if waiver.pay_minor is not None and waiver.pay_by_on is not None:
            condition = policy.texts["repayment_plan.waivers.if_paid"].in_language(
                locale, on=day(waiver.pay_by_on, locale), pay=amount(waiver.pay_minor, waiver.currency)
            )
        else:
            since = known("waiver_effective_on", waiver.effective_on)
            condition = policy.texts["repayment_plan.waivers.at_once"].in_language(
                locale, on=day(since, locale)
            )
        said.append(
            policy.texts["repayment_plan.waivers.one"].in_language(
                locale,
                amount=amount(waiver.waived.total, waiver.currency),
                kind=policy.labels[waiver.kind].in_language(locale),
                condition=condition,
            )
        )
    return (" " if locale == "en" else "").join(said)


def _agreed(plan: Plan, policy: DocumentPolicy, locale: Locale) -> str:
    if plan.signature is not None:
        return policy.texts["repayment_plan.signed.by_signature"].in_language(
            locale, reference=plan.signature
        )
    if plan.recording is not None:
        return policy.texts["repayment_plan.signed.by_recording"].in_language(
            locale, reference=plan.recording
        )
    return policy.texts["repayment_plan.signed.not_yet"].in_language(locale)
