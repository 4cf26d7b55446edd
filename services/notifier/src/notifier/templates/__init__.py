"""The words that are sent: versioned data per locale, filled from a whitelist and checked before and after."""

from notifier.templates.catalogue import DEFAULT_PACKS, Templates
from notifier.templates.file import DEFAULT_LOCALE, Locale, TemplateFile, Variant
from notifier.templates.template import Rendered, Template, TemplateRefused

__all__ = [
    "DEFAULT_LOCALE",
    "DEFAULT_PACKS",
    "Locale",
    "Rendered",
    "Template",
    "TemplateFile",
    "TemplateRefused",
    "Templates",
    "Variant",
]
