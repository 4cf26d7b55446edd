"""For whom a policy is: products, regions and segments, and which of several that fit is the most specific."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from stager.domain.conditions import SegmentKey, word_matches

#: A running loan and a new version: `next_stage` leaves it with the old one until it enters another stage.
Moves = Literal["at_once", "next_stage"]
_Patterns = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^[^*]{1,99}\*?$")], ...], Meta(min_length=1, max_length=100)
]
_Names = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^[^*]{1,100}$")], ...], Meta(min_length=1, max_length=100)
]


@dataclass(frozen=True, slots=True)
class Subject:
    """What scopes ask of a loan and its borrower; None and missing keys are not known."""

    product: str | None = None
    region: str | None = None
    segment: Mapping[str, str] = field(default_factory=dict)


#: Nothing is known: only the unscoped policy fits.
ANYONE = Subject()


class Scope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """All that is named must fit; a fact that is not known fits nothing.

    A region may end in `*`: all that begin so.
    """

    products: _Names | None = None
    regions: _Patterns | None = None
    segments: dict[SegmentKey, _Names] = {}

    def is_empty(self) -> bool:
        """Whether it names nothing."""
        return self.products is None and self.regions is None and not self.segments

    def rank_for(self, subject: Subject) -> tuple[int, int, int] | None:
        """How specific the scope is for a subject that it fits, None when it does not fit.

        First whether it names products, then how precise its region is, then how many traits of the segment
        it names; the greater wins.
        """
        if self.products is not None and subject.product not in self.products:
            return None
        if any(subject.segment.get(key) not in wanted for key, wanted in self.segments.items()):
            return None
        region = self._region_for(subject)
        if region is None:
            return None
        return (self.products is not None, region, len(self.segments))

    def _region_for(self, subject: Subject) -> int | None:
        if self.regions is None:
            return 0
        known = subject.region
        if known is None:
            return None
        return max((precision(word) for word in self.regions if word_matches(word, known)), default=None)


def precision(region: str) -> int:
    """How precise a region is: an exact one more than any pattern, a longer pattern more than a shorter."""
    return len(region) - 1 if region.endswith("*") else 1000 + len(region)


def tie(one: Scope, other: Scope) -> str | None:
    """In words, a subject for whom neither of two scopes is more specific; None when there is none."""
    if (one.products is None) != (other.products is None) or len(one.segments) != len(other.segments):
        return None
    shared: list[str] = []
    if one.products is not None and other.products is not None:
        products = sorted(set(one.products) & set(other.products))
        if not products:
            return None
        shared.append(f"product {products[0]}")
    if (one.regions is None) != (other.regions is None):
        return None
    if one.regions is not None and other.regions is not None:
        # Two different regions of one precision never fit the same place.
        regions = sorted(set(one.regions) & set(other.regions))
        if not regions:
            return None
        shared.append(f"region {regions[0]}")
    for key in sorted(set(one.segments) | set(other.segments)):
        mine, theirs = one.segments.get(key), other.segments.get(key)
        both = sorted(set(mine or theirs or ()) & set(theirs or mine or ()))
        if not both:
            return None
        shared.append(f"{key} {both[0]}")
    return ", ".join(shared) or "everyone"


def ties(scopes: Iterable[tuple[str, Scope]]) -> Iterator[tuple[str, str, str]]:
    """Pairs of names whose scopes tie, each with a subject for whom they do."""
    for (one, mine), (other, theirs) in combinations(scopes, 2):
        if (shared := tie(mine, theirs)) is not None:
            yield one, other, shared
