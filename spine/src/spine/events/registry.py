"""Which event types flow on which topic: one frozen class per type and version, found by (topic, type)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from msgspec import Meta

from spine.errors import BadAmount, BadJson, BadSchema, EventRefused, UnknownType

# `$` alone lets a line feed pass at the end.
#: A plain decimal string; the currency's decimals are checked where the currency is known.
Amount = Annotated[
    str, Meta(pattern=r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,3})?$(?!\n)", description="Decimal string")
]
#: A yearly rate as a plain decimal string: "0.12" is 12 % a year.
Rate = Annotated[
    str, Meta(pattern=r"^[0-9]{1,3}(\.[0-9]{1,10})?$(?!\n)", description="Decimal string, a year")
]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339 with offset")]
Id = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]
CurrencyCode = Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217")]

_AMOUNT_FIELDS = frozenset(
    {"amount", "principal", "interest", "fee", "tolerance", "overdue_principal", "overdue_interest"}
)


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fact on a topic. Subclasses are whole facts of primitives and ids, never deltas."""

    TYPE: ClassVar[str]
    TOPIC: ClassVar[str]

    @property
    def key(self) -> str | None:
        """The partition key: the borrower's id, or None for facts about no one."""
        return getattr(self, "borrower_id", None)

    @property
    def subject(self) -> str | None:
        """The loan's id, or the borrower's for facts about a borrower."""
        return getattr(self, "loan_id", None) or self.key

    def check(self) -> None:
        """Raise EventRefused for what the field types cannot say."""


EventT = TypeVar("EventT", bound=type[Event])
_EVENTS: dict[tuple[str, str], type[Event]] = {}


def event(topic: str, type_: str) -> Callable[[EventT], EventT]:
    """Registers an event class as `type_` on `topic`; each pair has exactly one class."""

    def register(cls: EventT) -> EventT:
        if (topic, type_) in _EVENTS:
            raise RuntimeError(f"{type_} is registered twice on {topic}")
        cls.TYPE, cls.TOPIC = type_, topic
        _read_directly(cls)
        _EVENTS[topic, type_] = cls
        return cls

    return register


def _read_directly(cls: type[Event]) -> None:
    """Where a fact always names its borrower and loan, `key` and `subject` are these fields, read in C."""
    names, defaults = cls.__struct_fields__, cls.__struct_defaults__
    has_default = [False] * (len(names) - len(defaults)) + [
        each is not msgspec.NODEFAULT for each in defaults
    ]
    required = {name for name, optional in zip(names, has_default, strict=True) if not optional}
    if "borrower_id" in required:
        cls.key = property(attrgetter("borrower_id"))  # type: ignore[method-assign,assignment]
        if "loan_id" in required:
            cls.subject = property(attrgetter("loan_id"))  # type: ignore[method-assign,assignment]


def event_class(topic: str, type_: str) -> type[Event]:
    """The class of `type_` on `topic`; raises UnknownType."""
    try:
        return _EVENTS[topic, type_]
    except KeyError:
        raise UnknownType(f"type {type_[:80]!r} is not known on topic {topic}", field="type") from None


def events_of(topic: str) -> Iterator[type[Event]]:
    """All registered classes of a topic, by type."""
    return iter(sorted((cls for (t, _), cls in _EVENTS.items() if t == topic), key=lambda cls: cls.TYPE))


def encode(event_: Event) -> bytes:
    """The JSON body of an event; fields at their default are left out."""
    return msgspec.json.encode(event_)


_DECODERS: dict[type[Event], msgspec.json.Decoder[Any]] = {}


def decode(cls: type[Event], body: bytes | bytearray | memoryview) -> Event:
    """The event in a JSON body. Raises BadJson, BadAmount or BadSchema naming the field."""
    decoder = _DECODERS.get(cls)
    if decoder is None:
        decoder = _DECODERS[cls] = msgspec.json.Decoder(cls)
    try:
        decoded: Event = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _broken_further_on(bytes(body)) or _field_error(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _json_error(bytes(body), error) from None
    decoded.check()
    return decoded


def convert(cls: type[Event], data: Any) -> Event:
    """As decode, from an already parsed JSON value."""
    try:
        converted = msgspec.convert(data, cls)
    except msgspec.ValidationError as error:
        raise _field_error(error) from None
    converted.check()
    return converted


def _field_error(error: msgspec.ValidationError) -> EventRefused:
    message, _, path = str(error).rpartition(" - at `$")
    field = path.rstrip("`").lstrip(".") if message else ""
    leaf = field.rpartition(".")[2].removesuffix("[...]")
    kind = BadAmount if leaf in _AMOUNT_FIELDS or field == "penalty" else BadSchema
    text = message or str(error)
    if kind is BadAmount and text.startswith("Expected `str"):
        text = 'amounts are plain decimal strings such as "3200.00": no numbers, signs or exponents'
    return kind(f"{field}: {text}" if field else text, field=field or None)


def _broken_further_on(body: bytes) -> EventRefused | None:
    """What is not JSON at all, though a wrong field comes before the place where it breaks."""
    try:
        msgspec.json.decode(body)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _json_error(body, error)
    return None


def _json_error(body: bytes, error: Exception) -> EventRefused:
    """NaN and Infinity are the one way of not being JSON that senders really produce: say what they are."""

    def refuse(constant: str) -> None:
        raise BadAmount(f"{constant} is not an amount; amounts are decimal strings")

    try:
        json.loads(body, parse_constant=refuse)
    except BadAmount as bad_amount:
        return bad_amount
    except (ValueError, RecursionError):
        pass
    return BadJson(f"not JSON: {error}")
