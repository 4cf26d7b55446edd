"""Speaks WeChat's template message API and WeCom's application message API, tokens and events included."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from fastapi import FastAPI, Request, Response

from tact.simulator.accounts import Accounts, Reports
from tact.simulator.faults import SILENT, answer, ended
from tact.simulator.intake import Known, Message

if TYPE_CHECKING:
    from tact.simulator.app import Simulator

VALID_FOR = timedelta(hours=72)


class Weixin:
    """Tokens live for `token_life_s`; each new one takes the place of the last."""

    def __init__(self, simulator: Simulator, accounts: Accounts) -> None:
        self._simulator = simulator
        self._accounts = accounts
        self.reports = Reports()
        self.tokens_given = 0
        self._token = ""
        self._token_ends = 0.0
        self._number = 0

    def add_to(self, app: FastAPI) -> None:
        app.state.weixin = self
        app.add_api_route("/cgi-bin/stable_token", self.stable_token, methods=["POST"])
        app.add_api_route("/cgi-bin/gettoken", self.get_token, methods=["GET"])
        app.add_api_route("/cgi-bin/message/template/send", self.send_template, methods=["POST"])
        app.add_api_route("/cgi-bin/message/send", self.send_text, methods=["POST"])

    def forget_token(self) -> None:
        """The token given last is good no longer, as after a reset elsewhere."""
        self._token = ""

    async def stable_token(self, request: Request) -> Response:
        asked = msgspec.json.decode(await request.body())
        known = (
            asked.get("appid") == self._accounts.app_id and asked.get("secret") == self._accounts.app_secret
        )
        return self._given(known=known, anew=bool(asked.get("force_refresh")))

    async def get_token(self, request: Request) -> Response:
        asked = request.query_params
        known = (
            asked.get("corpid") == self._accounts.corp_id
            and asked.get("corpsecret") == self._accounts.corp_secret
        )
        return self._given(known=known, anew=False)

    def _given(self, *, known: bool, anew: bool) -> Response:
        if not known:
            return answer(200, {"errcode": 40001, "errmsg": "invalid credential"})
        if anew or not self._token or time.monotonic() >= self._token_ends:
            self._token = secrets.token_urlsafe(32)
            self._token_ends = time.monotonic() + self._accounts.token_life_s
        self.tokens_given += 1
        return answer(200, {"access_token": self._token, "expires_in": self._accounts.token_life_s})

    async def send_template(self, request: Request) -> Response:
        body = msgspec.json.decode(await request.body())
        text = self._accounts.templates.get(body.get("template_id", ""))
        if text is None:
            return answer(200, {"errcode": 40037, "errmsg": "invalid template_id"})
        filled = re.sub(r"\{\{(\w+)\.DATA\}\}", lambda place: body["data"][place[1]]["value"], text)
        return await self._send(request, "wechat", body["touser"], filled, body.get("client_msg_id"))

    async def send_text(self, request: Request) -> Response:
        body = msgspec.json.decode(await request.body())
        key = None
        if body.get("enable_duplicate_check"):
            key = hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest()
        return await self._send(request, "wecom", body["touser"], body["text"]["content"], key)

    async def _send(self, request: Request, channel: str, to: str, body: str, key: str | None) -> Response:
        simulator = self._simulator
        behaviour, fault = simulator.behaviour, simulator.strike()
        if request.query_params.get("access_token") != self._token or time.monotonic() >= self._token_ends:
            return answer(200, {"errcode": 42001, "errmsg": "access_token expired"})
        if fault == "throttle":
            return answer(200, {"errcode": 45011, "errmsg": "api minute-quota reach limit"})
        if fault == "refuse_500":
            return answer(500, {"errmsg": "system error"})
        await asyncio.sleep(behaviour.accept_delay_s)
        if behaviour.rejects(to):
            wrong: dict[str, Any] = {"errcode": 43004, "errmsg": "require subscribe"}
            if channel == "wecom":
                wrong = {"errcode": 0, "errmsg": "ok", "invaliduser": to, "msgid": "none"}
            return answer(200, wrong)
        now = await simulator.now()
        self._number += 1
        ref = key or f"{channel}-{self._number}"
        message = Message(ref, channel, to, body, now + VALID_FOR)
        results, accepted = simulator.intake.take([message], key, now, behaviour, replied=fault not in SILENT)
        number = int.from_bytes(hashlib.sha256(results[0].gateway_id.encode()).digest()[:6])
        for known in accepted:
            self._report(known, to, number)
        if behaviour.receipt_before_reply:
            await asyncio.sleep(behaviour.receipt_delay_s * 2)
        await asyncio.sleep(behaviour.slow_s)
        told = answer(
            200, {"errcode": 0, "errmsg": "ok", "msgid": number if channel == "wechat" else str(number)}
        )
        return await ended(fault, request, told, answer(200, {"errcode": 0, "errmsg": "ok"}))

    def _report(self, known: Known, to: str, number: int) -> None:
        behaviour, url = self._simulator.behaviour, self._accounts.wechat_events_url
        known.status = "failed" if behaviour.fails(to) else "delivered"
        if url is None:
            return
        status = "success" if known.status == "delivered" else "failed:user block"
        event = (
            f"<xml><ToUserName><![CDATA[gh_example]]></ToUserName><FromUserName><![CDATA[{to}]]></FromUserName>"
            f"<CreateTime>{int(time.time())}</CreateTime><MsgType><![CDATA[event]]></MsgType>"
            f"<Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event><MsgID>{number}</MsgID>"
            f"<Status><![CDATA[{status}]]></Status></xml>"
        )
        pushed = sealed_event(self._accounts, event, datetime.now(UTC))
        for _ in range(behaviour.receipt_copies):
            self.reports.later(behaviour.receipt_delay_s, url, lambda: pushed)


def sealed_event(accounts: Accounts, event: str, at: datetime) -> tuple[dict[str, str], bytes]:
    """Query and body of an event in the secure mode: encrypted to the account, signed with its token."""
    key = base64.b64decode(accounts.wechat_aes_key + "=")
    plain = event.encode()
    data = secrets.token_bytes(16) + len(plain).to_bytes(4) + plain + accounts.app_id.encode()
    padding = 32 - len(data) % 32
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = base64.b64encode(
        encryptor.update(data + bytes([padding]) * padding) + encryptor.finalize()
    ).decode()
    stamp, nonce = str(int(at.timestamp())), secrets.token_hex(8)
    parts = sorted((accounts.wechat_token, stamp, nonce, sealed))
    signature = hashlib.sha1("".join(parts).encode(), usedforsecurity=False).hexdigest()
    query = {"timestamp": stamp, "nonce": nonce, "msg_signature": signature, "encrypt_type": "aes"}
    return query, f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode()
