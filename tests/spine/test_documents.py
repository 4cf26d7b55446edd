"""Documents become files: the same bytes for the same document, every place filled or named, no empty boxes."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from typing import Any

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from spine.documents.docx import to_docx
from spine.documents.lines import wrapped
from spine.documents.model import (
    Clauses,
    Column,
    Document,
    Field,
    Fields,
    Heading,
    Paragraph,
    Signatures,
    Signer,
    Table,
    UnfilledPlaceholder,
    UnprintableText,
    digest_of,
    placeholders,
)
from spine.documents.pdf import to_pdf

VALUES = {"borrower.name": "张三"}


def document(*more: Any, locale: Any = "zh-CN", rows: int = 3) -> Document:
    return Document(
        locale=locale,
        number="N-1",
        title="通知书",
        issuer="示例银行",
        dated=date(2026, 11, 24),
        blocks=(
            Heading(text="一"),
            Fields(rows=(Field(label="借款人", value="{{borrower.name}} 先生"),)),
            Table(
                columns=(Column(label="期次"), Column(label="金额", align="right")),
                rows=tuple((str(n), f"{n}.00") for n in range(rows)),
                total=("合计", "3.00"),
            ),
            Clauses(items=("第一条", "第二条")),
            Signatures(signers=(Signer(label="借款人", lines=("签字：",)),)),
            *more,
        ),
    )


@pytest.mark.parametrize("make", [to_pdf, to_docx])
def test_the_same_document_is_the_same_bytes(make: Any) -> None:
    assert make(document(), VALUES) == make(document(), VALUES)


@pytest.mark.parametrize("make", [to_pdf, to_docx])
def test_a_place_without_a_value_is_named(make: Any) -> None:
    with pytest.raises(UnfilledPlaceholder, match=r"borrower\.name"):
        make(document(), {"borrower.name": "  "})


def test_what_is_filled_in_is_no_place_of_its_own() -> None:
    text = PdfReader(BytesIO(to_pdf(document(), {"borrower.name": "{{issuer}}"}))).pages[0].extract_text()
    assert "{{issuer}} 先生" in text
    assert placeholders(document()) == ("borrower.name",)


@pytest.mark.parametrize("make", [to_pdf, to_docx])
def test_what_cannot_be_printed_is_refused(make: Any) -> None:
    with pytest.raises(UnprintableText):
        make(document(), {"borrower.name": "张\x07三"})


def test_a_letter_that_the_font_lacks_is_refused_rather_than_boxed() -> None:
    with pytest.raises(UnprintableText, match=r"U\+1F600"):
        to_pdf(document(), {"borrower.name": "😀"})
    cells = docx.Document(BytesIO(to_docx(document(), {"borrower.name": "😀"}))).tables[0].rows[0].cells
    assert cells[1].text == "😀 先生"


@pytest.mark.parametrize(("rows", "pages"), [(3, 1), (200, 7)])
def test_a_long_table_goes_on_with_its_head_and_each_page_says_which_it_is(rows: int, pages: int) -> None:
    read = PdfReader(BytesIO(to_pdf(document(rows=rows), VALUES))).pages
    assert len(read) == pages
    for number, page in enumerate(read, 1):
        text = page.extract_text()
        assert f"第 {number} 页，共 {pages} 页" in text
        assert "N-1" in text
    assert all("期次" in page.extract_text() for page in read[:-1])
    # The heading stays on the page where its table begins.
    assert "一" in read[0].extract_text()
    assert "198" not in read[0].extract_text()


def test_english_pages_are_counted_in_english() -> None:
    assert "Page 1 of 1" in PdfReader(BytesIO(to_pdf(document(locale="en"), VALUES))).pages[0].extract_text()


def test_a_text_longer_than_a_page_is_printed_whole() -> None:
    long = Fields(rows=(Field(label="长", value="很长的条款。" * 600),))
    read = PdfReader(BytesIO(to_pdf(document(long, Paragraph(text="末尾")), VALUES)))
    text = "".join(page.extract_text() for page in read.pages).replace("\n", "")
    assert text.count("很长的条款。") > 500
    assert "末尾" in text


def test_another_word_is_another_digest() -> None:
    assert digest_of(document()) == digest_of(document())
    assert digest_of(document()) != digest_of(document(Paragraph(text="x")))


def test_a_row_with_a_cell_too_few_is_no_table() -> None:
    with pytest.raises(ValueError, match="2 cells"):
        Table(columns=(Column(label="a"), Column(label="b")), rows=(("x",),))


@given(st.text(alphabet="中文，。（）abc 12", max_size=60), st.integers(4, 20))
def test_no_line_is_too_wide_and_nothing_is_lost(text: str, width: int) -> None:
    lines = wrapped(text, width, len)
    assert all(len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
