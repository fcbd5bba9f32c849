"""Broken files: a reader reads, or says one line; it never falls, and what it took is whole."""

from __future__ import annotations

from pathlib import Path

import fuzzing
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bioseq_lstm.data.alphabets import PROTEIN
from bioseq_lstm.data.delimited import read_delimited
from bioseq_lstm.data.fasta import read_fasta
from bioseq_lstm.data.text import text_lines
from bioseq_lstm.errors import UserError

FILES = 150  # a reader; `python tests/inputs/fuzzing.py` goes on as long as it is told
IN_ONE_FOLDER = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
cells = st.text(
    st.characters(
        codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters='\u2028\u2029"'
    ),
    max_size=12,
)


@pytest.mark.parametrize("reader", fuzzing.CHECKS)
def test_no_reader_falls_over_a_broken_file(reader: str, tmp_path: Path) -> None:
    fallen = {
        seed: told
        for seed in range(FILES)
        if (told := fuzzing.fall(reader, seed, tmp_path)) is not None
    }
    assert not fallen


def test_the_fuzz_notices_a_reader_that_falls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fuzzing.CHECKS, "protein", lambda path: path.read_bytes().decode("ascii"))
    fallen = [seed for seed in range(FILES) if fuzzing.fall("protein", seed, tmp_path)]
    assert fallen


@given(content=st.binary(max_size=300))
@IN_ONE_FOLDER
def test_any_bytes_are_lines_of_text_or_one_line_of_reason(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    try:
        lines = list(text_lines(path))
    except UserError as error:
        assert "\n" not in str(error)
        return
    assert all(line.endswith("\n") and "\0" not in line for line in lines)
    kept = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert "".join(lines).encode() == kept + (b"" if kept.endswith(b"\n") else b"\n")


@given(rows=st.lists(st.tuples(cells, cells), max_size=6))
@IN_ONE_FOLDER
def test_cells_come_back_as_they_were_but_for_spaces_around(
    rows: list[tuple[str, str]], tmp_path: Path
) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("".join(f"{a}\t{b}\n" for a, b in [("x", "y"), *rows]), encoding="utf-8")
    found = [tuple(row) for _, row in read_delimited(path).rows]
    assert found == [(a.strip(), b.strip()) for a, b in rows if a.strip() or b.strip()]


@given(
    records=st.lists(
        st.tuples(st.text("abc=-<'/", min_size=1, max_size=4), st.text("ACDEX*-1 ", max_size=9)),
        min_size=1,
        max_size=8,
    )
)
@IN_ONE_FOLDER
def test_no_record_is_lost_between_taken_refused_and_repeated(
    records: list[tuple[str, str]], tmp_path: Path
) -> None:
    path = tmp_path / "p.fasta"
    path.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in records))
    try:
        parsed = read_fasta(path, PROTEIN)
    except UserError as error:
        assert "differs from the one of the same id" in str(error) or "no sequence" in str(error)
        return
    assert parsed.n_read == len(records)
