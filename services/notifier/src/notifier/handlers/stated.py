"""What core banking states of consent becomes part of its history: who, when, and from where."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from notifier.domain.consent import ConsentWord
from notifier.store.parties import PointRow

if TYPE_CHECKING:
    from notifier.handlers.parties import Arrival

_NAMESPACE: Final = uuid.UUID("6d0b5f2e-6a0e-4b38-9a27-5d2b3c1f7a10")
CORE_BANKING: Final = "core banking"


def stated_words(
    points: Iterable[PointRow], held: Mapping[str, PointRow], told: Mapping[str, Arrival], now: datetime
) -> Iterator[ConsentWord]:
    """A word for every address of which something new is stated.

    That a profile says `given` again is no news, and no consent after an opt-out said to us. Only where core
    banking itself had noted `withdrawn` before, `given` is a consent given anew.
    """
    for point in points:
        before = held.get(point.ref)
        if before is not None and (before.consent, before.address_index) == (
            point.consent,
            point.address_index,
        ):
            continue
        same = before is not None and before.address_index == point.address_index
        anew = same and before is not None and (before.consent, point.consent) == ("withdrawn", "given")
        envelope = told[point.borrower_id].envelope
        yield ConsentWord(
            word_id=str(uuid.uuid5(_NAMESPACE, f"{envelope.source}|{envelope.id}|{point.ref}")),
            kind="re_consent" if anew else "stated",
            state=point.consent,
            borrower_id=point.borrower_id,
            channel=point.channel,
            contact_ref=point.ref,
            address_index=point.address_index,
            at=now,
            source=CORE_BANKING,
        )
