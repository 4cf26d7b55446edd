"""The templates in force over REST, and how any of them reads with given values."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from notifier.api.template_drafts import DraftItem, RuntimeOf, ShelfOf, draft_item
from notifier.domain.sms_length import measure
from notifier.handlers.templates import file_name, read, renew
from notifier.store import templates as store
from notifier.template_values import SAMPLE
from notifier.templates import Template, Templates
from notifier.templates.catalogue import Shelf
from spine.database import Runtime
from spine.errors import BadRequest, NotFound

router = APIRouter()


class TemplateView(BaseModel):
    """A template in force: the stage it is written for (null: any), its languages and the versions there are.

    `version` is the one in force; `source`: shipped, of the lender's folder, or activated over REST.
    """

    id: str
    channel: str
    stage: str | None
    purpose: str
    languages: list[str]
    version: int
    versions: list[int]
    figures: bool
    source: str


class TemplateList(BaseModel):
    """Every template."""

    templates: list[TemplateView]


class TemplateDetail(TemplateView):
    """A template with the text of the version in force, and who put which version there."""

    text: str
    variables: list[str]
    history: list[DraftItem]


class Wanted(BaseModel):
    """In which language, and with which values in place of the samples."""

    model_config = ConfigDict(extra="forbid")

    locale: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,2}$")] = "zh-CN"
    values: dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=200)]] = {}
    #: Values a text can do without, left out.
    without: list[Literal["name", "principal"]] = []


class Preview(BaseModel):
    """How a template reads. `encoding`, `units` and `segments` are those of a text message, null for other
    channels; `faults`: why this text would not be sent."""

    template_id: str
    version: int
    channel: str
    language: str
    text: str
    body_sha256: str
    characters: int
    encoding: str | None
    units: int | None
    segments: int | None
    faults: list[str]


@router.get("/v1/templates")
async def get_templates(runtime: RuntimeOf, shelf: ShelfOf) -> TemplateList:
    """Every template in force, by its id."""
    templates = await _renewed(runtime, shelf)
    return TemplateList(
        templates=[_view(templates, template) for _, template in sorted(templates.by_id.items())]
    )


@router.get("/v1/templates/{template_id}")
async def get_template(template_id: str, runtime: RuntimeOf, shelf: ShelfOf) -> TemplateDetail:
    """The version in force with its text, and what was put into force over REST before."""
    templates = await _renewed(runtime, shelf)
    template = _one(templates, template_id)
    async with runtime.transaction() as tx:
        history = await store.of_template(tx, template_id)
    used = {name for parts in template.parts.values() for name in parts.used}
    return TemplateDetail(
        **_view(templates, template).model_dump(),
        text=template.body,
        variables=sorted(used),
        history=[draft_item(draft) for draft in history],
    )


@router.post("/v1/templates/{template_id}/preview")
async def post_preview(template_id: str, wanted: Wanted, runtime: RuntimeOf, shelf: ShelfOf) -> Preview:
    """The version in force, filled with samples or given values. 422 `template_refused` names a value no text may
    show."""
    return _preview(_one(await _renewed(runtime, shelf), template_id), wanted, shelf)


@router.post("/v1/templates/drafts/{draft_id}/preview")
async def post_draft_preview(draft_id: str, wanted: Wanted, runtime: RuntimeOf, shelf: ShelfOf) -> Preview:
    """A draft, filled with samples or given values."""
    async with runtime.transaction() as tx:
        draft = await store.by_id(tx, draft_id)
    return _preview(read(shelf, draft.body, path=file_name(draft)), wanted, shelf)


async def _renewed(runtime: Runtime, shelf: Shelf) -> Templates:
    async with runtime.transaction() as tx:
        await renew(tx, shelf)
    return shelf.templates


def _one(templates: Templates, template_id: str) -> Template:
    template = templates.by_id.get(template_id)
    if template is None:
        raise NotFound(f"there is no template {template_id[:80]}", template_id=template_id[:80])
    return template


def _view(templates: Templates, template: Template) -> TemplateView:
    file = template.file
    return TemplateView(
        id=file.id,
        channel=file.channel,
        stage=file.stage,
        purpose=file.purpose,
        languages=sorted(file.locales),
        version=file.version,
        versions=list(templates.versions[file.id]),
        figures=file.figures,
        source=template.source,
    )


def _preview(template: Template, wanted: Wanted, shelf: Shelf) -> Preview:
    unknown = sorted(wanted.values.keys() - SAMPLE.keys())
    if unknown:
        raise BadRequest(f"values: no such variable: {', '.join(unknown)}", field="values")
    values = {**SAMPLE, **shelf.files.constants, **wanted.values}
    language = template.nearest(wanted.locale)
    text = template.fill(language, {k: v for k, v in values.items() if k not in wanted.without})
    length = measure(text) if template.file.channel == "sms" else None
    return Preview(
        template_id=template.file.id,
        version=template.file.version,
        channel=template.file.channel,
        language=language,
        text=text,
        body_sha256=hashlib.sha256(text.encode()).hexdigest(),
        characters=len(text),
        encoding=length.encoding if length else None,
        units=length.units if length else None,
        segments=length.segments if length else None,
        faults=list(template.faults_of_text(text, language)),
    )
