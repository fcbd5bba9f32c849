from __future__ import annotations

from pathlib import Path

import pytest

from bioseq_lstm.errors import UserError
from bioseq_lstm.newfiles import (
    fasta_files,
    molecule_files,
    named_files,
    new_files,
    visible_files,
)


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).touch()


def test_files_are_known_by_their_endings_gzipped_or_not(tmp_path: Path) -> None:
    fill(tmp_path, "b.fasta", "a.FAA", "c.fna.gz", "d.tsv", "e.smi.gz", "f.csv", "g.smiles")
    assert {n: p.name for n, p in fasta_files(visible_files(tmp_path)).items()} == {
        "a": "a.FAA",
        "b": "b.fasta",
        "c": "c.fna.gz",
    }
    assert list(molecule_files(visible_files(tmp_path))) == ["d", "e", "f", "g"]
    assert [path.name for path in new_files(tmp_path)] == [
        *("a.FAA", "b.fasta", "c.fna.gz", "d.tsv", "e.smi.gz", "f.csv", "g.smiles")
    ]


def test_notes_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, "README.md", ".hidden.fasta", "genes.fasta~", "nothing")
    (tmp_path / "old.fasta").mkdir()
    assert new_files(tmp_path) == []


def test_a_name_with_dots_keeps_all_but_its_ending(tmp_path: Path) -> None:
    fill(tmp_path, "NC_000913.3.fa.gz")
    assert list(fasta_files(visible_files(tmp_path))) == ["NC_000913.3"]


def test_two_files_that_would_give_one_output_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, "x.fa", "x.fasta")
    with pytest.raises(UserError, match=r"x\.fasta: and x\.fa would both .* x\.tsv; rename"):
        fasta_files(visible_files(tmp_path))


def test_a_fasta_and_a_table_of_one_name_do_not_meet(tmp_path: Path) -> None:
    fill(tmp_path, "x.fasta", "x.tsv")
    assert len(new_files(tmp_path)) == 2


def test_a_folder_that_does_not_exist_holds_nothing(tmp_path: Path) -> None:
    assert new_files(tmp_path / "new") == []


def test_files_that_are_named_are_taken_and_folders_are_opened(tmp_path: Path) -> None:
    fill(tmp_path, "a.fasta", ".hidden.fasta")
    (tmp_path / "more").mkdir()
    fill(tmp_path / "more", "b.fa", "notes.txt")
    found = named_files([tmp_path / "a.fasta", tmp_path / "more"])
    assert [path.name for path in found] == ["a.fasta", "b.fa", "notes.txt"]
    assert list(fasta_files(found)) == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("nowhere.fasta", "there is no such file or folder"), ("x.txt", r"'\.txt' .* x\.fasta")],
)
def test_a_named_file_that_cannot_be_read_is_an_error(name: str, said: str, tmp_path: Path) -> None:
    fill(tmp_path, "x.txt")
    with pytest.raises(UserError, match=said):
        named_files([tmp_path / name])


def test_a_name_that_snakemake_would_take_for_a_pattern_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x<y>.fasta").write_text(">a\nMKV\n")
    with pytest.raises(UserError, match="for a variable: rename it"):
        new_files(tmp_path)
