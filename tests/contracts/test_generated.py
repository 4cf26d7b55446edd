"""What is written in contracts/ is what the code says, and the documents hold together."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.generate_contracts import CONTRACTS, HEADERS, Declared, declared_services, main, render
from spine.envelope import Envelope
from spine.settings import PORTS
from spine.topics import TOPICS


@pytest.fixture(scope="module")
def services() -> dict[str, Declared]:
    return declared_services()


@pytest.fixture(scope="module")
def asyncapi(services: dict[str, Declared]) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(render(services)["asyncapi.yaml"])
    return document


def test_the_contracts_are_not_stale(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_a_stale_missing_or_superfluous_file_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "contracts"
    shutil.copytree(CONTRACTS, root)
    (root / "topics.yaml").write_text("changed", encoding="utf-8")
    (root / "asyncapi.yaml").unlink()
    (root / "schemas" / "old.json").write_text("{}", encoding="utf-8")
    assert main(["--check"], root) == 1
    told = capsys.readouterr().err
    assert all(f"contracts/{name}" in told for name in ("topics.yaml", "asyncapi.yaml", "schemas/old.json"))
    assert main([], root) == 0
    assert main(["--check"], root) == 0


def test_any_other_argument_is_wrong_usage() -> None:
    assert main(["--chekc"]) == 2


def test_every_service_is_described(services: dict[str, Declared]) -> None:
    files = render(services)
    assert services.keys() == PORTS.keys()
    assert {f"openapi/{name}.json" for name in PORTS} <= files.keys()


def test_every_reference_of_the_asyncapi_leads_somewhere(
    asyncapi: dict[str, Any], services: dict[str, Declared]
) -> None:
    files = render(services)
    references = list(_references(asyncapi))
    assert references
    for reference in references:
        if reference.startswith("./"):
            assert reference.removeprefix("./") in files
        else:
            _resolve(asyncapi, reference)


def test_the_asyncapi_has_the_parts_its_version_requires(asyncapi: dict[str, Any]) -> None:
    assert asyncapi["asyncapi"] == "3.0.0"
    assert asyncapi["info"].keys() >= {"title", "version"}
    assert asyncapi["channels"].keys() == TOPICS.keys()
    keys = [*asyncapi["channels"], *asyncapi["operations"], *asyncapi["components"]["messages"]]
    assert all(re.fullmatch(r"[a-zA-Z0-9._-]+", key) for key in keys)
    for operation in asyncapi["operations"].values():
        channel = operation["channel"]["$ref"]
        assert operation["action"] in ("send", "receive")
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"])


def test_the_headers_are_those_of_the_envelope() -> None:
    full = Envelope(
        id="1",
        source="s",
        type="t.v1",
        time=datetime(2026, 11, 24, tzinfo=UTC),
        subject="l",
        position=1,
        log_epoch="e",
        loan_seq=1,
        correlation_id="c",
        causation_id="a",
        traceparent="p",
    )
    assert [name for name, _ in full.headers()] == list(HEADERS)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


def _resolve(document: dict[str, Any], reference: str) -> None:
    node: Any = document
    for part in reference.removeprefix("#/").split("/"):
        assert part in node, reference
        node = node[part]
