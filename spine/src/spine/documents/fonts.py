"""The font of the PDFs: one that has Chinese and Latin letters, from a wheel or from the system."""

from __future__ import annotations

import threading
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from spine.errors import Unavailable

#: The wheel that brings WenQuanYi Micro Hei (Apache-2.0), and where its font lies in it.
_WHEEL: Final = ("paperang_p2_fonts_cjk", "fonts/wqy-microhei.ttc")
#: Where Debian, Fedora and others put fonts with TrueType outlines and Chinese letters.
_OF_THE_SYSTEM: Final = (
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/wqy-microhei/wqy-microhei.ttc",
    "/usr/share/fonts/wenquanyi/wqy-microhei/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
)
_NAME: Final = "Documents"
_REGISTERING: Final = threading.Lock()


class NoFont(Unavailable):
    """No font with Chinese letters is at hand: install what requirements.lock names, or fonts-wqy-microhei."""

    code = "no_font"


@lru_cache(maxsize=1)
def document_font() -> TTFont:
    """The font, known to the PDF library by its `fontName`. Raises NoFont."""
    with _REGISTERING:
        for path in _places():
            if path.is_file():
                try:
                    font = TTFont(_NAME, str(path), subfontIndex=0)
                except TTFError:
                    continue
                pdfmetrics.registerFont(font)
                return font
    raise NoFont


def has_letter(font: TTFont, letter: str) -> bool:
    """Whether the font can print it: an empty box must never stand where a name was meant."""
    return ord(letter) in font.face.charToGlyph


def _places() -> tuple[Path, ...]:
    package, inside = _WHEEL
    spec = find_spec(package)
    wheel = (Path(spec.origin).parent / inside,) if spec is not None and spec.origin is not None else ()
    return (*wheel, *map(Path, _OF_THE_SYSTEM))
