"""YAML read strictly for policies: every value keeps its line, and whatever does not fit its type is found."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
import yaml

P = TypeVar("P")
#: Keys and positions that lead from the top of a document to a value.
Place = tuple[str | int, ...]

_PART: Final = re.compile(r"\[\.\.\.\]|\[(\d+)\]|\.([^.\[]+)")
_WHERE: Final = re.compile(r"(.*) - at `(?:key in )?\$(.*)`$", re.DOTALL)
_UNKNOWN: Final = re.compile(r"unknown field `([^`]+)`")
_MISSING: Final = re.compile(r"missing required field `([^`]+)`")


class Marked(NamedTuple):
    """A line, counted from 1, and what is wrong there."""

    line: int
    reason: str


class _StrictLoader(yaml.SafeLoader):
    """Keeps dates, yes/no and numbers as YAML 1.1 reads them; no aliases, which can grow without end."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not read here: write it out", mark)
        return super().compose_node(parent, index)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            # A date such as 2026-02-30.
            raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from None


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


@dataclass(frozen=True, slots=True)
class Document:
    """A document as written."""

    root: yaml.Node | None

    @classmethod
    def parse(cls, text: str) -> Document:
        """Raises yaml.YAMLError."""
        loader = _StrictLoader(text)
        try:
            return cls(loader.get_single_node())
        finally:
            loader.dispose()

    def line_of(self, place: Place) -> int:
        """The line of the value at a place; where a part of the way is missing, of what there is of it."""
        node, line = self.root, 1
        for part in place:
            found = _child(node, part)
            if found is None:
                break
            line, node = found
        return line

    def repeated(self) -> Iterator[Marked]:
        """Keys given twice."""
        for node in _nodes(self.root):
            if isinstance(node, yaml.MappingNode):
                seen: set[str] = set()
                for key, _ in node.value:
                    if str(key.value) in seen:
                        yield Marked(key.start_mark.line + 1, f"{key.value!r} is given twice")
                    seen.add(str(key.value))

    def value(self) -> Any:
        """The document as plain values."""
        if self.root is None:
            return None
        return _StrictLoader("").construct_document(self.root)


def convert(document: Document, kind: type[P]) -> tuple[P | None, list[Marked]]:
    """The document as `kind`, or all that does not fit it: after each fault the faulty part is left out.

    Raises yaml.YAMLError for values that YAML itself does not know.
    """
    faults: list[Marked] = []
    left_out: set[int] = set()
    root = document.root
    while True:
        try:
            value = msgspec.convert(Document(root).value(), kind, strict=True)
        except msgspec.ValidationError as error:
            message, place = _where(str(error))
            place = _settled(root, place, kind, str(error))
            unknown, missing = _UNKNOWN.search(message), _MISSING.search(message)
            at = (*place, unknown[1]) if unknown else place
            # What only fails because something was left out of it before is no fault of its own.
            if id(_at(root, place)) not in left_out or not (missing or "length" in message):
                faults.append(Marked(Document(root).line_of(at), str(error)))
            root = _without(root, at, left_out)
            if root is None:
                return None, faults
        else:
            return (None if faults else value), faults


def _where(message: str) -> tuple[str, Place]:
    """The words of a msgspec error and its place, in which "..." stands for a key that it does not name."""
    match = _WHERE.match(message)
    if match is None:
        return message, ()
    parts = [
        int(number) if number else name if name else "..."
        for number, name in (part.groups() for part in _PART.finditer(match[2]))
    ]
    return match[1], tuple(parts)


def _settled(root: yaml.Node | None, place: Place, kind: type[Any], message: str) -> Place:
    """The place with the keys that the error does not name: those with which alone it fails the same way."""
    if "..." not in place:
        return place
    n = place.index("...")
    node = _at(root, place[:n])
    if not isinstance(node, yaml.MappingNode):
        return place[:n]
    whole = node.value
    try:
        for entry in whole:
            node.value = [entry]
            try:
                msgspec.convert(Document(root).value(), kind, strict=True)
            except msgspec.ValidationError as error:
                if str(error) == message:
                    found = (*place[:n], entry[0].value, *place[n + 1 :])
                    return _settled(root, found, kind, message)
    finally:
        node.value = whole
    return place[:n]


def _without(root: yaml.Node | None, place: Place, left_out: set[int]) -> yaml.Node | None:
    """The document without the value at a place; None when nothing could be left out."""
    if not place:
        return None
    parent = _at(root, place[:-1])
    if isinstance(parent, yaml.MappingNode):
        kept = [entry for entry in parent.value if entry[0].value != str(place[-1])]
    elif isinstance(parent, yaml.SequenceNode) and isinstance(place[-1], int):
        kept = [*parent.value[: place[-1]], *parent.value[place[-1] + 1 :]]
    else:
        return None
    if len(kept) == len(parent.value):
        return _without(root, place[:-1], left_out)
    parent.value = kept
    left_out.add(id(parent))
    return root


def _at(root: yaml.Node | None, place: Place) -> yaml.Node | None:
    node = root
    for part in place:
        found = _child(node, part)
        if found is None:
            return None
        node = found[1]
    return node


def _child(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
    """The value under a key, with the line of the key, or at a position of a sequence."""
    if isinstance(node, yaml.MappingNode):
        return next(
            ((key.start_mark.line + 1, value) for key, value in node.value if key.value == str(part)), None
        )
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        value = node.value[part]
        return value.start_mark.line + 1, value
    return None


def _nodes(node: yaml.Node | None) -> Iterator[yaml.Node]:
    if node is None:
        return
    yield node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _nodes(key)
            yield from _nodes(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _nodes(value)
