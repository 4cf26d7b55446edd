"""The words that are sent: versioned data per locale, filled from a whitelist and checked before and after."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import jinja2
import msgspec
from jinja2 import meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifier.domain.pack import ContentRule, Pack, Stage
from notifier.domain.plan import Act, plan_of
from notifier.domain.words import first_forbidden, pattern, plain
from notifier.policy import load_packs
from notifier.template_values import FIGURES, OPTIONAL, SAMPLE, day, money, refusal
from spine.errors import TactError
from spine.events.stager import ContactChannel
from spine.policy import BadPolicy, load_policy

Locale = Literal["zh-CN", "en"]
DEFAULT_LOCALE: Locale = "zh-CN"
#: The packs whose words bind the shipped wording.
DEFAULT_PACKS = ("cn", "cn-house")


class TemplateRefused(TactError):
    """The text may not be made or sent; `variable` names what is at fault, where it is one variable."""

    code = "template_refused"
    status = 422

    def __init__(self, detail: str, *, template: str, variable: str | None = None) -> None:
        super().__init__(detail, template=template, variable=variable)
        self.variable = variable


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The wording in one locale and how long it may become."""

    text: str
    max_chars: int


class TemplateFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of a template. `figures: false` keeps every amount and date out of it."""

    id: str
    version: int
    channel: ContactChannel
    stage: Stage | None
    figures: bool
    locales: dict[Locale, Variant]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text ready to be sent and what names it for good."""

    text: str
    template_version: int
    body_sha256: str


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a template with the word rules that bind it."""

    file: TemplateFile
    digest: str
    rules: tuple[ContentRule, ...]
    compiled: Mapping[str, jinja2.Template]

    def render(self, locale: str, variables: Mapping[str, str]) -> Rendered:
        """The text in the locale or the nearest there is; TemplateRefused names what is at fault."""
        for name, value in variables.items():
            if (reason := refusal(name, value)) is not None:
                raise self._refused(f"variable {name!r} {reason}", name)
        nearest = self._nearest(locale)
        try:
            text = self.compiled[nearest].render(variables).strip()
        except jinja2.UndefinedError as error:
            missing = self._missing(nearest, variables)
            raise self._refused(f"variable {missing!r} is missing: {error.message}", missing) from None
        self._check(text, nearest, variables)
        return Rendered(text, self.file.version, hashlib.sha256(text.encode()).hexdigest())

    def _nearest(self, locale: str) -> Locale:
        language = locale.replace("_", "-").partition("-")[0].casefold()
        return next((known for known in self.file.locales if known.startswith(language)), DEFAULT_LOCALE)

    def _missing(self, locale: Locale, variables: Mapping[str, str]) -> str | None:
        used = _used(self.file.locales[locale].text)
        return min(used - variables.keys() - OPTIONAL, default=None)

    def _check(self, text: str, locale: Locale, variables: Mapping[str, str]) -> None:
        limit = self.file.locales[locale].max_chars
        if len(text) > limit:
            raise self._refused(f"the text is {len(text)} characters long, more than {limit}")
        self.check_words(text)
        bare = text
        for name in variables.keys() - FIGURES:
            bare = bare.replace(variables[name], "")
        if not self.file.figures and any(char.isdigit() for char in bare):
            raise self._refused("the text carries a figure")

    def check_words(self, text: str) -> None:
        """TemplateRefused if the text breaks a word rule of its stage and channel."""
        bare = plain(text)
        for rule in self.rules:
            if (word := first_forbidden(bare, rule.forbidden)) is not None:
                raise self._refused(f"{word!r} must not be said here ({rule.id})")
            if rule.starts_with is not None and not pattern(rule.starts_with).match(text):
                raise self._refused(f"the text does not begin as it must ({rule.id})")

    def _refused(self, detail: str, variable: str | None = None) -> TemplateRefused:
        template = f"{self.file.id} v{self.file.version}"
        return TemplateRefused(f"{template}: {detail}", template=template, variable=variable)


@dataclass(frozen=True, slots=True)
class Templates:
    """The newest version of every template, all of them checked, and the versions there are of each."""

    by_id: Mapping[str, Template]
    versions: Mapping[str, tuple[int, ...]]

    @classmethod
    def load(cls, override: Path | None = None, packs: tuple[Pack, ...] | None = None) -> Templates:
        """The shipped wording and that in `override`/notifier/wording, of which the higher version counts.

        `packs` give the word rules; the shipped Chinese ones by default. BadPolicy names the file at fault.
        """
        packs = packs if packs is not None else load_packs(DEFAULT_PACKS, override)
        folders = [Path(__file__).parent / "wording"]
        if override is not None:
            folders.append(override / "notifier" / "wording")
        newest: dict[str, Template] = {}
        versions: dict[str, set[int]] = {}
        for path in (path for folder in folders for path in sorted(folder.glob("*.yaml"))):
            template = _load(path, packs)
            versions.setdefault(template.file.id, set()).add(template.file.version)
            held = newest.get(template.file.id)
            if held is None or template.file.version >= held.file.version:
                newest[template.file.id] = template
        return cls(newest, {name: tuple(sorted(numbers)) for name, numbers in versions.items()})

    def render(self, template_id: str, locale: str, variables: Mapping[str, str]) -> Rendered:
        """The text of the newest version; TemplateRefused names the variable or the rule at fault."""
        template = self.by_id.get(template_id)
        if template is None:
            raise TemplateRefused(f"there is no template {template_id!r}", template=template_id)
        return template.render(locale, variables)


def _load(path: Path, packs: tuple[Pack, ...]) -> Template:
    loaded = load_policy(TemplateFile, path.read_text(encoding="utf-8"), path=path.name)
    file = loaded.policy
    if path.name != f"{file.id}.v{file.version}.yaml":
        raise BadPolicy(f"{path.name}: the file of {file.id} version {file.version} has another name")
    if DEFAULT_LOCALE not in file.locales:
        raise BadPolicy(f"{path.name}: every template has wording in {DEFAULT_LOCALE}")
    act = Act(file.channel, "collection", file.stage, "debtor", automated=True)
    rules = tuple(rule for pack in packs for rule in plan_of(pack, act).content)
    compiled: dict[str, jinja2.Template] = {}
    try:
        for locale, variant in file.locales.items():
            _check_variables(file, variant.text)
            compiled[locale] = _environment(locale).from_string(variant.text)
        template = Template(file, loaded.digest, rules, compiled)
        for locale, variant in file.locales.items():
            template.check_words(variant.text)
            template.render(locale, SAMPLE)
    except jinja2.TemplateError as error:
        raise BadPolicy(f"{path.name}: {error.message}") from None
    except (TemplateRefused, ValueError) as error:
        raise BadPolicy(f"{path.name}: {error}") from None
    return template


def _check_variables(file: TemplateFile, text: str) -> None:
    used = _used(text)
    unknown = used - SAMPLE.keys()
    if unknown:
        raise ValueError(f"no such variable: {', '.join(sorted(unknown))}")
    if not file.figures and used & FIGURES:
        raise ValueError(f"a template without figures uses {', '.join(sorted(used & FIGURES))}")


def _used(text: str) -> set[str]:
    return meta.find_undeclared_variables(_environment(DEFAULT_LOCALE).parse(text))


def _environment(locale: str) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, autoescape=False)
    # Only what a text needs: no globals, no other filters.
    environment.globals.clear()
    environment.filters.clear()
    environment.filters.update(day=partial(day, locale=locale), money=partial(money, locale=locale))
    return environment
