"""Speaks Aliyun's short message API (dysmsapi 2017-05-25): SendSms, SendBatchSms, QuerySendDetails, SmsReport."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import msgspec
from fastapi import FastAPI, Request, Response

from tact.simulator.accounts import Accounts, Reports
from tact.simulator.faults import SILENT, answer, ended
from tact.simulator.intake import Known, Message

if TYPE_CHECKING:
    from tact.simulator.app import Simulator

_CHINA = ZoneInfo("Asia/Shanghai")
#: How long the network itself keeps trying.
VALID_FOR = timedelta(hours=72)
_AUTHORIZATION = re.compile(
    r"ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([a-z0-9;-]+),Signature=([0-9a-f]{64})"
)


class Aliyun:
    """Messages are known by `OutId` and number: the vendor has no other name for what it was given."""

    def __init__(self, simulator: Simulator, accounts: Accounts) -> None:
        self._simulator = simulator
        self._accounts = accounts
        self.reports = Reports()

    def add_to(self, app: FastAPI) -> None:
        app.add_api_route("/", self.call, methods=["POST"])

    async def call(self, request: Request) -> Response:
        """Any action: the header names it, the parameters are a form."""
        body = await request.body()
        if (code := self._refused(request, body)) is not None:
            return answer(400, {"Code": code, "RequestId": "r"})
        form = dict(parse_qsl(body.decode()))
        match request.headers.get("x-acs-action"):
            case "SendSms":
                values = msgspec.json.decode(form["TemplateParam"], type=dict[str, str])
                return await self._send(request, form, [(form["PhoneNumbers"], form["SignName"], values)])
            case "SendBatchSms":
                numbers = msgspec.json.decode(form["PhoneNumberJson"], type=list[str])
                signs = msgspec.json.decode(form["SignNameJson"], type=list[str])
                all_values = msgspec.json.decode(form["TemplateParamJson"], type=list[dict[str, str]])
                return await self._send(request, form, list(zip(numbers, signs, all_values, strict=True)))
            case "QuerySendDetails":
                return await self._details(form)
        return answer(404, {"Code": "InvalidAction.NotFound", "RequestId": "r"})

    async def _send(
        self, request: Request, form: dict[str, str], given: list[tuple[str, str, dict[str, str]]]
    ) -> Response:
        simulator = self._simulator
        behaviour, fault = simulator.behaviour, simulator.strike()
        text = self._accounts.templates.get(form["TemplateCode"])
        if text is None:
            return answer(200, {"Code": "isv.SMS_TEMPLATE_ILLEGAL", "RequestId": "r"})
        if fault == "throttle":
            return answer(400, {"Code": "Throttling.User", "RequestId": "r"})
        if fault == "refuse_500":
            return answer(500, {"Code": "InternalError", "RequestId": "r"})
        await asyncio.sleep(behaviour.accept_delay_s)
        now = await simulator.now()
        out_id = form.get("OutId", "")
        if any(behaviour.rejects(number) for number, _, _ in given):
            # One bad number, and nothing of the request goes out.
            return answer(200, {"Code": "isv.MOBILE_NUMBER_ILLEGAL", "RequestId": "r"})
        messages = [
            Message(
                _ref(out_id, number), "sms", number, f"【{sign}】{_filled(text, values)}", now + VALID_FOR
            )
            for number, sign, values in given
        ]
        _, accepted = simulator.intake.take(messages, None, now, behaviour, replied=fault not in SILENT)
        for known in accepted:
            self._report(known, out_id)
        await asyncio.sleep(behaviour.slow_s)
        biz_id = hashlib.sha256(out_id.encode()).hexdigest()[:20] + "^0"
        told = answer(200, {"Code": "OK", "Message": "OK", "BizId": biz_id, "RequestId": "r"})
        return await ended(
            fault, request, told, answer(200, {"Code": "OK", "Message": "OK", "RequestId": "r"})
        )

    def _report(self, known: Known, out_id: str) -> None:
        behaviour = self._simulator.behaviour
        known.status = "failed" if behaviour.fails(known.client_ref) else "delivered"
        number = known.client_ref.rpartition("/")[2]
        url = self._accounts.sms_reports_url
        if url is None:
            return
        report = {
            "phone_number": number,
            "send_time": "2026-11-24 12:00:00",
            "report_time": "2026-11-24 12:00:01",
            "success": known.status == "delivered",
            "err_code": "DELIVERED" if known.status == "delivered" else "MI:0013",
            "err_msg": "",
            "sms_size": "1",
            "biz_id": "0^0",
            "out_id": out_id,
        }
        body = msgspec.json.encode([report])
        for _ in range(behaviour.receipt_copies):
            self.reports.later(behaviour.receipt_delay_s, url, lambda: ({}, body))

    async def _details(self, form: dict[str, str]) -> Response:
        """Everything to a number on a day, which is not known before `query_lag_s` has passed."""
        number, lag_s = form["PhoneNumber"], self._simulator.behaviour.query_lag_s
        today = (await self._simulator.now()).astimezone(_CHINA).strftime("%Y%m%d")
        refs = self._simulator.intake.refs(f"/{number}") if form["SendDate"] == today else []
        rows: list[dict[str, Any]] = []
        for ref in refs:
            known = self._simulator.intake.find(ref, lag_s)
            if known is not None:
                status = {"delivered": 3, "failed": 2}.get(known.status, 1)
                rows.append(
                    {
                        "PhoneNum": number,
                        "OutId": ref.rpartition("/")[0],
                        "SendStatus": status,
                        "ErrCode": "X",
                    }
                )
        size, page = int(form["PageSize"]), int(form["CurrentPage"])
        shown = rows[size * (page - 1) : size * page]
        found = {"TotalCount": len(rows), "SmsSendDetailDTOs": {"SmsSendDetailDTO": shown}}
        return answer(200, {"Code": "OK", "RequestId": "r", **found})

    def _refused(self, request: Request, body: bytes) -> str | None:
        """The signature, computed anew from what arrived."""
        found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        if found is None or found[1] != self._accounts.access_key_id:
            return "InvalidAccessKeyId.NotFound"
        names = found[2].split(";")
        digest = hashlib.sha256(body).hexdigest()
        needed = {"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce"}
        if not needed <= set(names) or request.headers.get("x-acs-content-sha256") != digest:
            return "IncompleteSignature"
        lines = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in names)
        canonical = f"POST\n/\n\n{lines}\n{found[2]}\n{digest}"
        to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
        secret = self._accounts.access_key_secret.encode()
        expected = hmac.new(secret, to_sign.encode(), hashlib.sha256).hexdigest()
        return None if hmac.compare_digest(expected, found[3]) else "SignatureDoesNotMatch"


def _ref(out_id: str, number: str) -> str:
    return f"{out_id}/{number}"


def _filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda place: values[place[1]], text)
