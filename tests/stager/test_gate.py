"""The stager's client of the gate: typed answers, and silence of the other side as an answer too."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import httpx
import pytest

from spine.settings import BadSettings
from stager.gate import Answer, Gate, RuleFired, TemplateVersions
from stager.remote import Unreachable
from stager.settings import StagerSettings


def gate(reply: httpx.Response | Exception, seen: list[httpx.Request] | None = None) -> Gate:
    """A gate whose other side always does the same."""

    def other_side(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        if isinstance(reply, Exception):
            raise reply
        return reply

    return Gate("http://notifier", lambda: "t" * 40, transport=httpx.MockTransport(other_side))


async def ask(it: Gate) -> Answer | Unreachable:
    try:
        return await it.check("B1", "L1", "call", "collection", "S1", "agent-7")
    finally:
        await it.aclose()


async def test_an_answer_is_read_with_its_rules() -> None:
    seen: list[httpx.Request] = []
    body = {
        "verdict": "defer",
        "until": "2026-11-25T08:00:00+08:00",
        "rules": [{"id": "CN-T1", "verdict": "defer", "until": "2026-11-25T08:00:00+08:00", "citation": "c"}],
        "more": 1,
    }
    answer = await ask(gate(httpx.Response(200, json=body), seen))
    until = datetime(2026, 11, 25, tzinfo=UTC)
    assert answer == Answer("defer", until, (RuleFired("CN-T1", "defer", until, "c"),))
    assert isinstance(answer, Answer) and not answer.is_allowed
    [request] = seen
    assert request.headers["authorization"] == "Bearer " + "t" * 40
    asked = {
        "borrower_id": "B1",
        "loan_id": "L1",
        "channel": "call",
        "purpose": "collection",
        "stage": "S1",
        "by": "agent-7",
    }
    assert (request.url.path, json.loads(request.content)) == ("/v1/permits/check", asked)


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        (httpx.ConnectError("refused"), "does not answer"),
        (httpx.ReadTimeout("slow"), "does not answer"),
        (httpx.Response(503, text="busy"), "503"),
        (httpx.Response(422, text="no such stage"), "no such stage"),
        (httpx.Response(200, text="<html>"), "something else"),
        (httpx.Response(200, json={"verdict": "maybe"}), "something else"),
    ],
)
async def test_what_is_no_answer_is_told_in_words(reply: httpx.Response | Exception, word: str) -> None:
    answer = await ask(gate(reply))
    assert isinstance(answer, Unreachable) and word in answer.detail


async def test_without_an_address_or_a_token_it_says_what_to_set() -> None:
    assert await ask(Gate("", lambda: "t")) == Unreachable(
        "TACT_STAGER_NOTIFIER_URL is not set: give the notifier's address"
    )

    def no_token() -> str:
        raise BadSettings("no bearer token")

    assert await ask(Gate("http://notifier", no_token)) == Unreachable("no bearer token")


async def test_templates_are_listed() -> None:
    entry = {"id": "s1-warm-sms", "channel": "sms", "stage": "S1", "languages": ["zh-CN"], "versions": [1]}
    it = gate(httpx.Response(200, json={"templates": [entry]}))
    assert await it.templates() == (TemplateVersions("s1-warm-sms", "sms", "S1", ("zh-CN",), (1,)),)
    await it.aclose()


def test_the_address_is_a_setting() -> None:
    given = {"TACT_STAGER_NOTIFIER_URL": "http://notifier:8103/"}
    assert StagerSettings.from_environment(given).notifier_url == "http://notifier:8103"
    with pytest.raises(BadSettings, match="TACT_STAGER_NOTIFIER_URL"):
        StagerSettings.from_environment({"TACT_STAGER_NOTIFIER_URL": "notifier"})
