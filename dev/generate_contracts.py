"""Writes contracts/ from the code: what flows, in whose words. `--check` compares instead and exits 1."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

import msgspec
import yaml
from fastapi import FastAPI

from spine.clock import SystemClock
from spine.database import Runtime, create_engine
from spine.events import Event, events_of
from spine.http import create_api
from spine.service import Build, Service
from spine.settings import PORTS
from spine.topics import DEFAULT_PARTITIONS, TOPICS, Topic, dead_letter_topic

CONTRACTS: Final = Path(__file__).resolve().parents[1] / "contracts"
#: What people write; everything else in contracts/ is written here.
BY_HAND: Final = frozenset({"README.md", "examples"})

_NOTE: Final = "Generated from the code by `make contracts`; do not edit."
_MILLISECONDS_A_DAY: Final = timedelta(days=1) // timedelta(milliseconds=1)

#: The envelope's headers on a broker (CloudEvents 1.0, binary content mode), in its order.
HEADERS: Final[Mapping[str, tuple[dict[str, Any], str]]] = {
    "ce_specversion": ({"const": "1.0"}, "Version of CloudEvents"),
    "ce_id": ({"type": "string", "maxLength": 200}, "With the source, what identifies an event"),
    "ce_source": ({"type": "string", "maxLength": 200}, "Who says it"),
    "ce_type": ({"type": "string", "pattern": r"\.v[0-9]+$"}, "What kind of fact it is, and its version"),
    "ce_time": ({"type": "string", "format": "date-time"}, "The business instant of the fact"),
    "ce_subject": ({"type": "string"}, "The loan, or the borrower for facts about a borrower"),
    "ce_position": (
        {"type": "string", "pattern": "^[0-9]+$"},
        "Own topics: gapless number within the partition",
    ),
    "ce_log_epoch": ({"type": "string"}, "Own topics: which run of positions this one belongs to"),
    "ce_loan_seq": ({"type": "string", "pattern": "^[0-9]+$"}, "Own topics: gapless number of the subject"),
    "ce_correlationid": ({"type": "string"}, "The event that began the chain of which this is a part"),
    "ce_causationid": ({"type": "string"}, "The event that this one follows from"),
    "ce_traceparent": ({"type": "string"}, "W3C trace context"),
    "content-type": ({"const": "application/json"}, "The body is the JSON of the type's schema"),
}
_REQUIRED_HEADERS: Final = ("ce_specversion", "ce_id", "ce_source", "ce_type")


@dataclass(frozen=True, slots=True)
class Declared:
    """A service as its composition root declares it, and its REST door."""

    service: Service
    api: FastAPI


def declared_services() -> dict[str, Declared]:
    """Every service that is there, built on an engine that never connects and an empty home."""
    found = {}
    with tempfile.TemporaryDirectory() as home, _environment(Path(home)):
        for name in PORTS:
            package = name.replace("-", "_")
            if importlib.util.find_spec(f"{package}.app") is None:
                continue
            build = cast(Build, importlib.import_module(f"{package}.app").build)
            engine = create_engine("postgresql://nobody@127.0.0.1:1/nothing", name=name)
            runtime = Runtime(name, engine, SystemClock(), ZoneInfo("Asia/Shanghai"), DEFAULT_PARTITIONS)
            service = build(runtime)
            found[name] = Declared(service, create_api(service, runtime, token="-" * 40))
    return found


@contextmanager
def _environment(home: Path) -> Iterator[None]:
    """Whatever runs on this machine must not show in the contracts: a home of its own, all else default."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith("TACT_")]:
        del os.environ[name]
    os.environ["TACT_HOME"] = str(home)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def render(services: Mapping[str, Declared]) -> dict[str, str]:
    """Every generated file: path below contracts/ -> content."""
    files = {"topics.yaml": _yaml(_topics(services)), "asyncapi.yaml": _yaml(_asyncapi(services))}
    for topic in TOPICS:
        for cls in events_of(topic):
            files[f"schemas/{topic}/{cls.TYPE}.json"] = _json(schema_of(cls))
    for name, declared in services.items():
        files[f"openapi/{name}.json"] = _json(declared.api.openapi())
    return files


def schema_of(cls: type[Event]) -> dict[str, Any]:
    """The JSON Schema of an event's body. Fields it does not name are allowed and must be ignored."""
    (top,), parts = msgspec.json.schema_components((cls,), ref_template="#/$defs/{name}")
    own = parts.pop(top["$ref"].rpartition("/")[2])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:tact:{cls.TOPIC}:{cls.TYPE}",
        "$comment": _NOTE,
        **own,
        **({"$defs": parts} if parts else {}),
    }


