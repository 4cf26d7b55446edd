"""What stands at the foot of a page, language by language."""

from __future__ import annotations

from typing import Final

from spine.documents.model import Locale

PAGE_OF: Final[dict[Locale, str]] = {"zh-CN": "第 {page} 页，共 {pages} 页", "en": "Page {page} of {pages}"}
