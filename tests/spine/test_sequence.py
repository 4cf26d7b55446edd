"""The order of a partition: twins dropped, gaps waited for, nothing lost, whatever a producer re-sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spine.envelope import Envelope
from spine.sequence import Cursor, Passing, Ready, UnknownLogEpoch


def cursor(last_position: int = 0) -> Cursor:
    return Cursor(0, 0, None, last_position, owner_epoch=1, positioned=True)


def passing(offset: int, position: int | None, epoch: str = "e") -> Passing:
    return Passing(offset, Envelope(f"{position}", "s", "t.v1", position=position, log_epoch=epoch))


def positions(ready: list[Ready]) -> list[int | None]:
    return [r.item.envelope.position for r in ready if r.item.envelope is not None]


def test_in_order_records_pass_at_once() -> None:
    c = cursor()
    assert [positions(c.admit(passing(i, i + 1))) for i in range(3)] == [[1], [2], [3]]
    assert (c.next_offset, c.last_position) == (3, 3)


def test_a_twin_moves_the_offset_and_nothing_else() -> None:
    c = cursor()
    c.admit(passing(0, 1))
    assert c.admit(passing(1, 1)) == []
    assert (c.next_offset, c.last_position, c.has_gap) == (2, 1, False)


def test_behind_a_gap_progress_waits_and_the_missing_record_releases_all() -> None:
    c = cursor()
    c.admit(passing(0, 1))
    assert c.admit(passing(1, 3)) == []
    assert c.admit(passing(2, 4)) == []
    assert c.has_gap and c.next_offset == 1, "a restart must read the waiting records again"
    ready = c.admit(passing(3, 2))
    assert positions(ready) == [2, 3, 4]
    assert ready[-1].resume_offset == 4 and not c.has_gap


def test_a_crash_between_released_records_resumes_before_the_waiting_ones() -> None:
    c = cursor()
    c.admit(passing(0, 2))
    c.admit(passing(1, 4))
    ready = c.admit(passing(2, 1))
    assert positions(ready) == [1, 2]
    assert [r.resume_offset for r in ready] == [0, 1], "offset 0 still holds position 2, offset 1 position 4"


def test_a_tick_behind_a_gap_is_dropped_since_it_would_claim_too_much() -> None:
    c = cursor()
    assert len(c.admit(passing(0, None))) == 1
    c.admit(passing(1, 2))
    assert c.admit(passing(2, None)) == []


def test_another_log_epoch_stops_the_partition() -> None:
    c = cursor()
    c.admit(passing(0, 1, "first"))
    with pytest.raises(UnknownLogEpoch):
        c.admit(passing(1, 2, "second"))


def test_a_trimmed_topic_starts_at_its_first_position() -> None:
    c = cursor(last_position=-1)
    assert positions(c.admit(passing(70, 41))) == [41]


@given(st.data())
def test_any_resend_order_gives_every_position_once_and_in_order(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    sent = data.draw(st.permutations(list(range(1, count + 1)) * 2))
    c = cursor()
    seen: list[int | None] = []
    for offset, position in enumerate(sent):
        for one in c.admit(passing(offset, position)):
            seen += positions([one])
            assert one.position == seen[-1]
    assert seen == list(range(1, count + 1))
    assert c.next_offset == len(sent) and not c.has_gap


@given(st.data())
def test_a_crash_anywhere_resumes_without_loss_or_double(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 10))
    sent = data.draw(st.permutations(range(1, count + 1)))
    crash_after = data.draw(st.integers(0, count))
    c, applied = cursor(), list[int | None]()
    saved = (0, 0)
    for offset, position in enumerate(sent[:crash_after]):
        for one in c.admit(passing(offset, position)):
            applied += positions([one])
            saved = (one.resume_offset, one.position)
    resumed = Cursor(saved[0], saved[0], "e", saved[1], owner_epoch=2, positioned=True)
    for offset in range(saved[0], count):
        applied += positions(resumed.admit(passing(offset, sent[offset])))
    assert applied == list(range(1, count + 1))
