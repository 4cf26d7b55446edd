"""Vendors send only templates they approved: finds what our text fills into theirs, or that it is not theirs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_ALIYUN: Final = re.compile(r"\$\{([A-Za-z]\w{0,31})\}")
_WECHAT: Final = re.compile(r"\{\{([A-Za-z]\w{0,31})\.DATA\}\}")


@dataclass(frozen=True, slots=True)
class Places:
    """One approved template. What the vendor will show is our approved text word for word, or nothing is sent."""

    code: str
    pattern: re.Pattern[str]

    def filled(self, text: str) -> dict[str, str] | None:
        """The value of each place; None when the text is not this template's."""
        found = self.pattern.fullmatch(text.strip())
        return {name: value.strip() for name, value in found.groupdict().items()} if found else None


def aliyun_places(code: str, text: str) -> Places:
    """A template of Aliyun: places are `${name}`; the signature in 【】 is not part of it."""
    return Places(code, _pattern(text, _ALIYUN))


def wechat_places(code: str, text: str) -> Places:
    """A template of an official account: places are `{{name.DATA}}`."""
    return Places(code, _pattern(text, _WECHAT))


def _pattern(text: str, place: re.Pattern[str]) -> re.Pattern[str]:
    parts, seen, end = [], set(), 0
    for found in place.finditer(text):
        parts.append(re.escape(text[end : found.start()]))
        name = found[1]
        # The same place twice must hold the same.
        parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>.+?)")
        seen.add(name)
        end = found.end()
    parts.append(re.escape(text[end:]))
    return re.compile("".join(parts), re.DOTALL)


def split_signature(body: str) -> tuple[str, str] | None:
    """【institution】 at the beginning of a text, and the rest of it."""
    found = re.fullmatch(r"【([^】]{1,30})】(.*)", body, re.DOTALL)
    return (found[1], found[2]) if found else None


def of_template(template: str | None, known: Mapping[str, Places]) -> Places | None:
    """The vendor's template for one of ours."""
    return known.get(template) if template is not None else None
