"""The words of a breakdown in each language: sentences with places for its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ledger.domain.breakdown import Use
from ledger.domain.facts import Component
from ledger.domain.position import LoanStatus


class Locale(StrEnum):
    ZH_CN = "zh-CN"
    EN = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """One language. `items` by kind of item; `days` of one and of more."""

    title: str
    status: Mapping[LoanStatus, str]
    components: Mapping[Component, str]
    items: Mapping[str, str]
    amount: str
    between: str
    says: str
    stop: str
    percent: str
    days: tuple[str, str]
    rate: str
    rate_capped: str
    rate_own: str
    rate_own_capped: str
    moved: str
    grace: str
    accrual: Mapping[Component, str]
    interval: str
    paused: str
    frozen: str
    rounded: str
    uses: Mapping[Use, str]
    taken_over_anew: str
    waived: str
    waived_anew: str
    unpaid: str
    together: str
    settled: str
    closed: str
    carried: str
    overdue: str
    due_today: str
    nothing_overdue: str
    past_due: str
    in_grace: str
    credit: str


EN: Final = Phrases(
    title="Loan {loan} at the end of {as_of}; all amounts in {currency}",
    status={
        LoanStatus.SETTLED: "Nothing is owed on this loan any more: it is settled",
        LoanStatus.SOLD: "Nothing is owed here any more: the loan was sold",
        LoanStatus.WRITTEN_OFF: "The loan was written off; the claim survives",
    },
    components={
        Component.FEE: "fee",
        Component.PENALTY: "penalty",
        Component.COMPOUND: "compound interest",
        Component.INTEREST: "interest",
        Component.PRINCIPAL: "principal",
    },
    items={
        "instalment": "Instalment {id}, due {due_on}",
        "fee": "Fee {id}, due {due_on}",
        "penalty": "Penalty charge {id}, due {due_on}",
        "chargeback": "Payment {id} taken back by the bank, due {due_on}",
        "carried_penalty": "Penalty carried over from the schedule before, due {due_on}",
    },
    amount="{component} {amount}",
    between=", ",
    says="{item}: {what}",
    stop=".",
    percent="{rate} %",
    days=("{days} day", "{days} days"),
    rate="Penalty is {yearly} a year: {loan_rate} of the loan x {multiplier}",
    rate_capped=(
        "Penalty is {yearly} a year: {loan_rate} of the loan x {multiplier} would be {uncapped}, "
        "which is limited to {yearly}"
    ),
    rate_own="Penalty is {yearly} a year, as agreed",
    rate_own_capped="Penalty is {yearly} a year: the agreed {uncapped} is limited to {yearly}",
    moved="{due_on} is no business day, so days count from {effective_on}",
    grace="nothing accrues if it is paid before {late_on} ({days} of grace)",
    accrual={
        Component.PENALTY: "principal {amount} overdue {days}{when} x {yearly} a year / {base} {is_} {exact}",
        Component.COMPOUND: (
            "interest {amount} overdue {days}{when} x {yearly} a year / {base} {is_} {exact} compound interest"
        ),
    },
    interval=" (from {from_on} until {to_on}{without})",
    paused=", without {days} paused",
    frozen=", without {days} free of interest",
    rounded=", rounded once to {rounded}",
    uses={
        Use.RECEIVED: "paid on {value_date} ({id}): {amounts}",
        Use.CREDIT: "from the payment of {value_date} ({id}), credit until {applied_on}: {amounts}",
        Use.ANEW: "payment of {value_date} ({id}), put on the new schedule on {applied_on}: {amounts}",
        Use.TAKEN_OVER: "paid before the loan was taken over: {amounts}",
    },
    taken_over_anew="paid before the loan was taken over, put on the schedule on {applied_on}: {amounts}",
    waived="waived on {effective_on} ({id}): {amounts}",
    waived_anew="waived on {effective_on} ({id}), taken off the new schedule on {applied_on}: {amounts}",
    unpaid="unpaid {amounts}",
    together=", together {total}",
    settled="nothing is unpaid",
    closed="Schedule until {until_on} - {sentence}",
    carried=(
        "Schedule until {until_on} - {amount} had accrued and is one penalty item of the new schedule; "
        "all money received is put on the new schedule"
    ),
    overdue="Overdue at the end of {as_of}: {amounts}",
    due_today="Due on {as_of} and not overdue yet: {total}",
    nothing_overdue="Nothing is overdue at the end of {as_of}",
    past_due="{days} past due, counted from {from_on}",
    in_grace="Grace is running, counted from {from_on}",
    credit="Money beyond what is due, kept as credit: {amount}",
)

ZH_CN: Final = Phrases(
    title="贷款{loan}截至{as_of}日终的欠款明细，金额单位{currency}",
    status={
        LoanStatus.SETTLED: "本贷款已结清，无任何欠款",
        LoanStatus.SOLD: "本贷款债权已转让，在本机构已无欠款",
        LoanStatus.WRITTEN_OFF: "本贷款已核销，债权仍然存续",
    },
    components={
        Component.FEE: "费用",
        Component.PENALTY: "罚息",
        Component.COMPOUND: "复利",
        Component.INTEREST: "利息",
        Component.PRINCIPAL: "本金",
    },
    items={
        "instalment": "第{id}期（{due_on}到期）",
        "fee": "费用{id}（{due_on}到期）",
        "penalty": "违约金{id}（{due_on}到期）",
        "chargeback": "被银行退回的还款{id}（{due_on}到期）",
        "carried_penalty": "由原还款计划结转的罚息（{due_on}到期）",
    },
    amount="{component}{amount}",
    between="、",
    says="{item}：{what}",
    stop="。",
    percent="{rate}%",
    days=("{days}天", "{days}天"),
    rate="罚息年利率{yearly}：贷款年利率{loan_rate} × {multiplier}",
    rate_capped="罚息年利率{yearly}：贷款年利率{loan_rate} × {multiplier}应为{uncapped}，按上限{yearly}计",
    rate_own="罚息年利率{yearly}，按合同约定",
    rate_own_capped="罚息年利率{yearly}：合同约定{uncapped}，按上限{yearly}计",
    moved="{due_on}为非营业日，自{effective_on}起计算天数",
    grace="宽限期{days}，在{late_on}之前还清不计罚息",
    accrual={
        Component.PENALTY: "本金{amount} × 逾期{days}{when} × 年利率{yearly} ÷ {base} {is_} 罚息{exact}",
        Component.COMPOUND: "利息{amount} × 逾期{days}{when} × 年利率{yearly} ÷ {base} {is_} 复利{exact}",
    },
    interval="（{from_on}起至{to_on}前{without}）",
    paused="，扣除暂停的{days}",
    frozen="，扣除免息的{days}",
    rounded="，一次四舍五入为{rounded}",
    uses={
        Use.RECEIVED: "{value_date}还款（{id}）：{amounts}",
        Use.CREDIT: "{value_date}还款（{id}）的余额于{applied_on}抵扣：{amounts}",
        Use.ANEW: "{value_date}还款（{id}）于{applied_on}按新还款计划重新分配：{amounts}",
        Use.TAKEN_OVER: "贷款转入前已还：{amounts}",
    },
    taken_over_anew="贷款转入前已还，于{applied_on}分配：{amounts}",
    waived="{effective_on}减免（{id}）：{amounts}",
    waived_anew="{effective_on}减免（{id}）于{applied_on}从新还款计划中扣除：{amounts}",
    unpaid="尚欠{amounts}",
    together="，合计{total}",
    settled="已还清",
    closed="{until_on}前的还款计划 - {sentence}",
    carried=(
        "{until_on}前的还款计划 - 已产生{amount}，结转为新还款计划的一笔罚息；已收款项全部按新还款计划重新分配"
    ),
    overdue="截至{as_of}日终逾期：{amounts}",
    due_today="{as_of}当日到期、尚未逾期：{total}",
    nothing_overdue="截至{as_of}日终无逾期",
    past_due="逾期{days}，自{from_on}起计",
    in_grace="处于宽限期，自{from_on}起计",
    credit="超出应还金额的款项留作余额：{amount}",
)

PHRASES: Final = {Locale.EN: EN, Locale.ZH_CN: ZH_CN}
