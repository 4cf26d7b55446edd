"""What the house's documents say besides the figures, in both languages: the table as read."""

from __future__ import annotations

import string
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta, field

from spine.business_days import Calendar, add_business_days
from spine.documents.model import Locale
from spine.policy import Fault
from stager.domain.stage_policy import PolicyName, StageId


class DocumentKind(StrEnum):
    """The documents that are made here."""

    OVERDUE_NOTICE = "overdue_notice"
    REPAYMENT_PLAN = "repayment_plan"
    SETTLEMENT_CERTIFICATE = "settlement_certificate"
    CREDIT_REPORT_NOTICE = "credit_report_notice"
    VALIDATION_NOTICE = "validation_notice"
    CLOSURE_LETTER = "closure_letter"


_Long = Annotated[str, Meta(min_length=1, max_length=4000)]


class Wording(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same in every language of the house."""

    zh_cn: _Long = field(name="zh-CN")
    en: _Long

    def in_language(self, locale: Locale, **values: str) -> str:
        """The text in one language, its braces filled."""
        text = self.zh_cn if locale == "zh-CN" else self.en
        return text.format(**values) if values else text


class Issuer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who issues documents, and how to reach, pay and question them."""

    institution: Wording
    postal_address: Wording
    seal: Wording
    contact: Wording
    complaints: Wording
    how_to_pay: Wording
    how_to_query: Wording
    how_to_object: Wording
    rights: Wording


class Consequences(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may follow, said neutrally and only from a stage on."""

    from_stage: StageId
    text: Wording


class Validation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Until when a validated debt may be disputed: it is assumed to be received so many business days of the
    calendar after it was made, and the days count from then."""

    calendar: str
    received_after_business_days: Annotated[int, Meta(ge=0, le=60)]
    dispute_days: Annotated[int, Meta(ge=1, le=365)]

    def disputable_until(self, made_on: date, calendar: Calendar) -> date:
        """The last day on which it may be disputed."""
        received_on = add_business_days(made_on, self.received_after_business_days, calendar)
        return received_on + timedelta(days=self.dispute_days)


class DocumentPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All words of the documents, in one version. `prefixes`: of the numbers, by kind."""

    name: PolicyName
    version: Annotated[int, Meta(ge=1)]
    effective_from: date
    citation: Annotated[str, Meta(min_length=1)]
    issuer: Issuer
    consequences: Consequences
    validation: Validation
    prefixes: dict[DocumentKind, Annotated[str, Meta(pattern=r"^[A-Z]{1,6}$")]]
    products: dict[str, Wording] = {}
    texts: dict[str, Wording]
    labels: dict[str, Wording]

    def product_name(self, product: str, locale: Locale) -> str:
        """What a product is called; its id where the table does not know it."""
        named = self.products.get(product)
        return named.in_language(locale) if named is not None else product


#: The texts that the documents need, each with the facts that may stand in it.
TEXTS: Final[dict[str, frozenset[str]]] = {
    "overdue_notice.title": frozenset(),
    "overdue_notice.opening": frozenset({"as_of"}),
    "overdue_notice.dpd": frozenset({"days"}),
    "overdue_notice.formula": frozenset({"as_of"}),
    "overdue_notice.receipt": frozenset(),
    "repayment_plan.title": frozenset(),
    "repayment_plan.opening": frozenset({"contract"}),
    "repayment_plan.method.equal": frozenset(),
    "repayment_plan.method.annuity": frozenset(),
    "repayment_plan.accrues.yes": frozenset({"rate"}),
    "repayment_plan.accrues.contract": frozenset(),
    "repayment_plan.accrues.no": frozenset(),
    "repayment_plan.fees.yes": frozenset(),
    "repayment_plan.fees.no": frozenset(),
    "repayment_plan.no_new_card": frozenset(),
    "repayment_plan.grace": frozenset({"days"}),
    "repayment_plan.stop": frozenset(),
    "repayment_plan.waivers.none": frozenset(),
    "repayment_plan.waivers.one": frozenset({"amount", "kind", "condition"}),
    "repayment_plan.waivers.at_once": frozenset({"on"}),
    "repayment_plan.waivers.if_paid": frozenset({"on", "pay"}),
    "repayment_plan.signed.by_signature": frozenset({"reference"}),
    "repayment_plan.signed.by_recording": frozenset({"reference"}),
    "repayment_plan.signed.not_yet": frozenset(),
    "settlement_certificate.title": frozenset(),
    "settlement_certificate.body": frozenset({"settled_on"}),
    "credit_report_notice.title": frozenset(),
    "credit_report_notice.opening": frozenset({"as_of", "registry"}),
    "credit_report_notice.registry": frozenset(),
    "credit_report_notice.when": frozenset(),
    "credit_report_notice.averted": frozenset(),
    "credit_report_notice.corrected": frozenset(),
    "validation_notice.title": frozenset(),
    "validation_notice.opening": frozenset({"total"}),
    "validation_notice.fell_due": frozenset({"on"}),
    "validation_notice.interest_added": frozenset(),
    "validation_notice.fees_added": frozenset(),
    "validation_notice.paid": frozenset(),
    "validation_notice.owed_now": frozenset({"as_of"}),
    "validation_notice.dispute": frozenset({"until"}),
    "validation_notice.assumed": frozenset({"until"}),
    "validation_notice.original": frozenset({"until"}),
    "validation_notice.authority": frozenset(),
    "validation_notice.tick": frozenset(),
    "validation_notice.not_mine": frozenset(),
    "validation_notice.wrong_amount": frozenset(),
    "validation_notice.other_reason": frozenset(),
    "validation_notice.want_original": frozenset(),
    "validation_notice.enclosed": frozenset(),
    "closure_letter.title": frozenset(),
    "closure_letter.thanks": frozenset({"ended_on"}),
    "closure_letter.settled": frozenset(),
    "closure_letter.goes_on": frozenset({"outstanding"}),
    "closure_letter.stopped": frozenset(),
    "closure_letter.reported": frozenset(),
}
# fmt: off
LABELS: Final = frozenset({
    "number", "institution", "borrower", "id_masked", "address", "contract", "product", "disbursed",
    "as_of", "dpd", "instalment", "due_on", "principal", "interest", "penalty", "compound", "fee", "total",
    "how_to_pay", "how_to_query", "how_to_object", "rights", "complaints", "contact", "parties", "loan",
    "overdue", "formula", "consequences", "services", "delivery", "seal", "date", "delivered_by",
    "received_by", "manner", "time", "signature", "creditor_signs", "borrower_signs", "balance",
    "component", "amount", "schedule", "interest_part", "principal_part", "balance_after", "terms",
    "method", "period", "accrual", "waivers", "breach", "credit_report", "agreed", "settled_on", "month",
    "fortnight", "week", "waiver", "settlement", "other_items", "owed_principal",
    "owed_interest", "postal_address", "registry", "oldest_due_on", "to_be_reported", "averting", "itemised",
    "disputing", "responding", "arrears_ended_on",
})
# fmt: on


def faults_of_documents(policy: DocumentPolicy, known_stages: Collection[str]) -> Iterator[Fault]:
    """What makes the table unusable: texts and labels missing or never used, braces that nothing fills."""
    for place, given, needed in (
        ("texts", policy.texts.keys(), TEXTS.keys()),
        ("labels", policy.labels.keys(), LABELS),
        ("prefixes", policy.prefixes.keys(), set(DocumentKind)),
    ):
        for name in sorted(set(needed) - set(given)):
            yield Fault((place,), f"{place}.{name}: missing")
        for name in sorted(set(given) - set(needed)):
            yield Fault((place, name), f"{place}.{name}: no document says this")
    if len(set(policy.prefixes.values())) < len(policy.prefixes):
        yield Fault(
            ("prefixes",), "prefixes: two kinds have the same, so two documents would have one number"
        )
    if policy.consequences.from_stage not in known_stages:
        yield Fault(
            ("consequences", "from_stage"), "consequences.from_stage: no stage policy knows this stage"
        )
    for name in sorted(policy.texts.keys() & TEXTS.keys()):
        wording = policy.texts[name]
        for locale, text in (("zh-CN", wording.zh_cn), ("en", wording.en)):
            if (fault := _fault_in_braces(text, TEXTS[name])) is not None:
                yield Fault(("texts", name, locale), f"texts.{name}: {fault}")


def _fault_in_braces(text: str, known: Collection[str]) -> str | None:
    try:
        named = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError as error:
        return str(error)
    if unknown := sorted(named - set(known)):
        return f"nothing fills {{{unknown[0]}}}"
    if missing := sorted(set(known) - named):
        return f"{{{missing[0]}}} has to be said"
    return None
