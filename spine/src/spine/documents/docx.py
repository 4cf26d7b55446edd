"""A document as DOCX, which people may edit before they sign: the same bytes for the same document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from io import BytesIO
from typing import Any, Final, assert_never
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import docx
from docx.enum.section import WD_SECTION
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.table import _Cell
from docx.text.paragraph import Paragraph

from spine.documents import model
from spine.documents.page import PAGE_OF

_LATIN: Final = "Arial"
_CHINESE: Final = "Microsoft YaHei"
_SHADE: Final = "F1F3F4"
_PAGE: Final = (Mm(210), Mm(297))
_MARGIN: Final = Mm(22)
_WIDTH_MM: Final = 166
_LABEL_MM: Final = 46
# The earliest time that the archive format knows.
_STILL: Final = (1980, 1, 1, 0, 0, 0)
_ALIGNED: Final = {
    "left": WD_ALIGN_PARAGRAPH.LEFT,
    "center": WD_ALIGN_PARAGRAPH.CENTER,
    "right": WD_ALIGN_PARAGRAPH.RIGHT,
}


def to_docx(document: model.Document, values: Mapping[str, str]) -> bytes:
    """The document with its places filled, as DOCX. Raises UnfilledPlaceholder, UnprintableText."""
    filled = model.fill(document, values)
    file = docx.Document()
    _set_up(file, filled)
    _say(file.add_paragraph(), filled.title, size=17, align="center", after=10, bold=True)
    for block in filled.blocks:
        _add(file, block)
    made = BytesIO()
    file.save(made)
    return _still(made.getvalue())


def _set_up(file: Any, document: model.Document) -> None:
    normal = file.styles["Normal"]
    normal.font.name, normal.font.size = _LATIN, Pt(10)
    normal.element.rPr.rFonts.set(qn("w:eastAsia"), _CHINESE)
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), "en-US")
    language.set(qn("w:eastAsia"), "zh-CN")
    normal.element.rPr.append(language)
    section = file.sections[0]
    section.start_type = WD_SECTION.NEW_PAGE
    section.page_width, section.page_height = _PAGE
    section.left_margin = section.right_margin = section.bottom_margin = _MARGIN
    section.top_margin = Mm(26)
    core = file.core_properties
    core.title, core.author = f"{document.title} {document.number}", document.issuer
    core.language, core.comments = document.locale, ""
    core.created = core.modified = datetime.combine(document.dated, time())
    core.last_modified_by = document.issuer
    head = section.header.paragraphs[0]
    head.paragraph_format.tab_stops.clear_all()
    head.paragraph_format.tab_stops.add_tab_stop(Mm(_WIDTH_MM), WD_TAB_ALIGNMENT.RIGHT)
    _say(head, f"{document.issuer}\t{document.number}", size=8.5)
    foot = section.footer.paragraphs[0]
    foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
    before, between, after = PAGE_OF[document.locale].replace("{pages}", "{page}").split("{page}")
    for text, field in ((before, "PAGE"), (between, "NUMPAGES"), (after, None)):
        foot.add_run(text).font.size = Pt(8.5)
        if field is not None:
            _add_field(foot, field)


def _add_field(paragraph: Paragraph, name: str) -> None:
    """A number that the reader's program counts."""
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), name)
    run = paragraph.add_run("1")
    run.font.size = Pt(8.5)
    field.append(run._element)
    paragraph._element.append(field)


def _add(file: Any, block: model.Block) -> None:
    match block:
        case model.Heading(text=text):
            paragraph = file.add_paragraph()
            paragraph.paragraph_format.keep_with_next = True
            _say(paragraph, text, size=12, before=8, after=4, bold=True)
        case model.Paragraph(text=text, align=align):
            _say(file.add_paragraph(), text, align=align, after=5)
        case model.Clauses(items=items):
            for number, item in enumerate(items, 1):
                paragraph = file.add_paragraph()
                paragraph.paragraph_format.left_indent = Mm(6.5)
                paragraph.paragraph_format.first_line_indent = Mm(-6.5)
                paragraph.paragraph_format.tab_stops.add_tab_stop(Mm(6.5))
                _say(paragraph, f"{number}.\t{item}", after=3)
        case model.Fields(rows=rows):
            _add_fields(file, rows)
        case model.Table():
            _add_table(file, block)
        case model.Signatures(signers=signers):
            _add_signatures(file, signers)
        case _:
            assert_never(block)


