"""Template files checked before they go live: their language, and what they say by the packs of their countries."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from notifier.templates import DEFAULT_PACKS, TemplateFile
from notifier.templates.reading import fit, packs_of, read_template
from spine.policy import BadPolicy, Located

#: The keys that only a template file has.
OWN_KEYS = frozenset({"locales", "channel"})


class TemplateReport(NamedTuple):
    """What a template file is, what is wrong with it, and what it says it is for where it can be read."""

    what: str
    faults: list[Located]
    file: TemplateFile | None


def check_template(path: Path, text: str, policy_dir: Path | None) -> TemplateReport:
    """A template by the packs of its countries, the house's where it names none; those of `policy_dir` win."""
    try:
        file = read_template(text, (), path=str(path)).file
    except BadPolicy as refused:
        return TemplateReport("template", list(refused.located(str(path))), None)
    faults = []
    # Drafts and copies may be called anything; a file that calls itself a version has to be that version.
    if ".v" in path.name and path.name != file.file_name:
        faults.append(Located(str(path), None, f"the file of {file.name} is called {file.file_name}"))
    packs = packs_of(file, DEFAULT_PACKS, policy_dir)
    try:
        fit(read_template(text, packs, path=str(path)))
    except BadPolicy as refused:
        faults += refused.located(str(path))
    names = ", ".join(pack.name for pack in packs)
    return TemplateReport(f"template {file.name} under {names or 'no pack'}", faults, file)
