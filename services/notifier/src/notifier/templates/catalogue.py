"""The templates in force: those shipped, over them the lender's folder, over them what was activated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import structlog

from notifier.domain.pack import Pack
from notifier.policy import load_packs
from notifier.templates.reading import fit, is_for, named_as, read_template
from notifier.templates.template import Rendered, Template, TemplateRefused
from spine.policy import BadPolicy

log = structlog.get_logger()

#: The packs whose words bind the shipped wording.
DEFAULT_PACKS = ("cn", "cn-house")
#: Where a template came from, the last winning.
SHIPPED, FOLDER, ACTIVATED = "shipped", "folder", "activated"


@dataclass(frozen=True, slots=True)
class Templates:
    """The version in force of every template, all of them checked, and the versions there are of each.

    The lender's own wording stands over what is shipped, and what two people put into force over both, whatever
    their numbers: a new release never puts other words into force.
    """

    by_id: Mapping[str, Template]
    versions: Mapping[str, tuple[int, ...]]
    packs: tuple[Pack, ...] = field(default=(), repr=False)
    constants: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(
        cls,
        override: Path | None = None,
        packs: tuple[Pack, ...] | None = None,
        constants: Mapping[str, str] | None = None,
    ) -> Self:
        """The shipped wording and that in `override`/notifier/wording, as far as it is for a country of the packs.

        `packs` give the word rules; the shipped Chinese ones by default. `constants`: what every text has alike.
        BadPolicy names the file at fault.
        """
        packs = packs if packs is not None else load_packs(DEFAULT_PACKS, override)
        folders = [(SHIPPED, Path(__file__).parents[1] / "wording")]
        if override is not None:
            folders.append((FOLDER, override / "notifier" / "wording"))
        found = []
        for source, folder in folders:
            for path in sorted(folder.glob("*.yaml")):
                text = path.read_text(encoding="utf-8")
                template = named_as(read_template(text, packs, path=path.name, source=source), path)
                if is_for(template.file, packs):
                    found.append(fit(template, constants))
        return cls({}, {}, packs, constants or {}).joined(found)

    def joined(self, more: Iterable[Template]) -> Self:
        """With these: of one source the higher version counts, a later source over an earlier one."""
        by_id, versions = dict(self.by_id), {name: set(numbers) for name, numbers in self.versions.items()}
        for template in more:
            file = template.file
            versions.setdefault(file.id, set()).add(file.version)
            held = by_id.get(file.id)
            if held is None or held.source != template.source or file.version >= held.file.version:
                by_id[file.id] = template
        listed = {name: tuple(sorted(numbers)) for name, numbers in versions.items()}
        return type(self)(by_id, listed, self.packs, self.constants)

    def read(self, text: str, *, path: str) -> Template:
        """A template that is to join these. BadPolicy when it cannot be read."""
        return read_template(text, self.packs, path=path, source=ACTIVATED)

    def render(self, template_id: str, locale: str, variables: Mapping[str, str]) -> Rendered:
        """The text of the version in force; TemplateRefused names the variable or the rule at fault."""
        return self.one(template_id).render(locale, variables)

    def one(self, template_id: str) -> Template:
        """The version in force. Raises TemplateRefused when there is none."""
        template = self.by_id.get(template_id)
        if template is None:
            raise TemplateRefused(f"there is no template {template_id!r}", template=template_id)
        return template


class Shelf:
    """The templates by which this process writes: what was activated meanwhile is taken up without a restart."""

    def __init__(self, files: Templates) -> None:
        self.files = files
        self.templates = files
        #: The newest change taken up, and what of it could not be.
        self.revision = 0
        self.refused: tuple[str, ...] = ()

    def take_up(self, revision: int, activated: Mapping[str, str]) -> None:
        """Puts what was activated, by file name, into force. What does not fit never replaces what does."""
        fitting, refused = [], []
        for path, text in activated.items():
            try:
                fitting.append(fit(self.files.read(text, path=path), self.files.constants))
            except BadPolicy as error:
                refused.append(f"an activated template is not in force: {error.detail}")
                log.error("template refused", file=path, reason=error.detail)
        self.templates = self.files.joined(t for t in fitting if is_for(t.file, self.files.packs))
        self.revision, self.refused = revision, tuple(refused)
