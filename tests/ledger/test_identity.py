"""An event is known again by its id and by what it says."""

from __future__ import annotations

from hashlib import sha256

from ledger.identity import Identities, Seen, body_hash
from spine.envelope import Envelope
from spine.events.registry import encode
from tests.ledger.events import posted

EVENT = posted("100.00", "09-10")
BODY = encode(EVENT)
ENVELOPE = Envelope(id="e-1", source="core", type=EVENT.TYPE, subject="L-1")


def test_of_many_events_each_is_new_once() -> None:
    known = Identities()
    bodies = [sha256(str(number).encode()).digest() for number in range(20_000)]
    for number, body in enumerate(bodies):
        assert known.note("core", f"e-{number}", body) is Seen.NEW
    for number, body in enumerate(bodies):
        assert known.note("core", f"e-{number}", body) is Seen.SAME
        assert known.note("core", f"e-{number}", bodies[number - 1]) is Seen.OTHER
        assert number % 100 or known.note("other", f"e-{number}", body) is Seen.NEW


def test_source_and_id_are_two_names() -> None:
    known = Identities()
    assert known.note("a", "bc", BODY) is Seen.NEW
    assert known.note("ab", "c", BODY) is Seen.NEW


def test_what_is_said_is_the_same_however_it_was_formatted() -> None:
    spaced = BODY.replace(b",", b" , ").replace(b"loan_id", b"\\u006coan_id")
    assert spaced != BODY
    assert body_hash(ENVELOPE, EVENT, spaced) == body_hash(ENVELOPE, EVENT, BODY)


def test_type_subject_and_every_field_are_part_of_what_is_said() -> None:
    hashes = {
        body_hash(ENVELOPE, EVENT, BODY),
        body_hash(ENVELOPE, EVENT, BODY.replace(b"{", b'{"x":1,')),
        body_hash(Envelope(id="e-1", source="core", type="other.v1", subject="L-1"), EVENT, BODY),
        body_hash(Envelope(id="e-1", source="core", type=EVENT.TYPE, subject="L-2"), EVENT, BODY),
    }
    assert len(hashes) == 4
    without = Envelope(id="e-1", source="core", type=EVENT.TYPE)
    assert body_hash(without, EVENT, BODY) == body_hash(ENVELOPE, EVENT, BODY)
