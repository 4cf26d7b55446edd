"""What is known of a borrower as far as policies ask: the zone, the region and the traits of the profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from stager.domain.scopes import Subject


@dataclass(frozen=True, slots=True)
class Person:
    """A borrower; `zone` is the lender's while the own is not known, `region` None while that is not."""

    zone: ZoneInfo
    region: str | None = None
    segment: Mapping[str, str] = field(default_factory=dict)

    def subject(self, product: str) -> Subject:
        """The borrower with a loan of this product, as scopes ask for it."""
        return Subject(product, self.region, self.segment)
