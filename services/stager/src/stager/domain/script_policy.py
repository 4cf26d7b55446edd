"""What a collector may say: right party first, the script of a stage, and talking points that fit the person."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from spine.policy import Fault
from stager.domain.conditions import CaseFacts, Condition, may_do
from stager.domain.scopes import Scope
from stager.domain.stage_policy import PolicyName, StageId

Language = Literal["zh-CN", "en"]
Offer = Literal["promise", "partial_promise", "extension_3d", "plan", "settlement", "visit"]
_Said = Annotated[str, Meta(min_length=1, max_length=500)]


class Text(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same in every language of the house."""

    zh_cn: _Said = field(name="zh-CN")
    en: _Said

    def in_language(self, language: Language) -> str:
        """The text in one language."""
        return self.zh_cn if language == "zh-CN" else self.en


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a stage is for, what may be said, and what may be offered, in the order of trying."""

    aim: Text
    lines: tuple[Text, ...]
    offers: tuple[Offer, ...]


class TalkingPoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something to keep in mind where all of `only_if` holds; without `stages` in every one."""

    id: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    text: Text
    stages: tuple[StageId, ...] = ()
    only_if: tuple[Condition, ...] = ()


class ScriptPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All scripts of one jurisdiction, in one version. `forbidden` words by stage, `never` in any."""

    name: PolicyName
    version: Annotated[int, Meta(ge=1)]
    effective_from: date
    citation: Annotated[str, Meta(min_length=1)]
    scope: Scope | None = None
    forbidden: dict[StageId, tuple[str, ...]] = {}
    never: tuple[str, ...] = ()
    right_party: Annotated[tuple[Text, ...], Meta(min_length=1)]
    stages: dict[StageId, Script]
    points: tuple[TalkingPoint, ...] = ()

    def points_for(self, stage: str, facts: CaseFacts) -> tuple[TalkingPoint, ...]:
        """The talking points of a stage that fit a case, in the order of the file."""
        return tuple(
            point
            for point in self.points
            if (not point.stages or stage in point.stages) and may_do(point.only_if, facts)
        )


def faults_of_scripts(policy: ScriptPolicy, known_stages: Collection[str]) -> Iterator[Fault]:
    """What makes scripts unusable: stages nobody knows or without a script, points given twice, forbidden words."""
    for stage in sorted(set(known_stages) - policy.stages.keys()):
        yield Fault(("stages",), f"stages.{stage}: missing; a person would have nothing to say")
    for place, named in (("stages", policy.stages), ("forbidden", policy.forbidden)):
        yield from _unknown_stages(place, named, known_stages)
    seen: set[str] = set()
    for n, point in enumerate(policy.points):
        if point.id in seen:
            yield Fault(("points", n, "id"), f"points.{point.id}: given twice")
        seen.add(point.id)
        for stage in point.stages:
            if stage not in known_stages:
                yield Fault(("points", n, "stages"), f"points.{point.id}: no stage policy knows {stage}")
    yield from _forbidden_words(policy)


def _unknown_stages(
    place: str, named: Mapping[str, object], known_stages: Collection[str]
) -> Iterator[Fault]:
    for stage in named:
        if stage not in known_stages:
            yield Fault((place, stage), f"{place}.{stage}: no stage policy knows this stage")


def _forbidden_words(policy: ScriptPolicy) -> Iterator[Fault]:
    for stage, script in policy.stages.items():
        words = (*policy.never, *policy.forbidden.get(stage, ()))
        for n, text in enumerate((script.aim, *script.lines)):
            at = ("aim",) if n == 0 else ("lines", n - 1)
            for word in _found(words, text):
                yield Fault(("stages", stage, *at), f"stages.{stage}: {word!r} is not said in this stage")
    for n, text in enumerate(policy.right_party):
        for word in _found((*policy.never, *(w for ws in policy.forbidden.values() for w in ws)), text):
            yield Fault(("right_party", n), f"right_party: {word!r} is not said before anyone is verified")
    for n, point in enumerate(policy.points):
        named = point.stages or tuple(policy.stages)
        forbidden = (*policy.never, *(w for stage in named for w in policy.forbidden.get(stage, ())))
        for word in dict.fromkeys(_found(forbidden, point.text)):
            yield Fault(("points", n, "text"), f"points.{point.id}: {word!r} is not said in a stage of it")


def _found(words: Collection[str], text: Text) -> Iterator[str]:
    said = f"{_bare(text.zh_cn)} {_bare(text.en)}"
    return (word for word in words if _bare(word) in said)


def _bare(text: str) -> str:
    """Letters and digits alone, as Unicode compares them: signs and spaces in between hide nothing."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())
