"""Files of events in tests: lines in short notation, and what the offline ledger makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ledger.figures import ArrearsFigures
from ledger.offline import FactsOfFile
from spine.calendars import load_calendars
from spine.events.registry import Event
from tests.ledger.events import cloud_event, on, posted

CALENDARS = load_calendars()

#: An event, a CloudEvent as a dict, or a line as it is.
Stated = Event | dict[str, Any] | str


def lines_of(*events: Stated) -> list[str]:
    """Lines of events, each under an id of its own."""
    texts = []
    for number, event in enumerate(events):
        if isinstance(event, Event):
            event = cloud_event(event, f"e-{number}")
        texts.append(event if isinstance(event, str) else json.dumps(event))
    return texts


def read(lines: Iterable[str]) -> FactsOfFile:
    facts = FactsOfFile(CALENDARS)
    for number, line in enumerate(lines, 1):
        facts.read(number, line.encode())
    return facts


def age(lines: Iterable[str], as_of: str) -> tuple[list[ArrearsFigures], list[tuple[int, str]]]:
    """The figures of a file, and the line and code of each problem."""
    facts = read(lines)
    figures = list(facts.arrears(on(as_of)))
    return figures, [(problem.line, problem.code) for problem in facts.problems()]


def one(*events: Stated, as_of: str) -> ArrearsFigures:
    """The figures of the only loan of a file without a bad line."""
    [figures], problems = age(lines_of(*events), as_of)
    assert problems == []
    return figures


def codes(*events: Stated) -> list[tuple[int, str]]:
    """Line and code of each problem."""
    return age(lines_of(*events), "11-01")[1]


def an_event(**changes: Any) -> dict[str, Any]:
    """A posting of L-1 as a CloudEvent; `data__x` changes a field of its data, None takes a field out."""
    event = cloud_event(posted("100.00", "09-10"), "e-x")
    for name, value in changes.items():
        into = event["data"] if name.startswith("data__") else event
        into[name.removeprefix("data__")] = value
        if value is None:
            del into[name.removeprefix("data__")]
    return event
