"""Inputs that lie: what is said of each, word for word; docs/input.md shows the same table."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path

import input_page
import pytest
from lies import Lie, outcome, tell

from bioseq_lstm.cli import main
from bioseq_lstm.data.alphabets import PROTEIN
from bioseq_lstm.data.fasta import read_fasta
from bioseq_lstm.data.text import check_unpacked

LIES = [lie for cases in input_page.CASES.values() for lie in cases]
SETS = {"expression set": "expression", "affinity set": "affinity"}


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_what_is_said_of_an_input_that_lies(lie: Lie, tmp_path: Path) -> None:
    said = tell(lie, tmp_path)
    assert said == lie.said
    if outcome(said) == "stops":
        assert "\n" not in said


def test_no_two_cases_have_one_name() -> None:
    assert len({lie.name for lie in LIES}) == len(LIES)


def test_the_page_has_every_case() -> None:
    text = input_page.PAGE.read_text(encoding="utf-8")
    assert input_page.with_tables(text) == text


@pytest.mark.parametrize(
    "lie",
    [lie for lie in LIES if lie.reader in SETS and outcome(lie.said) == "stops"],
    ids=lambda lie: lie.name,
)
def test_a_dataset_that_cannot_be_right_ends_the_verb_with_status_2(
    lie: Lie, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in lie.files.items():
        (tmp_path / name).write_bytes(content)
    files = {path.stem: str(path) for path in tmp_path.iterdir()}
    settings = {"task": SETS[lie.reader], "files": files, "models": {"m": {}}}
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "computed-before").touch()
    with pytest.raises(SystemExit) as ended:
        folder = str(tmp_path / "results")
        main(["read", "--folder", folder, "--settings", json.dumps(settings)])
    assert ended.value.code == 2
    said = capsys.readouterr().err.replace(f"{tmp_path}/", "")
    assert said == f"bioseq-lstm: {lie.said}\n"
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["computed-before"]


def test_a_record_of_forty_million_letters_is_refused_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "p.fasta"
    line = b"M" * 80 + b"\n"
    path.write_bytes(b">k\nMKVL\n>huge\n" + line * 500_000 + b">l\nMKV\n")
    parsed = read_fasta(path, PROTEIN)
    assert [record.id for record in parsed.records] == ["k", "l"]
    assert [(r.line, r.reason) for r in parsed.refusals] == [
        (3, "40,000,000 letters are more than max_length 100,000")
    ]


def test_a_bomb_is_told_in_memory_that_does_not_grow(tmp_path: Path) -> None:
    path = tmp_path / "b.fasta.gz"
    with gzip.open(path, "wb", compresslevel=1) as packed:
        for _ in range(64):
            packed.write(b"M" * 1_000_000)  # one line
    tracemalloc.start()
    check_unpacked([path], megabytes=65)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8_000_000


def test_files_that_are_broken_or_missing_are_left_to_their_reader(tmp_path: Path) -> None:
    (tmp_path / "half.gz").write_bytes(b"\x1f\x8b\x08\x00 and no more")
    check_unpacked([tmp_path / "half.gz", tmp_path / "none.gz", tmp_path], megabytes=1)
