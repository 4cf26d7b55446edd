"""A document as data: what stands in it, in which order, with places for what is filled in last."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal

import msgspec
import rfc8785
from msgspec import Meta

from spine.errors import TactError

Locale = Literal["zh-CN", "en"]
Align = Literal["left", "center", "right"]

_PLACE: Final = re.compile(r"\{\{([a-z][a-z0-9_.]{0,63})\}\}")
#: What no file format can hold, and what would let a value lay out the page.
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")

Text = Annotated[str, Meta(max_length=8_000)]
Short = Annotated[str, Meta(max_length=500)]


class UnfilledPlaceholder(TactError):
    """A place of the document has no value: give one for each placeholder."""

    code = "unfilled_placeholder"
    status = 422


class UnprintableText(TactError):
    """A text has characters that cannot be printed: correct it where it is kept."""

    code = "unprintable_text"
    status = 422


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    pass


class Heading(_Part, frozen=True, kw_only=True, tag_field="is", tag="heading"):
    """What a section is about."""

    text: Short


class Paragraph(_Part, frozen=True, kw_only=True, tag_field="is", tag="paragraph"):
    """Running text."""

    text: Text
    align: Align = "left"


class Clauses(_Part, frozen=True, kw_only=True, tag_field="is", tag="clauses"):
    """Numbered terms, from 1."""

    items: Annotated[tuple[Text, ...], Meta(max_length=2_000)]


class Field(_Part, frozen=True, kw_only=True):
    """One line of a block: what it is called, and what it says."""

    label: Short
    value: Text


class Fields(_Part, frozen=True, kw_only=True, tag_field="is", tag="fields"):
    """Labels with their values, a line each."""

    rows: Annotated[tuple[Field, ...], Meta(max_length=200)]


class Column(_Part, frozen=True, kw_only=True):
    """One column: its head, how it is aligned, and its share of the width."""

    label: Short
    align: Align = "left"
    share: Annotated[int, Meta(ge=1, le=100)] = 1


class Table(_Part, frozen=True, kw_only=True, tag_field="is", tag="table"):
    """Rows under column heads, with what they come to. Each row has a cell for each column."""

    columns: Annotated[tuple[Column, ...], Meta(min_length=1, max_length=12)]
    rows: Annotated[tuple[tuple[Short, ...], ...], Meta(max_length=1_000)]
    total: tuple[Short, ...] | None = None

    def __post_init__(self) -> None:
        rows = (*self.rows, *((self.total,) if self.total is not None else ()))
        if any(len(row) != len(self.columns) for row in rows):
            raise ValueError(f"each row of this table has {len(self.columns)} cells")


class Signer(_Part, frozen=True, kw_only=True):
    """Who signs, with the lines to fill in by hand."""

    label: Short
    lines: Annotated[tuple[Short, ...], Meta(max_length=12)]


class Signatures(_Part, frozen=True, kw_only=True, tag_field="is", tag="signatures"):
    """Places to sign, side by side, never torn apart by a page's end."""

    signers: Annotated[tuple[Signer, ...], Meta(min_length=1, max_length=3)]


Block = Heading | Paragraph | Clauses | Fields | Table | Signatures


class Document(_Part, frozen=True, kw_only=True):
    """A document of some pages. Texts may hold placeholders such as `{{borrower.name}}`.

    `issuer` and `number` stand on top of each page, `x of y` at its foot; `dated` is when it was made.
    """

    locale: Locale
    number: Short
    title: Short
    issuer: Short
    dated: date
    blocks: Annotated[tuple[Block, ...], Meta(max_length=200)]


def placeholders(document: Document) -> tuple[str, ...]:
    """The names of all places to be filled, sorted."""
    return tuple(
        sorted({name for text in _texts(msgspec.to_builtins(document)) for name in _PLACE.findall(text)})
    )


def fill(document: Document, values: Mapping[str, str]) -> Document:
    """The document with every place filled; what is filled in is text and never a place of its own.

    Raises UnfilledPlaceholder naming the first place without a value, UnprintableText.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if not (found := values.get(name, "")).strip():
            raise UnfilledPlaceholder(f"{name}: there is no value for it", field=name)
        if _UNPRINTABLE.search(found):
            raise UnprintableText(f"{name}: has characters that cannot be printed", field=name)
        return found

    def filled(text: str) -> str:
        if _UNPRINTABLE.search(text):
            raise UnprintableText(f"{text[:20]!r}: has characters that cannot be printed")
        return _PLACE.sub(value, text)

    return msgspec.convert(_mapped(msgspec.to_builtins(document), filled), Document)


def digest_of(document: Document) -> str:
    """SHA-256 of the document's canonical JSON (RFC 8785), in hex."""
    return hashlib.sha256(rfc8785.dumps(msgspec.to_builtins(document))).hexdigest()


def _texts(data: Any) -> Iterator[str]:
    match data:
        case str():
            yield data
        case dict():
            for value in data.values():
                yield from _texts(value)
        case list() | tuple():
            for value in data:
                yield from _texts(value)


def _mapped(data: Any, change: Callable[[str], str]) -> Any:
    match data:
        case str():
            return change(data)
        case dict():
            return {key: _mapped(value, change) for key, value in data.items()}
        case list() | tuple():
            return [_mapped(value, change) for value in data]
        case _:
            return data
