"""A template as it is written in its file: one version, in one or more languages."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from notifier.domain.pack import Stage
from spine.events.stager import ContactChannel, ContactPurpose

Locale = Literal["zh-CN", "en"]
DEFAULT_LOCALE: Final[Locale] = "zh-CN"
TemplateId = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Words = tuple[Annotated[str, Meta(min_length=1, max_length=60)], ...]


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The wording in one locale and how long it may become, in characters and, as a text message, in parts."""

    text: Annotated[str, Meta(min_length=1, max_length=4_000)]
    max_chars: Annotated[int, Meta(ge=1, le=4_000)]
    max_segments: Annotated[int, Meta(ge=1, le=10)] | None = None


class TemplateFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of a template.

    `stage` null: for any, so bound by the words of all. `purpose`: what it is sent for. `countries`: where it may
    be used, everywhere by default; the packs of these countries bind it. `figures: false` keeps every amount and
    date out of it. `avoid` and `says`: words it must not and must say, besides what the packs ask.
    """

    id: TemplateId
    version: Annotated[int, Meta(ge=1, le=999_999)]
    channel: ContactChannel
    stage: Stage | None
    purpose: ContactPurpose = "collection"
    countries: tuple[Annotated[str, Meta(pattern=r"^[A-Z]{2}$")], ...] = ()
    figures: bool
    avoid: Words = ()
    says: dict[Locale, Words] = {}
    locales: dict[Locale, Variant]

    @property
    def name(self) -> str:
        """How people name it, such as `s1-warm-sms v2`."""
        return f"{self.id} v{self.version}"

    @property
    def file_name(self) -> str:
        """How its file is called."""
        return f"{self.id}.v{self.version}.yaml"
