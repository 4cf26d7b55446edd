"""Every adapter against the simulator on a real socket, with what differs between vendors in one place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from notifier.gateways.aliyun import AliyunGateway
from notifier.gateways.http import Limits
from notifier.gateways.places import aliyun_places, wechat_places
from notifier.gateways.port import Gateway, Inquiry, OutMessage
from notifier.gateways.reference import ReferenceGateway
from notifier.gateways.wechat import WechatGateway
from notifier.gateways.wecom import WecomGateway
from tact.simulator.accounts import Accounts
from tests.tact.simulator.running import NOON, Running, noon, running_simulator

SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMw=="
SMS_TEXT = "${name}您好,请于${day}前联系我们。"
WECHAT_TEXT = "{{first.DATA}}\n联系:{{remark.DATA}}"
ACCOUNTS = Accounts(templates={"SMS_1": SMS_TEXT, "tpl-1": WECHAT_TEXT})
SMS_PLACES = {"s1-warm-sms": aliyun_places("SMS_1", SMS_TEXT)}
WECHAT_PLACES = {"s1-warm-sms": wechat_places("tpl-1", WECHAT_TEXT)}

Make = Callable[[str, Limits], Gateway]


@dataclass(frozen=True, slots=True)
class Adapter:
    """One adapter: how it is made, what its channel's text looks like, and what its vendor can do."""

    name: str
    make: Make
    body: str
    address: Callable[[int], str]
    #: One answer for all messages of a request: one refused means none is sent.
    whole_requests: bool = False
    rejected_code: str = "number_refused"
    throttled_s: float = 1.0

    def message(self, n: int = 1, *, not_after: datetime = NOON + timedelta(hours=1)) -> OutMessage:
        return OutMessage(f"m{n}-1", "sms", self.address(n), self.body, "s1-warm-sms", not_after)

    def inquiry(self, n: int = 1, key: str = "k1") -> Inquiry:
        return Inquiry(f"m{n}-1", key, None, NOON, self.address(n))


def _phone(n: int) -> str:
    return f"1381234{n:04d}"


def _openid(n: int) -> str:
    return f"oABC-{n}"


_SMS_BODY = "【示例银行】王先生您好,请于11月25日前联系我们。"
_WECHAT_BODY = "王先生您好,想和您确认一件事\n联系:400-800-0000"

ADAPTERS = (
    Adapter(
        "reference", lambda url, limits: ReferenceGateway(url, SECRET, noon, limits=limits), _SMS_BODY, _phone
    ),
    Adapter(
        "aliyun",
        lambda url, limits: AliyunGateway(
            url, ACCOUNTS.access_key_id, ACCOUNTS.access_key_secret, noon, SMS_PLACES, limits=limits
        ),
        _SMS_BODY,
        _phone,
        whole_requests=True,
        rejected_code="bad_number",
    ),
    Adapter(
        "aliyun-single",
        lambda url, limits: AliyunGateway(
            url, ACCOUNTS.access_key_id, ACCOUNTS.access_key_secret, noon, SMS_PLACES, batch=1, limits=limits
        ),
        _SMS_BODY,
        _phone,
        rejected_code="bad_number",
    ),
    Adapter(
        "wechat",
        lambda url, limits: WechatGateway(
            url, ACCOUNTS.app_id, ACCOUNTS.app_secret, noon, WECHAT_PLACES, limits=limits
        ),
        _WECHAT_BODY,
        _openid,
        rejected_code="not_subscribed",
        throttled_s=60.0,
    ),
    Adapter(
        "wecom",
        lambda url, limits: WecomGateway(
            url, ACCOUNTS.corp_id, ACCOUNTS.corp_secret, 1000002, noon, limits=limits
        ),
        "王先生您好,您的专属顾问在 400-800-0000 等您。",
        _openid,
        rejected_code="not_subscribed",
        throttled_s=60.0,
    ),
)


@asynccontextmanager
async def ready(adapter: Adapter, url: str, limits: Limits | None = None) -> AsyncIterator[Gateway]:
    """The adapter, warmed up."""
    gateway = adapter.make(url, limits or Limits(reply_bytes=65_536))
    assert await gateway.warm() is None
    try:
        yield gateway
    finally:
        await gateway.aclose()


@asynccontextmanager
async def simulated(path: Path, accounts: Accounts = ACCOUNTS) -> AsyncIterator[Running]:
    """The simulator with accounts at every vendor."""
    async with running_simulator(path / "gateway.ndjson", SECRET, accounts=accounts) as running:
        yield running
