"""A small portfolio in which much happens in few days: loans of every stage, in several zones, some paid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tact.portfolio.published import PublishedEvent, Publisher

ZONE = ZoneInfo("Asia/Shanghai")
ZONES = ("Asia/Shanghai", "Asia/Shanghai", "Asia/Urumqi", "Asia/Tokyo", "Europe/London", "America/New_York")
START = date(2026, 10, 26)
INSTALMENT = "1000.00"
#: Enough for the instalment, its interest and whatever penalty has run up.
SETTLING = "1400.00"
PART = "400.00"


@dataclass(frozen=True, slots=True)
class Small:
    """`loans` loans from START for `days` days.

    Of three loans one pays what is overdue at some instant, one pays a part of it, one pays nothing.
    """

    loans: int
    days: int
    prefix: str = "t"
    zones: tuple[str, ...] = ZONES

    def events(self) -> Iterator[PublishedEvent]:
        """All events ordered by instant."""
        publisher = Publisher("urn:test:core", self.prefix)
        events = [event for n in range(self.loans) for event in self._loan(publisher, n)]
        return iter(sorted(events, key=lambda event: event.at))

    def _loan(self, publisher: Publisher, n: int) -> Iterator[PublishedEvent]:
        borrower, loan = f"{self.prefix}-B{n:04d}", f"{self.prefix}-L{n:04d}"
        opened = at(START, time(0))
        yield publisher.publish(
            opened, "borrower.updated.v1", f"{borrower}-updated", _party(borrower, n, self.zones)
        )
        due = START - timedelta(days=n * 7 % 80 - 3)
        yield publisher.publish(opened, "loan.opened.v1", f"{loan}-opened", _opened(borrower, loan, due))
        if n % 3 < 2:
            paid = at(START + timedelta(days=2 + n % max(self.days - 4, 1)), _PAY_TIMES[n % len(_PAY_TIMES)])
            amount = SETTLING if n % 3 == 0 else PART
            yield publisher.publish(
                paid, "repayment.posted.v1", f"{loan}-paid", _paid(borrower, loan, amount, paid)
            )


#: Some right at the instants at which reminders go out.
_PAY_TIMES = (time(9, 0), time(10, 0), time(11, 30), time(19, 0), time(20, 0))


def at(day: date, local: time) -> datetime:
    """The instant of a local time of the lender."""
    return datetime.combine(day, local, ZONE).astimezone(UTC)


def _party(borrower: str, n: int, zones: tuple[str, ...]) -> dict[str, object]:
    return {
        "borrower_id": borrower,
        "name": "测试客户",
        "locale": "en" if n % 5 == 4 else "zh-CN",
        "timezone": zones[n % len(zones)],
        "region": "CN-SH",
        "segment": {"occupation": "employee"},
        "contact_points": [
            {"id": f"{borrower}-sms", "channel": "sms", "address": f"+8617400{n:06d}", "consent": "given"},
            {"id": f"{borrower}-wx", "channel": "wechat", "address": f"wx-{borrower}", "consent": "given"},
        ],
    }


def _opened(borrower: str, loan: str, due: date) -> dict[str, object]:
    return {
        "borrower_id": borrower,
        "loan_id": loan,
        "product": "consumer-loan",
        "currency": "CNY",
        "principal": "2000.00",
        "annual_rate": "0.12",
        "opened_on": (due - timedelta(days=31)).isoformat(),
        "schedule": [
            {"seq": 1, "due_on": due.isoformat(), "principal": INSTALMENT, "interest": "20.00"},
            {
                "seq": 2,
                "due_on": (due + timedelta(days=200)).isoformat(),
                "principal": INSTALMENT,
                "interest": "20.00",
            },
        ],
    }


def _paid(borrower: str, loan: str, amount: str, paid: datetime) -> dict[str, object]:
    return {
        "borrower_id": borrower,
        "loan_id": loan,
        "repayment_id": f"{loan}-R1",
        "amount": amount,
        "currency": "CNY",
        "value_date": paid.astimezone(ZONE).date().isoformat(),
        "posted_at": paid.isoformat(),
    }
