"""Every door of the stager meets what its schema forbids, and what no schema forbids: it refuses, by name."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest

from tests.stager.people import Desk, desk_of
from tests.stager.stand import Stand

#: Values that belong nowhere, or only where a schema happens to allow them.
HOSTILE: Final[tuple[Any, ...]] = (
    None, 1e308, "x" * 10_000, "a\x00b", "\ud800", [None], "-1.00", "1e5", "1.001",
    "0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00",
)  # fmt: skip
HOSTILE_IDS: Final = ("a\x00b", "a/b", "a\nb", "%", "x" * 3_000, "'; --", "\ufffd", "..")
RAW_BODIES: Final = (
    b"",
    b"null",
    b"[]",
    b"{",
    b'"x"',
    b'{"by":"lena","by":"anna"}',
    b"\xff\xfe",
    b"1" * 5_000,
)


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    for each in schema.get("anyOf", ()):
        if each.get("type") != "null":
            return _resolved(document, each)
    return schema


def _good(document: Mapping[str, Any], schema: Mapping[str, Any], name: str, known: Mapping[str, Any]) -> Any:
    """A value that the schema allows, known facts first."""
    if name in known:
        return known[name]
    shape = _resolved(document, schema)
    if "enum" in shape or "const" in shape:
        return shape["enum"][0] if "enum" in shape else shape["const"]
    match shape.get("type"):
        case "object":
            fields = shape.get("properties", {})
            return {each: _good(document, fields[each], each, known) for each in fields}
        case "array":
            return [_good(document, shape.get("items", {}), name, known)]
        case "integer" | "number":
            return shape.get("minimum", 1)
        case "boolean":
            return True
    words = {"date": "2026-11-25", "date-time": "2026-11-25T10:00:00+08:00"}
    amount = "10.00" if "[0-9]{0," in shape.get("pattern", "") else "word"
    return words.get(shape.get("format", ""), amount)


def _spoilt(body: Mapping[str, Any]) -> Iterator[Any]:
    """The body with one thing wrong, at every field however deep."""
    for name, value in body.items():
        yield {each: body[each] for each in body if each != name}
        for hostile in HOSTILE:
            yield {**body, name: hostile}
        if isinstance(value, dict):
            yield from ({**body, name: inner} for inner in _spoilt(value))
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield from ({**body, name: [inner]} for inner in _spoilt(value[0]))
    yield {**body, "unknown_field": 1}


def _wrong(response: httpx.Response) -> str | None:
    """What an answer does that none may do."""
    if response.status_code >= 500 and response.json().get("code") != "ledger_silent":  # there is none here
        return f"{response.status_code} {response.text[:300]}"
    if response.status_code >= 400:
        if response.headers["content-type"] != "application/problem+json":
            return f"{response.status_code} {response.headers['content-type']}"
        if not response.json().get("code"):
            return f"{response.status_code} without a code"
    return None


@pytest.fixture
async def door(stager: Stand) -> AsyncIterator[tuple[Desk, dict[str, Any], Mapping[str, Any]]]:
    """A case with a team, what a request may name of them, and the contract of the door."""
    async with desk_of(stager) as desk:
        await desk.member("lena", roles=["lead", "collector", "compliance"])
        await desk.member("anna")
        case_id = await desk.a_case()
        known = {
            "case_id": case_id,
            "borrower_id": "B1",
            "loan_id": "L1",
            "member_id": "anna",
            "agency_id": "A1",
            "by": "lena",
            "to": "anna",
            "currency": "CNY",
            "amount": "10.00",
            "capacity": 10,
            "task_id": await desk.a_task(case_id),
            "roles": ["collector"],
            "reason": "word",
            "file": "stages-cn.yaml",
            "text": "name: x",
            "kind": "dispute",
            "at": "2026-11-16T09:00:00+08:00",
        }
        yield desk, known, await desk.get("/openapi.json")


def _url(path: str, known: Mapping[str, Any]) -> str:
    for name, value in known.items():
        path = path.replace("{" + name + "}", quote(str(value), safe=""))
    return path.replace("{", "").replace("}", "")


def _body(document: Mapping[str, Any], operation: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return None if content is None else _good(document, content["schema"], "", known)


async def test_no_body_makes_a_door_fail(door: tuple[Desk, dict[str, Any], Mapping[str, Any]]) -> None:
    desk, known, document = door
    failed = {}
    for path, operations in document["paths"].items():
        for method in operations.keys() & {"post", "put", "patch", "delete"}:
            body = _body(document, operations[method], known)
            spoilt = [json.dumps(each).encode() for each in _spoilt(body)] if isinstance(body, dict) else []
            for raw in (*spoilt, *RAW_BODIES):
                headers = {"Content-Type": "application/json"}
                response = await desk.client.request(method, _url(path, known), content=raw, headers=headers)
                if (wrong := _wrong(response)) is not None:
                    failed[f"{method} {path}"] = (wrong, raw[:300])
    assert not failed


async def test_no_name_makes_a_door_fail(door: tuple[Desk, dict[str, Any], Mapping[str, Any]]) -> None:
    desk, known, document = door
    failed = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for each in operation.get("parameters", ()):
                for hostile in (*HOSTILE_IDS, "0001-01-01", "9999-12-31"):
                    asked = {**known, each["name"]: hostile} if each["in"] == "path" else known
                    response = await desk.client.request(
                        method,
                        _url(path, asked),
                        json=_body(document, operation, known),
                        params={each["name"]: hostile} if each["in"] == "query" else {},
                    )
                    if (wrong := _wrong(response)) is not None:
                        failed[f"{method} {path} {each['name']}"] = (wrong, hostile[:60])
    assert not failed
