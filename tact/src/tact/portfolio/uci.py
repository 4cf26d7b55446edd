"""Turns the public UCI credit-card file into core banking's events, so that real behaviour can be played.

Data: "Default of Credit Card Clients", I-Cheng Yeh, UCI Machine Learning Repository, doi 10.24432/C55S3H.
`uci_clients` says how the file is read. Names and addresses are made up.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time, timedelta
from pathlib import Path
from typing import Any, Final

from spine.money import format_minor
from tact.portfolio.published import LocalInstants, PublishedEvent, Publisher
from tact.portfolio.uci_clients import FIRST_MONTH, MONTHS, Client, UciReport, read_clients

ZONE: Final = "Asia/Taipei"
CURRENCY: Final = "TWD"
_POSTED_AT: Final = (time(11, 30), time(20, 0))


def import_uci(
    path: Path, *, limit: int | None = None, months: int = MONTHS, report: UciReport | None = None
) -> Iterator[PublishedEvent]:
    """Core banking's events of the file's first `limit` clients, payments for the first `months` statements.

    Ordered by instant: borrowers and loans at the midnight of 2005-04-01 in Taipei, then the payments.
    Fills `report` before the first event. Raises PortfolioFileUnreadable or PortfolioLineBad.
    """
    read = read_clients(path, limit=limit, report=report or UciReport())
    clients = [client for client in read if any(client.instalments)]
    return _publish(clients, months)


def _publish(clients: list[Client], months: int) -> Iterator[PublishedEvent]:
    publisher = Publisher("urn:tact:uci-credit-card", "uci")
    instants = LocalInstants(ZONE)
    start_at = instants.midnight(FIRST_MONTH)
    for client in clients:
        yield publisher.publish(
            start_at, "borrower.updated.v1", f"{client.borrower_id}-updated", _borrower(client)
        )
        yield publisher.publish(start_at, "loan.opened.v1", f"{client.loan_id}-opened", _loan(client))
    posted = []
    for client in clients:
        for seq, money in enumerate(client.payments, 1):
            if money.month < months:
                value_date = client.due_on(money.month) + timedelta(days=money.late_days)
                at = instants.at(value_date, _POSTED_AT[client.number % len(_POSTED_AT)])
                posted.append((at, client.number, seq, value_date, money.amount, client))
    posted.sort(key=lambda entry: entry[:3])
    for at, _, seq, value_date, amount, client in posted:
        repayment_id = f"{client.loan_id}-R{seq}"
        data = {
            "borrower_id": client.borrower_id,
            "loan_id": client.loan_id,
            "repayment_id": repayment_id,
            "amount": format_minor(amount, CURRENCY),
            "currency": CURRENCY,
            "value_date": value_date.isoformat(),
            "posted_at": at.isoformat(),
        }
        yield publisher.publish(at, "repayment.posted.v1", f"{repayment_id}-posted", data)


def _loan(client: Client) -> dict[str, Any]:
    return {
        "borrower_id": client.borrower_id,
        "loan_id": client.loan_id,
        "product": "credit-card",
        "currency": CURRENCY,
        "principal": format_minor(sum(client.instalments), CURRENCY),
        "annual_rate": "0.00",
        "opened_on": FIRST_MONTH.isoformat(),
        "schedule": [
            {
                "seq": month + 1,
                "due_on": client.due_on(month).isoformat(),
                "principal": format_minor(amount, CURRENCY),
                "interest": format_minor(0, CURRENCY),
            }
            for month, amount in enumerate(client.instalments)
        ],
    }


def _borrower(client: Client) -> dict[str, Any]:
    # A range of satellite handsets, as in `borrowers`: well-formed, and in no client's pocket.
    phone = f"+8617401{client.number % 1_000_000:06d}"
    points = [("sms", phone), ("call", phone), ("wechat", f"o-made-up-uci-{client.number:05d}")]
    return {
        "borrower_id": client.borrower_id,
        "name": f"客户{client.number:05d}",
        "locale": "zh-CN",
        "timezone": ZONE,
        "region": "TW",
        "segment": {},
        "contact_points": [
            {
                "id": f"{client.borrower_id}-{channel}",
                "channel": channel,
                "address": address,
                "consent": "given",
            }
            for channel, address in points
        ],
    }
