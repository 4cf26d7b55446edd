"""Which kind of portfolio a file is, and its events whatever the kind."""

from __future__ import annotations

import codecs
from enum import StrEnum
from pathlib import Path
from typing import Final

from tact.portfolio.errors import PortfolioFileUnreadable
from tact.portfolio.ndjson import load_events
from tact.portfolio.published import PublishedEvent
from tact.portfolio.uci import import_uci
from tact.portfolio.uci_clients import UCI_COLUMNS

_CHUNK_BYTES: Final = 1 << 20
_SHOWN: Final = 60


class PortfolioKind(StrEnum):
    """NDJSON of structured core-banking events, or the UCI credit-card file."""

    NDJSON = "ndjson"
    UCI = "uci"


def detect(path: Path) -> PortfolioKind:
    """The kind of a portfolio file by its first line that is not blank; an empty file is an empty NDJSON.

    Raises PortfolioFileUnreadable when the file is missing, is not UTF-8 throughout, or is of no known kind.
    """
    first = _first_line(path)
    if not first or first.startswith("{"):
        return PortfolioKind.NDJSON
    columns = {column.strip().strip('"') for column in first.split(",")}
    if columns >= set(UCI_COLUMNS):
        return PortfolioKind.UCI
    missing = sorted(set(UCI_COLUMNS) - columns)
    hint = f"; a UCI credit-card file would also have {', '.join(missing)}" if "LIMIT_BAL" in columns else ""
    raise PortfolioFileUnreadable(
        f"{path}: neither NDJSON of events nor a UCI credit-card file; it begins {first[:_SHOWN]!r}{hint}",
        path=str(path),
    )


def open_portfolio(
    path: Path, *, zone: str = "Asia/Shanghai", limit: int | None = None
) -> list[PublishedEvent]:
    """The file's events ordered by instant. `limit` bounds the clients taken from a UCI file.

    Raises PortfolioFileUnreadable or PortfolioLineBad.
    """
    match detect(path):
        case PortfolioKind.UCI:
            return list(import_uci(path, limit=limit))
        case PortfolioKind.NDJSON:
            return load_events(path, zone=zone)


def _first_line(path: Path) -> str:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    read_bytes, head = 0, ""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                text = decoder.decode(chunk)
                read_bytes += len(chunk)
                head = head or text.lstrip()
            decoder.decode(b"", final=True)
    except OSError as error:
        raise PortfolioFileUnreadable(f"{path}: {error.strerror}", path=str(path)) from error
    except UnicodeDecodeError as error:
        raise PortfolioFileUnreadable(
            f"{path}: not UTF-8 ({error.reason} after byte {read_bytes + error.start})", path=str(path)
        ) from error
    return head.partition("\n")[0].strip()
