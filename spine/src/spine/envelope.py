"""CloudEvents 1.0 around an event: binary mode on brokers, structured mode over REST and in files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from spine.errors import BadJson, BadSchema
from spine.events.registry import Event, convert, decode, event_class

Headers = Sequence[tuple[str, bytes]]

_REQUIRED: Final = ("id", "source", "type")


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """CloudEvents attributes. `position`, `log_epoch` and `loan_seq` are our own extension attributes."""

    id: str
    source: str
    type: str
    time: datetime | None = None
    subject: str | None = None
    position: int | None = None
    log_epoch: str | None = None
    loan_seq: int | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None

    def headers(self) -> list[tuple[str, bytes]]:
        """Kafka headers of binary content mode."""
        pairs: list[tuple[str, str | None]] = [
            ("ce_specversion", "1.0"),
            ("ce_id", self.id),
            ("ce_source", self.source),
            ("ce_type", self.type),
            ("ce_time", self.time.isoformat() if self.time else None),
            ("ce_subject", self.subject),
            ("ce_position", None if self.position is None else str(self.position)),
            ("ce_log_epoch", self.log_epoch),
            ("ce_loan_seq", None if self.loan_seq is None else str(self.loan_seq)),
            ("ce_correlationid", self.correlation_id),
            ("ce_causationid", self.causation_id),
            ("ce_traceparent", self.traceparent),
            ("content-type", "application/json"),
        ]
        return [(name, value.encode()) for name, value in pairs if value is not None]

    @classmethod
    def from_headers(cls, headers: Headers) -> Envelope:
        """The envelope of a broker record. Raises BadSchema when a required attribute is missing or bad."""
        try:
            values: dict[str, Any] = {
                _FIELDS[name]: value.decode()
                for name, value in headers
                if name in _FIELDS and value is not None
            }
        except UnicodeDecodeError:
            raise BadSchema("a header is not UTF-8") from None
        for name in _REQUIRED:
            if not values.get(name):
                raise BadSchema(f"header ce_{name} is missing", field=f"ce_{name}")
        try:
            for name, read in _READ:
                if name in values:
                    values[name] = read(values[name])
        except ValueError as error:
            raise BadSchema(f"headers: {error}") from None
        return cls(**values)


def _instant(text: str) -> datetime:
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError("ce_time has no offset")
    return parsed.astimezone(UTC)


#: The attribute that each header holds.
_FIELDS: Final = {
    "ce_id": "id",
    "ce_source": "source",
    "ce_type": "type",
    "ce_time": "time",
    "ce_subject": "subject",
    "ce_position": "position",
    "ce_log_epoch": "log_epoch",
    "ce_loan_seq": "loan_seq",
    "ce_correlationid": "correlation_id",
    "ce_causationid": "causation_id",
    "ce_traceparent": "traceparent",
}
#: Attributes that are no text.
_READ: Final[tuple[tuple[str, Callable[[str], Any]], ...]] = (
    ("time", _instant),
    ("position", int),
    ("loan_seq", int),
)


class _Structured(msgspec.Struct, kw_only=True):
    specversion: str
    id: str
    source: str
    type: str
    time: datetime | None = None
    subject: str | None = None
    correlationid: str | None = None
    traceparent: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


_STRUCTURED: Final = msgspec.json.Decoder(_Structured)


@dataclass(frozen=True, slots=True)
class Structured:
    """One event in structured mode: its envelope and the untouched JSON of its data."""

    envelope: Envelope
    data: bytes

    def event(self, topic: str) -> Event:
        """The typed event on `topic`; raises EventRefused."""
        return decode(event_class(topic, self.envelope.type), self.data)


def parse_structured(line: bytes) -> Structured:
    """One structured CloudEvent. Raises BadJson, BadAmount (bare NaN) or BadSchema naming the field."""
    try:
        parsed = _STRUCTURED.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        parsed = _reparse(line)
    for name in _REQUIRED:
        value = getattr(parsed, name)
        if not value or len(value) > 200:
            raise BadSchema(f"{name}: 1 to 200 characters are required", field=name)
    if parsed.specversion != "1.0":
        raise BadSchema('specversion: "1.0" is required', field="specversion")
    if parsed.time is not None and parsed.time.tzinfo is None:
        raise BadSchema("time: an offset is required", field="time")
    return Structured(
        Envelope(
            id=parsed.id,
            source=parsed.source,
            type=parsed.type,
            time=parsed.time,
            subject=parsed.subject,
            correlation_id=parsed.correlationid,
            traceparent=parsed.traceparent,
        ),
        bytes(parsed.data),
    )


class _AnyStructured(Event, frozen=True, kw_only=True):
    specversion: str
    id: str
    source: str
    type: str
    time: datetime | None = None
    subject: str | None = None
    data: Any = None


def _reparse(line: bytes) -> _Structured:
    """Finds the words for what is wrong with a line; never returns."""
    decode(_AnyStructured, line)
    raise BadJson("not a JSON object")


def to_structured(envelope: Envelope, data: bytes) -> dict[str, Any]:
    """A structured CloudEvent as a JSON-ready dict."""
    body: dict[str, Any] = {
        "specversion": "1.0",
        "id": envelope.id,
        "source": envelope.source,
        "type": envelope.type,
        "time": envelope.time.isoformat() if envelope.time else None,
        "subject": envelope.subject,
        "position": envelope.position,
        "log_epoch": envelope.log_epoch,
        "loan_seq": envelope.loan_seq,
        "correlationid": envelope.correlation_id,
        "causationid": envelope.causation_id,
        "traceparent": envelope.traceparent,
        "datacontenttype": "application/json",
        "data": msgspec.json.decode(data),
    }
    return {name: value for name, value in body.items() if value is not None}


__all__ = ["Envelope", "Headers", "Structured", "convert", "parse_structured", "to_structured"]
