"""What can be wrong with a portfolio file."""

from __future__ import annotations

from spine.errors import TactError


class PortfolioFileUnreadable(TactError):
    """The portfolio file is missing, not UTF-8, or of no known kind."""

    code = "bad_file"
    status = 422


class PortfolioLineBad(TactError):
    """A line of the portfolio file is wrong; correct it and read the file again."""

    code = "bad_line"
    status = 422

    def __init__(self, line: int, code: str, detail: str) -> None:
        super().__init__(f"line {line}: {detail}", line=line, code=code)
        self.line = line
        self.line_code = code
