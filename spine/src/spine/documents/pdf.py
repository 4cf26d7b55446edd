"""A document as PDF: A4, its font embedded, the same bytes for the same document."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final, assert_never

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import CondPageBreak, Flowable, KeepTogether, SimpleDocTemplate, Spacer
from reportlab.platypus import Table as Grid

from spine.documents import model
from spine.documents.fonts import document_font, has_letter
from spine.documents.lines import wrapped
from spine.documents.page import PAGE_OF

_MARGIN: Final = 22 * mm
_TOP: Final = 26 * mm
_WIDTH: Final = A4[0] - 2 * _MARGIN
_PADDING: Final = 5.0
# What the library's frame keeps free inside the margins.
_FRAME: Final = 6.0
_LINE: Final = HexColor("#9AA0A6")
_SHADE: Final = HexColor("#F1F3F4")
_GREY: Final = HexColor("#5F6368")
_LABEL_SHARE: Final = 0.28
_FITS_A_PAGE: Final = 800
#: A heading has at least so much of its section below it.
_HEADED: Final = 34 * mm
# The library keeps state of its own while it lays out a page.
_ONE_AT_A_TIME: Final = threading.Lock()


def to_pdf(document: model.Document, values: Mapping[str, str]) -> bytes:
    """The document with its places filled, as PDF. Raises UnfilledPlaceholder, UnprintableText, NoFont."""
    filled = model.fill(document, values)
    with _ONE_AT_A_TIME:
        # How many pages there are is known only after they were laid out.
        _, pages = _built(filled, 0)
        return _built(filled, pages)[0]


def _built(document: model.Document, pages: int) -> tuple[bytes, int]:
    file = BytesIO()
    seen = 0

    def decorate(canvas: Any, _: Any) -> None:
        nonlocal seen
        seen = canvas.getPageNumber()
        _around(canvas, document, seen, pages)

    template = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=_MARGIN - _FRAME,
        rightMargin=_MARGIN - _FRAME,
        topMargin=_TOP,
        bottomMargin=_MARGIN,
        title=f"{document.title} {document.number}",
        author=document.issuer,
        lang=document.locale,
        invariant=1,
    )
    template.build(_Layout().whole(document), onFirstPage=decorate, onLaterPages=decorate)
    return file.getvalue(), seen


def _around(canvas: Any, document: model.Document, page: int, pages: int) -> None:
    """What stands on top and at the foot of each page."""
    font = document_font().fontName
    width, height = A4
    canvas.saveState()
    canvas.setFont(font, 8.5)
    canvas.setFillColor(_GREY)
    canvas.setStrokeColor(_LINE)
    canvas.setLineWidth(0.5)
    top = height - 16 * mm
    canvas.drawString(_MARGIN, top, _printable(document.issuer))
    canvas.drawRightString(width - _MARGIN, top, _printable(document.number))
    canvas.line(_MARGIN, top - 5, width - _MARGIN, top - 5)
    canvas.drawCentredString(width / 2, 12 * mm, PAGE_OF[document.locale].format(page=page, pages=pages))
    canvas.restoreState()


def _printable(text: str) -> str:
    font = document_font()
    for letter in text:
        if not has_letter(font, letter):
            raise model.UnprintableText(
                f"the font has no U+{ord(letter):04X}; ask for DOCX, which is shown in a font of the reader's"
            )
    return text


class Lines(Flowable):
    """Lines of text below each other; a page may end between two of them."""

    def __init__(self, lines: list[str], font: str, size: float, align: model.Align) -> None:
        super().__init__()
        self._lines, self._font, self._size, self._align = lines, font, size, align
        self._leading = size * 1.5

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:
        self.width, self.height = aW, self._leading * len(self._lines)
        return self.width, self.height

    def split(self, aW: float, aH: float) -> list[Flowable]:
        fits = int((aH + 0.01) // self._leading)
        # Two lines at least stay together on either side.
        if fits < 2 or len(self._lines) - fits < 2:
            fits = len(self._lines) - 2
        if fits < 2 or fits * self._leading > aH + 0.01:
            return []
        first = Lines(self._lines[:fits], self._font, self._size, self._align)
        rest = Lines(self._lines[fits:], self._font, self._size, self._align)
        rest.spaceAfter = self.spaceAfter
        return [first, rest]

    def draw(self) -> None:
        canvas = self.canv
        canvas.setFont(self._font, self._size)
        # The middle of the letters, not their baseline, is in the middle of the line.
        baseline = self.height - self._leading / 2 - self._size * 0.36
        for line in self._lines:
            match self._align:
                case "left":
                    canvas.drawString(0, baseline, line)
                case "center":
                    canvas.drawCentredString(self.width / 2, baseline, line)
                case "right":
                    canvas.drawRightString(self.width, baseline, line)
            baseline -= self._leading


class _Layout:
    """Turns blocks into what the PDF library places on pages."""

    def __init__(self) -> None:
        self._font = document_font().fontName

    def whole(self, document: model.Document) -> list[Flowable]:
        title = self._text(document.title, _WIDTH, size=17, align="center", after=10)
        placed: list[Flowable] = [title]
        for block in document.blocks:
            placed += self._block(block)
        return placed

    def _block(self, block: model.Block) -> list[Flowable]:
        match block:
            case model.Heading(text=text):
                # What follows begins on the same page, and a long table goes on over the next ones.
                return [CondPageBreak(_HEADED), self._text(text, _WIDTH, size=12, before=8, after=4)]
            case model.Paragraph(text=text, align=align):
                return [self._text(text, _WIDTH, align=align, after=5)]
            case model.Clauses(items=items):
                return [self._clause(number, item) for number, item in enumerate(items, 1)]
            case model.Fields(rows=rows):
                return [self._fields(rows), Spacer(0, 6)]
            case model.Table():
                return [self._table(block), Spacer(0, 6)]
            case model.Signatures(signers=signers):
                return [KeepTogether([Spacer(0, 10), self._signatures(signers)])]
        assert_never(block)

    def _text(
        self,
        text: str,
        width: float,
        *,
        size: float = 10,
        align: model.Align = "left",
        before: float = 0,
        after: float = 0,
    ) -> Flowable:
        lines = wrapped(_printable(text), width, lambda part: stringWidth(part, self._font, size))
        placed = Lines(lines, self._font, size, align)
        placed.spaceBefore, placed.spaceAfter = before, after
        return placed

    def _clause(self, number: int, text: str) -> Flowable:
        mark = 18.0
        cells = [[self._text(f"{number}.", mark), self._text(text, _WIDTH - mark)]]
        grid = Grid(cells, colWidths=[mark, _WIDTH - mark], splitInRow=1)
        grid.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *_padded(0, 1.5)])
        return grid

    def _fields(self, rows: tuple[model.Field, ...]) -> Flowable:
        left = _WIDTH * _LABEL_SHARE
        cells = [
            [self._cell(row.label, left, size=9.5), self._cell(row.value, _WIDTH - left)] for row in rows
        ]
        # A row goes to the next page whole, unless it is one that no page could hold.
        tall = any(len(row.value) > _FITS_A_PAGE for row in rows)
        grid = Grid(cells, colWidths=[left, _WIDTH - left], splitInRow=int(tall))
        grid.setStyle(
            [
                ("GRID", (0, 0), (-1, -1), 0.5, _LINE),
                ("BACKGROUND", (0, 0), (0, -1), _SHADE),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                *_padded(_PADDING, 2.5),
            ]
        )
        return grid

    def _table(self, table: model.Table) -> Flowable:
        shares = [column.share for column in table.columns]
        widths = [_WIDTH * share / sum(shares) for share in shares]
        heads = [
            self._cell(column.label, width, size=9.5, align=column.align)
            for column, width in zip(table.columns, widths, strict=True)
        ]
        rows = [*table.rows, *((table.total,) if table.total is not None else ())]
        cells = [
            [
                self._cell(text, width, size=9.5, align=column.align)
                for text, width, column in zip(row, widths, table.columns, strict=True)
            ]
            for row in rows
        ]
        style: list[tuple[Any, ...]] = [
            ("GRID", (0, 0), (-1, -1), 0.5, _LINE),
            ("BACKGROUND", (0, 0), (-1, 0), _SHADE),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            *_padded(_PADDING, 2),
        ]
        if table.total is not None:
            # The last rows stay together: a total never stands alone on a page.
            style += [
                ("BACKGROUND", (0, -1), (-1, -1), _SHADE),
                ("LINEABOVE", (0, -1), (-1, -1), 1, _GREY),
                ("NOSPLIT", (0, max(-3, -len(rows))), (-1, -1)),
            ]
        grid = Grid([heads, *cells], colWidths=widths, repeatRows=1)
        grid.setStyle(style)
        return grid

    def _signatures(self, signers: tuple[model.Signer, ...]) -> Flowable:
        width = _WIDTH / len(signers)
        cells = [[self._cell(signer.label, width) for signer in signers]]
        for number in range(max(len(signer.lines) for signer in signers)):
            lines = [signer.lines[number] if number < len(signer.lines) else "" for signer in signers]
            cells.append([self._cell(line, width) for line in lines])
        grid = Grid(cells, colWidths=[width] * len(signers))
        grid.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *_padded(_PADDING, 5)])
        return grid

    def _cell(self, text: str, width: float, *, size: float = 10, align: model.Align = "left") -> Flowable:
        return self._text(text, width - 2 * _PADDING, size=size, align=align)


def _padded(sides: float, above: float) -> list[tuple[Any, ...]]:
    whole = ((0, 0), (-1, -1))
    return [
        ("LEFTPADDING", *whole, sides),
        ("RIGHTPADDING", *whole, sides),
        ("TOPPADDING", *whole, above),
        ("BOTTOMPADDING", *whole, above + 2),
    ]
