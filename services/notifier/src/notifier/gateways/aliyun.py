"""Aliyun short messages: SendSms and SendBatchSms to hand over, QuerySendDetails to find out.

The API (dysmsapi 2017-05-25) "does not support idempotence": what is unknown is asked for, never repeated. It
sends approved templates only, so the places of the template are found in our approved text. `OutId` is the key of
our request and comes back in reports and queries; with the number it names one message.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

import msgspec

from notifier.gateways.acs3 import acs3_headers, authorization
from notifier.gateways.aliyun_codes import judged
from notifier.gateways.http import HttpLine, Limits, Now, Reply, TooLate, all_of, failed, send_in_time
from notifier.gateways.places import Places, of_template, split_signature
from notifier.gateways.port import Inquiry, Outcome, OutMessage, QueryResult, SendResult, State
from notifier.gateways.recent import Recent
from notifier.vault import normalised
from spine.clock import wall_now

T = TypeVar("T")

VERSION: Final = "2017-05-25"
#: Days of reports and queries are those of China.
ZONE: Final = ZoneInfo("Asia/Shanghai")
_FORM: Final = "application/x-www-form-urlencoded"
_PAGE: Final = 50
_STATES: Final = {1: State.ACCEPTED, 2: State.FAILED, 3: State.DELIVERED}


class _Answer(msgspec.Struct, frozen=True, rename="pascal"):
    code: str
    biz_id: str | None = None


class _Detail(msgspec.Struct, frozen=True, rename="pascal"):
    send_status: int
    out_id: str | None = None
    err_code: str | None = None


class _Details(msgspec.Struct, frozen=True):
    details: tuple[_Detail, ...] = msgspec.field(default=(), name="SmsSendDetailDTO")


class _Found(msgspec.Struct, frozen=True, rename="pascal"):
    code: str
    total_count: int | str = 0
    details: _Details = msgspec.field(default=_Details(), name="SmsSendDetailDTOs")


class AliyunGateway:
    """One account of Aliyun's short message service. `batch`: numbers a SendBatchSms, 1 for SendSms alone."""

    honours_idempotency = False
    key_life_s = 0.0
    can_query = True

    def __init__(
        self,
        base_url: str,
        access_key_id: str,
        secret: str,
        now: Now,
        templates: Mapping[str, Places],
        *,
        name: str = "aliyun",
        batch: int = 100,
        limits: Limits | None = None,
    ) -> None:
        self.name = name
        self._key_id = access_key_id
        self._secret = secret
        self._templates = templates
        self._batch = batch
        self._line = HttpLine(base_url, now, limits or Limits())
        self._host = urlsplit(self._line.url).netloc
        # Messages of a batch that was refused as a whole: one of them is at fault, so each goes alone.
        self._alone = Recent(10_000)

    async def warm(self) -> str | None:
        return None

    async def send(self, messages: Sequence[OutMessage], idempotency_key: str) -> list[SendResult]:
        """Batches of one template; what fits no approved template is refused here. Number and key name one
        message, so a number that is there twice waits for the next request."""
        results: dict[str, SendResult] = {}
        fitting: dict[str, OutMessage] = {}
        for message in messages:
            ref, number = message.client_ref, _number(message.to)
            if self._params(message) is None:
                results[ref] = SendResult(ref, Outcome.REJECTED, code="template_mismatch")
            elif number in fitting:
                results[ref] = SendResult(ref, Outcome.NOT_SENT, code="same_number")
            else:
                fitting[number] = message
        for batch in self._batches(list(fitting.values())):

            async def send(waiting: list[OutMessage]) -> list[SendResult]:
                return await self._send(waiting, idempotency_key)

            results |= {r.client_ref: r for r in await send_in_time(batch, self._line.now, send)}
        return [results[message.client_ref] for message in messages]

    def _batches(self, messages: Sequence[OutMessage]) -> list[list[OutMessage]]:
        batches: list[list[OutMessage]] = []
        places: dict[str, list[OutMessage]] = {}
        for message in messages:
            if self._batch == 1 or _message_id(message) in self._alone:
                batches.append([message])
                continue
            code = self._template(message).code
            batch = places.get(code)
            if batch is None or len(batch) >= self._batch:
                batch = places[code] = []
                batches.append(batch)
            batch.append(message)
        return batches

    async def _send(self, messages: list[OutMessage], key: str) -> list[SendResult]:
        alone = len(messages) == 1
        form = self._one(messages[0], key) if alone else self._many(messages, key)
        try:
            reply = await self._call("SendSms" if alone else "SendBatchSms", form, messages)
        except TooLate:
            raise
        except Exception as error:
            return failed(self.name, messages, error)
        return self._judged(reply, messages)

    def _judged(self, reply: Reply, messages: list[OutMessage]) -> list[SendResult]:
        answer = _decoded(reply.body, _Answer)
        if answer is None:
            throttled = reply.status == 429
            return all_of(
                messages,
                Outcome.NOT_SENT if throttled else Outcome.UNKNOWN,
                "throttled" if throttled else f"http_{reply.status}",
                1.0 if throttled else None,
            )
        if answer.code == "OK":
            if reply.status != 200 or not answer.biz_id:
                return all_of(messages, Outcome.UNKNOWN, "no_gateway_id")
            return [SendResult(m.client_ref, Outcome.ACCEPTED, answer.biz_id) for m in messages]
        outcome, code, wait_s = judged(answer.code)
        if outcome is Outcome.REJECTED and len(messages) > 1:
            for message in messages:
                self._alone.add(_message_id(message))
            return all_of(messages, Outcome.NOT_SENT, "batch_refused")
        return all_of(messages, outcome, code, wait_s)

    async def query(self, asked: Inquiry) -> QueryResult:
        """By number, day and, where it is known, the vendor's own id; `OutId` says that it is ours."""
        ref = asked.client_ref
        if not asked.to or asked.at is None or not asked.idempotency_key:
            return QueryResult(ref, State.UNKNOWN, code="no_address")
        page = 1
        while True:
            form = {
                "PhoneNumber": _number(asked.to),
                "SendDate": asked.at.astimezone(ZONE).strftime("%Y%m%d"),
                "PageSize": str(_PAGE),
                "CurrentPage": str(page),
                **({"BizId": asked.gateway_id} if asked.gateway_id else {}),
            }
            try:
                reply = await self._call("QuerySendDetails", form)
            except Exception as error:
                return QueryResult(ref, State.UNKNOWN, code=type(error).__name__)
            found = _decoded(reply.body, _Found)
            if reply.status != 200 or found is None or found.code != "OK":
                return QueryResult(ref, State.UNKNOWN, code=found.code[:64] if found else "malformed_reply")
            rows = found.details.details
            ours = [detail for detail in rows if detail.out_id == asked.idempotency_key]
            if ours:
                state = _STATES.get(ours[0].send_status, State.UNKNOWN)
                return QueryResult(ref, state, asked.gateway_id, ours[0].err_code)
            if page * _PAGE >= int(found.total_count) or not rows:
                return QueryResult(ref, State.NOT_FOUND)
            page += 1

    async def aclose(self) -> None:
        await self._line.aclose()

    def _template(self, message: OutMessage) -> Places:
        places = of_template(message.template, self._templates)
        assert places is not None
        return places

    def _params(self, message: OutMessage) -> tuple[str, dict[str, str]] | None:
        """Signature and values; None for what no approved template says."""
        places, parts = of_template(message.template, self._templates), split_signature(message.body)
        if places is None or parts is None:
            return None
        values = places.filled(parts[1])
        return None if values is None else (parts[0], values)

    def _one(self, message: OutMessage, key: str) -> dict[str, str]:
        fitting = self._params(message)
        assert fitting is not None
        return {
            "PhoneNumbers": _number(message.to),
            "SignName": fitting[0],
            "TemplateCode": self._template(message).code,
            "TemplateParam": msgspec.json.encode(fitting[1]).decode(),
            "OutId": key,
        }

    def _many(self, messages: Sequence[OutMessage], key: str) -> dict[str, str]:
        fitting = [params for message in messages if (params := self._params(message)) is not None]
        return {
            "PhoneNumberJson": msgspec.json.encode([_number(m.to) for m in messages]).decode(),
            "SignNameJson": msgspec.json.encode([sign for sign, _ in fitting]).decode(),
            "TemplateCode": self._template(messages[0]).code,
            "TemplateParamJson": msgspec.json.encode([values for _, values in fitting]).decode(),
            "OutId": key,
        }

    async def _call(self, action: str, form: Mapping[str, str], messages: Sequence[OutMessage] = ()) -> Reply:
        """The parameters are in the body: numbers and texts are in nobody's access log."""
        body = urlencode(form).encode()
        at: datetime = wall_now()
        headers = {
            "host": self._host,
            "content-type": _FORM,
            **acs3_headers(action, VERSION, body, at, uuid.uuid4().hex),
        }
        headers["authorization"] = authorization(self._key_id, self._secret, "POST", "/", {}, headers)
        return await self._line.request("POST", "/", body=body, headers=headers, messages=messages)


def _number(to: str) -> str:
    """Numbers of the mainland without their country's code, others with it and without a plus sign."""
    return normalised(to).removeprefix("+86").removeprefix("+")


def _message_id(message: OutMessage) -> str:
    return message.client_ref.rpartition("-")[0]


def _decoded(body: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
