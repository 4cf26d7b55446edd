"""Reads a template from its text: what cannot be read is refused at once, what does not fit is told by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from notifier.domain.pack import Pack
from notifier.domain.plan import Act, plan_of
from notifier.domain.stated_rules import ContentRule
from notifier.policy import load_packs
from notifier.template_values import SAMPLE
from notifier.templates.file import DEFAULT_LOCALE, Locale, TemplateFile
from notifier.templates.language import environment, parts_of
from notifier.templates.template import Template
from spine.policy import BadPolicy, Fault, load_policy, read_rule_files, refuse

#: Ids that are a part of a path.
_RESERVED = frozenset({"drafts"})
#: Where lenders speak the default language.
_HOME = "CN"


def read_template(text: str, packs: Sequence[Pack], *, path: str, source: str = "shipped") -> Template:
    """A template as it is written. BadPolicy with every fault of its shape and its language; what its text says
    is judged by `fit`."""
    parts = {}

    def faults(file: TemplateFile) -> list[Fault]:
        found = []
        if file.id in _RESERVED:
            found.append(Fault(("id",), f"{file.id} is no name for a template"))
        if not file.locales:
            found.append(Fault(("locales",), "there is no text in any language"))
        for locale, variant in file.locales.items():
            parts[locale] = parts_of(variant.text)
            reasons = dict.fromkeys(parts[locale].faults)
            found += [Fault(("locales", locale, "text"), reason) for reason in reasons]
        return found

    loaded = load_policy(TemplateFile, text, path=path, faults=faults)
    file = loaded.policy
    compiled = {
        locale: environment(locale).from_string(variant.text) for locale, variant in file.locales.items()
    }
    home = not packs or any(pack.file.applies.country == _HOME for pack in packs)
    lenders: Locale = DEFAULT_LOCALE if home else "en"
    return Template(loaded, text, _rules(file, packs), parts, compiled, source, lenders)


def fit(template: Template, constants: Mapping[str, str] | None = None) -> Template:
    """The template itself. BadPolicy with all that is wrong with what it says, by file, line and reason.

    `constants` are what is the same in every text, tried in place of the samples.
    """
    refuse(template.loaded, template.faults({**SAMPLE, **(constants or {})}))
    return template


def is_for(file: TemplateFile, packs: Sequence[Pack]) -> bool:
    """Whether a template is for a country whose packs are in force."""
    return not file.countries or any(pack.file.applies.country in file.countries for pack in packs)


def packs_of(file: TemplateFile, default: Sequence[str], override: Path | None = None) -> tuple[Pack, ...]:
    """The shipped packs of the template's countries; the default ones where it names none."""
    if not file.countries:
        return load_packs(default, override)
    # Beside the packs there are rules of other kinds; a pack is what says where it applies.
    texts = read_rule_files("notifier", override)
    names = [name.removesuffix(".yaml") for name, text in texts.items() if "\napplies:" in text]
    packs = [load_packs([name], override)[0] for name in names]
    return tuple(pack for pack in packs if pack.file.applies.country in file.countries)


def named_as(template: Template, path: Path) -> Template:
    """The template itself. BadPolicy when its file is called otherwise than it is."""
    if path.name != template.file.file_name:
        file = template.file
        raise BadPolicy(f"{path.name}: the file of {file.id} version {file.version} has another name")
    return template


def _rules(file: TemplateFile, packs: Sequence[Pack]) -> tuple[ContentRule, ...]:
    act = Act(file.channel, file.purpose, file.stage, "debtor", automated=True)
    bound = [pack for pack in packs if not file.countries or pack.file.applies.country in file.countries]
    return tuple(rule for pack in bound for rule in plan_of(pack, act).content)
