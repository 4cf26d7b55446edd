"""Takes in what vendors report in their own words: claims, confirmed or matched before they change anything."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec
import structlog
from msgspec import Meta

from notifier.gateways.port import NOT_SUBSCRIBED
from notifier.store import gateways, inbox
from notifier.store.gateways import Claim
from notifier.vault import Vault
from notifier.views import ReceiptsTaken
from spine.database import Tx
from spine.errors import BadSchema

log = structlog.get_logger()

_CHINA: Final = ZoneInfo("Asia/Shanghai")
_FINISHED: Final = "TEMPLATESENDJOBFINISH"
Short = Annotated[str, Meta(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]


class SmsReport(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of Aliyun's SmsReport ("SmsReport, HTTP push" of its short message documentation)."""

    phone_number: Short
    success: bool
    out_id: Short | None = None
    err_code: Short | None = None
    report_time: Short | None = None


async def take_sms_reports(tx: Tx, gateway: str, reports: Sequence[SmsReport], vault: Vault) -> ReceiptsTaken:
    """Reports that nobody signed. Each that names a message of ours - the key of the request and the number - is a
    claim; the vendor is asked before anything changes."""
    keys = [
        (report.out_id, vault.blind_index(report.phone_number)) if report.out_id else None
        for report in reports
    ]
    refs = await gateways.refs_of_numbers(tx, gateway, [key for key in keys if key is not None])
    claims = {}
    for report, key in zip(reports, keys, strict=True):
        ref = refs.get(key) if key is not None else None
        if ref is not None:
            status = "delivered" if report.success else "failed"
            at = _instant(report.report_time, tx.now)
            claims[ref, status] = Claim(gateway, ref, status, report.err_code, at, signed=False)
    new = await gateways.insert_claims(tx, claims.values())
    unknown = sum(key is None or key not in refs for key in keys)
    if unknown:
        log.warning("reports of messages that are not ours", gateway=gateway, count=unknown)
    return ReceiptsTaken(received=len(reports), new=new, unknown=unknown)


async def take_wechat_event(tx: Tx, gateway: str, event_id: str, event: Mapping[str, str]) -> bool:
    """An event of the platform, whose signature was checked: whether it is new. A finished template message is a
    claim under the platform's id, which may come before the answer that told us the id."""
    if event.get("Event") != _FINISHED:
        return False
    message_id, said = event.get("MsgID", ""), event.get("Status", "")
    if not message_id.isdecimal() or len(message_id) > 40 or not said:
        raise BadSchema("MsgID, Status: a finished message has both", field="MsgID")
    identity = (f"gateway/{gateway}", event_id)
    if await inbox.insert_new(tx, {identity: hashlib.sha256(event_id.encode()).digest()}):
        return False
    status = "delivered" if said == "success" else "failed"
    code = None if status == "delivered" else _reason(said)
    stamp = event.get("CreateTime", "")
    at = datetime.fromtimestamp(int(stamp), UTC) if stamp.isdecimal() and len(stamp) <= 11 else tx.now
    await gateways.insert_claims(tx, [Claim(gateway, message_id, status, code, at, signed=True)])
    return True


def _reason(said: str) -> str:
    """`failed:user block` is a person who turned the account's messages off."""
    text = said.partition(":")[2].strip()
    return NOT_SUBSCRIBED if text == "user block" else text.replace(" ", "_")[:64] or "failed"


def _instant(text: str | None, otherwise: datetime) -> datetime:
    """The vendor's local time, as it writes it."""
    try:
        return datetime.strptime(text or "", "%Y-%m-%d %H:%M:%S").replace(tzinfo=_CHINA).astimezone(UTC)
    except ValueError:
        return otherwise