def _consumers(services: Mapping[str, Declared], cls: type[Event]) -> list[str]:
    return [
        name for name, declared in services.items() if any(cls in c.types for c in declared.service.consumes)
    ]


def _topics(services: Mapping[str, Declared]) -> dict[str, Any]:
    return {
        topic.name: {
            "doc": topic.doc,
            "owner": topic.owner,
            "may_read": list(topic.readers),
            "key": "borrower_id",
            "partitions": DEFAULT_PARTITIONS,
            "positions": topic.positioned,
            "personal_data": topic.personal_data,
            "retention_days": topic.retention_days,
            "dead_letters": dead_letter_topic(topic.name),
            "types": {
                cls.TYPE: {"doc": _summary(cls), "consumed_by": _consumers(services, cls)}
                for cls in events_of(topic.name)
            },
        }
        for topic in TOPICS.values()
    }


def _summary(cls: type[Event]) -> str:
    return (cls.__doc__ or "").strip().splitlines()[0]


def _asyncapi(services: Mapping[str, Declared]) -> dict[str, Any]:
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tact",
            "version": "1",
            "description": "Facts that flow between core banking and Tact's services, as CloudEvents 1.0 in binary"
            " content mode. The key of every record is the borrower's id.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS.values()},
        "operations": {
            operation: value
            for name, declared in services.items()
            for operation, value in _operations(name, declared.service)
        },
        "components": {
            "messages": {
                f"{topic}.{cls.TYPE}": _message(cls) for topic in TOPICS for cls in events_of(topic)
            },
            "schemas": {"headers": _headers()},
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": topic.doc,
        "messages": {
            cls.TYPE: {"$ref": f"#/components/messages/{topic.name}.{cls.TYPE}"}
            for cls in events_of(topic.name)
        },
        "bindings": {
            "kafka": {
                "partitions": DEFAULT_PARTITIONS,
                "topicConfiguration": {"retention.ms": topic.retention_days * _MILLISECONDS_A_DAY},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operations(name: str, service: Service) -> Iterator[tuple[str, dict[str, Any]]]:
    yield f"{name}.send", _operation("send", service.topic, service.emits, f"What the {name} service tells")
    for topic in TOPICS.values():
        if topic.owner == name and topic.name != service.topic:
            what = f"What the {name} service gives to others than services"
            yield (
                f"{name}.send.{topic.name}",
                _operation("send", topic.name, tuple(events_of(topic.name)), what),
            )
    for consume in service.consumes:
        what = f"What the {name} service takes from {consume.topic}"
        yield f"{name}.receive.{consume.topic}", _operation("receive", consume.topic, consume.types, what)


def _operation(action: str, topic: str, types: tuple[type[Event], ...], summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{topic}/messages/{cls.TYPE}"} for cls in types],
    }


def _message(cls: type[Event]) -> dict[str, Any]:
    return {
        "name": cls.TYPE,
        "summary": _summary(cls),
        "headers": {"$ref": "#/components/schemas/headers"},
        "payload": {"$ref": f"./schemas/{cls.TOPIC}/{cls.TYPE}.json"},
        "bindings": {
            "kafka": {"key": {"type": "string", "description": "borrower_id"}, "bindingVersion": "0.5.0"}
        },
    }


def _headers() -> dict[str, Any]:
    properties = {name: {**schema, "description": doc} for name, (schema, doc) in HEADERS.items()}
    return {"type": "object", "required": list(_REQUIRED_HEADERS), "properties": properties}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


class _Dumper(yaml.SafeDumper):
    """Writes a value that occurs twice out in full."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _yaml(value: object) -> str:
    return f"# {_NOTE}\n" + yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def stale(files: Mapping[str, str], root: Path) -> list[str]:
    """What differs between the code and the folder: missing, other content, or no longer generated."""
    here = {
        str(path.relative_to(root)): path
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.relative_to(root).parts[0] not in BY_HAND
    }
    differing = [
        name
        for name, content in files.items()
        if name not in here or here[name].read_text(encoding="utf-8") != content
    ]
    return sorted({*differing, *(here.keys() - files.keys())})


def write(files: Mapping[str, str], root: Path) -> None:
    """Brings the folder to what the code says."""
    for name in stale(files, root):
        path = root / name
        if name not in files:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[name], encoding="utf-8")


def main(arguments: list[str], root: Path = CONTRACTS) -> int:
    """Writes, or with `--check` compares; returns the exit status."""
    if arguments not in ([], ["--check"]):
        print("usage: generate_contracts.py [--check]", file=sys.stderr)
        return 2
    files = render(declared_services())
    if not arguments:
        write(files, root)
        return 0
    differing = stale(files, root)
    for name in differing:
        print(f"contracts/{name} is not what the code says; run `make contracts`", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