def _add_fields(file: Any, rows: tuple[model.Field, ...]) -> None:
    grid = _grid(file, len(rows), (_LABEL_MM, _WIDTH_MM - _LABEL_MM))
    for cells, row in zip(grid, rows, strict=True):
        _shade(cells[0])
        _say(cells[0].paragraphs[0], row.label, size=9.5)
        _say(cells[1].paragraphs[0], row.value)
    _gap(file)


def _add_table(file: Any, table: model.Table) -> None:
    shares = [column.share for column in table.columns]
    rows = [tuple(column.label for column in table.columns), *table.rows]
    if table.total is not None:
        rows.append(table.total)
    grid = _grid(file, len(rows), tuple(_WIDTH_MM * share / sum(shares) for share in shares))
    for number, (cells, row) in enumerate(zip(grid, rows, strict=True)):
        is_total = table.total is not None and number == len(rows) - 1
        for cell, text, column in zip(cells, row, table.columns, strict=True):
            _say(cell.paragraphs[0], text, size=9.5, align=column.align, bold=number == 0 or is_total)
            # Rows are kept with a total, so that it never stands alone on a page.
            cell.paragraphs[0].paragraph_format.keep_with_next = table.total is not None and number in (
                len(rows) - 3,
                len(rows) - 2,
            )
            if number == 0 or is_total:
                _shade(cell)
    _repeat_first_row(file.tables[-1])
    _gap(file)


def _add_signatures(file: Any, signers: tuple[model.Signer, ...]) -> None:
    lines = max(len(signer.lines) for signer in signers)
    grid = _grid(file, lines + 1, (_WIDTH_MM / len(signers),) * len(signers), style="Normal Table")
    for number, cells in enumerate(grid):
        for cell, signer in zip(cells, signers, strict=True):
            texts = (signer.label, *signer.lines)
            _say(cell.paragraphs[0], texts[number] if number < len(texts) else "", before=4, after=4)
            cell.paragraphs[0].paragraph_format.keep_with_next = number < lines


def _grid(
    file: Any, rows: int, widths_mm: Sequence[float], *, style: str = "Table Grid"
) -> list[tuple[_Cell, ...]]:
    table = file.add_table(rows=rows, cols=len(widths_mm), style=style)
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    for column, width in zip(table.columns, widths_mm, strict=True):
        column.width = Mm(width)
    found = []
    for row in table.rows:
        _never_tear(row)
        for cell, width in zip(row.cells, widths_mm, strict=True):
            cell.width = Mm(width)
        found.append(row.cells)
    return found


def _never_tear(row: Any) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))


def _repeat_first_row(table: Any) -> None:
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def _gap(file: Any) -> None:
    _say(file.add_paragraph(), "", size=4)


def _shade(cell: _Cell) -> None:
    shade = OxmlElement("w:shd")
    shade.set(qn("w:val"), "clear")
    shade.set(qn("w:fill"), _SHADE)
    cell._tc.get_or_add_tcPr().append(shade)


def _say(
    paragraph: Paragraph,
    text: str,
    *,
    size: float = 10,
    align: model.Align = "left",
    before: float = 1,
    after: float = 1,
    bold: bool = False,
) -> None:
    paragraph.alignment = _ALIGNED[align]
    paragraph.paragraph_format.space_before = Pt(before)
    paragraph.paragraph_format.space_after = Pt(after)
    paragraph.paragraph_format.line_spacing = 1.25
    run = paragraph.add_run(text)
    run.font.size, run.bold = Pt(size), bold


def _still(archive: bytes) -> bytes:
    """The archive again without the time at which it was written."""
    made = BytesIO()
    with ZipFile(BytesIO(archive)) as old, ZipFile(made, "w", ZIP_DEFLATED) as new:
        for entry in old.infolist():
            still = ZipInfo(entry.filename, _STILL)
            still.compress_type, still.external_attr = ZIP_DEFLATED, 0o600 << 16
            new.writestr(still, old.read(entry.filename))
    return made.getvalue()
