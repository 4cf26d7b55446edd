"""One template in force: filled with values that are data, and judged by the word rules that bind it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, combinations

import jinja2

from notifier.domain.content import fault_of
from notifier.domain.sms_length import measure
from notifier.domain.stated_rules import ContentRule
from notifier.domain.words import first_forbidden, first_missing, plain
from notifier.template_values import OPTIONAL, SAMPLE, refusal
from notifier.templates.file import DEFAULT_LOCALE, Locale, TemplateFile
from notifier.templates.language import Parts, faults_of_use, faults_of_words
from spine.errors import TactError
from spine.policy import Fault, Loaded

#: Every choice of what is defined is tried when a template is read.
_MOST_ASKED = 5


class TemplateRefused(TactError):
    """The text may not be made or sent; `variable` names what is at fault, where it is one variable."""

    code = "template_refused"
    status = 422

    def __init__(self, detail: str, *, template: str, variable: str | None = None) -> None:
        super().__init__(detail, template=template, variable=variable)
        self.variable = variable


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text ready to be sent and what names it for good; `language` is the one it is in."""

    text: str
    template_version: int
    body_sha256: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a template with the word rules that bind it. `source`: where it came from."""

    loaded: Loaded[TemplateFile]
    body: str = field(repr=False)
    rules: tuple[ContentRule, ...]
    parts: Mapping[Locale, Parts]
    compiled: Mapping[Locale, jinja2.Template]
    source: str = "shipped"
    #: The language of those who speak none of the template's.
    lenders: Locale = DEFAULT_LOCALE

    @property
    def file(self) -> TemplateFile:
        """What its file says."""
        return self.loaded.policy

    @property
    def digest(self) -> str:
        """Names exactly what the file says."""
        return self.loaded.digest

    def render(self, locale: str, variables: Mapping[str, str]) -> Rendered:
        """The text in the locale or the nearest there is; TemplateRefused names what is at fault.

        What a text can do without is left out where with it the text would say what it must not: there are
        families called Breach.
        """
        nearest = self.nearest(locale)
        text = self.fill(nearest, variables)
        fault = next(self.faults_of_text(text, nearest), None)
        if fault is not None and variables.keys() & OPTIONAL:
            text = self.fill(nearest, {k: v for k, v in variables.items() if k not in OPTIONAL})
            fault = next(self.faults_of_text(text, nearest), None)
        if fault is not None:
            raise self._refused(fault)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return Rendered(text, self.file.version, digest, nearest)

    def nearest(self, locale: str) -> Locale:
        """The locale itself, another of its language, the lender's, or the first there is."""
        known = tuple(self.file.locales)
        language = locale.replace("_", "-").partition("-")[0].casefold()
        fallback = self.lenders if self.lenders in known else known[0]
        return next((each for each in known if each.partition("-")[0] == language), fallback)

    def fill(self, locale: Locale, variables: Mapping[str, str]) -> str:
        """The text with the values in it, whatever it then says. Values are never read as a template."""
        for name, value in variables.items():
            if (reason := refusal(name, value)) is not None:
                raise self._refused(f"variable {name!r} {reason}", name)
        try:
            return self.compiled[locale].render(variables).strip()
        except jinja2.UndefinedError as error:
            missing = min(self.parts[locale].used - variables.keys() - OPTIONAL, default=None)
            raise self._refused(f"variable {missing!r} is missing: {error.message}", missing) from None

    def faults_of_text(self, text: str, locale: Locale) -> Iterator[str]:
        """All that a finished text must not be: too long, or said otherwise than its stage and channel allow."""
        variant = self.file.locales[locale]
        if len(text) > variant.max_chars:
            yield f"the text is {len(text)} characters long, more than {variant.max_chars}"
        if variant.max_segments is not None and (n := measure(text).segments) > variant.max_segments:
            yield f"the text is {n} messages long, more than {variant.max_segments}"
        bare = plain(text)
        if (word := first_forbidden(bare, self.file.avoid)) is not None:
            yield f"{word!r} must not be said here (avoid)"
        if (word := first_missing(bare, self.file.says.get(locale, ()))) is not None:
            yield f"{word!r} must be said here (says)"
        for rule in self.rules:
            if (reason := fault_of(rule, text, bare, locale)) is not None:
                yield f"{reason} here ({rule.id})"

    def faults(self, sample: Mapping[str, str] = SAMPLE) -> Iterator[Fault]:
        """All that is wrong with it, tried with and without each value it can do without."""
        for locale, parts in self.parts.items():
            found = [
                *faults_of_use(parts, figures=self.file.figures),
                *faults_of_words("\n".join(parts.words), figures=self.file.figures),
                *self._unlisted(parts),
                *self._tried(locale, parts, sample),
            ]
            at = ("locales", locale, "text")
            yield from (Fault(at, reason) for reason in dict.fromkeys(found))

    def _unlisted(self, parts: Parts) -> Iterator[str]:
        for rule in self.rules:
            if rule.variables and (more := parts.used - set(rule.variables)):
                yield f"{', '.join(sorted(more))} may not be named here ({rule.id})"

    def _tried(self, locale: Locale, parts: Parts, sample: Mapping[str, str]) -> Iterator[str]:
        asked = sorted(parts.asked | (parts.used & OPTIONAL))
        if len(asked) > _MOST_ASKED:
            yield f"asks for more than {_MOST_ASKED} variables first"
            return
        for absent in chain.from_iterable(combinations(asked, n) for n in range(len(asked) + 1)):
            try:
                text = self.fill(locale, {k: v for k, v in sample.items() if k not in absent})
            except TemplateRefused as refused:
                without = f"without {', '.join(absent)}: " if absent else ""
                yield without + refused.detail.removeprefix(f"{self.file.name}: ")
            else:
                yield from self.faults_of_text(text, locale)

    def _refused(self, detail: str, variable: str | None = None) -> TemplateRefused:
        return TemplateRefused(f"{self.file.name}: {detail}", template=self.file.name, variable=variable)
