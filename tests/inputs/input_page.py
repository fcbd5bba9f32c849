"""The tables of docs/input.md, from the cases themselves.

``python tests/inputs/input_page.py`` writes them into the page; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lies import Lie, outcome
from lying_configurations import CONFIGURATIONS
from lying_sequences import SEQUENCES
from lying_tables import TABLES

from bioseq_lstm.files import write_text

PAGE = Path(__file__).resolve().parents[2] / "docs" / "input.md"
TEST = "test_what_is_said_of_an_input_that_lies"
CASES = {"Sequences": SEQUENCES, "Tables and molecules": TABLES, "config.yaml": CONFIGURATIONS}
START, END = "<!-- cases: written by tests/inputs/input_page.py -->", "<!-- end of cases -->"


def tables() -> str:
    """Every case in Markdown: the input, the outcome, and what is said."""
    return "\n".join(line for title, cases in CASES.items() for line in _table(title, cases))


def _table(title: str, cases: tuple[Lie, ...]) -> Iterator[str]:
    yield f"### {title}\n"
    yield f"`{TEST}[…]` in tests/unit/data/test_lying_input.py, by the name of the case.\n"
    yield "| case | read as | outcome | what is said |"
    yield "|---|---|---|---|"
    for lie in cases:
        said = "<br>".join(f"`{_code(line)}`" for line in lie.said.splitlines())
        yield f"| {lie.name} | {lie.reader} | {outcome(lie.said)} | {said} |"
    yield ""


def _code(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'")


def with_tables(page: str) -> str:
    """The page with the tables between its two marks."""
    before, rest = page.split(START)
    return f"{before}{START}\n\n{tables()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    write_text(PAGE, with_tables(PAGE.read_text(encoding="utf-8")))
