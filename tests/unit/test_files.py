from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.files import (
    read_json,
    read_tsv,
    replacing,
    sha256,
    write_json,
    write_parquet,
    write_text,
    write_tsv,
)


def test_after_an_exception_the_old_file_stands_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="power cut"), replacing(path) as temporary:
        temporary.write_text("half of the ne")
        raise RuntimeError("power cut")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_from_the_keyboard_leaves_nothing_either(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "new.tsv"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_synced_before_it_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "a.txt", []
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", lambda _: seen.append(path.read_text()))
    write_text(path, "new")
    assert seen == ["old"]
    assert path.read_text() == "new"


def test_nobody_ever_sees_a_file_half_written(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    with replacing(path) as temporary:
        assert not path.exists()
        assert temporary.parent == path.parent  # a rename works on one file system only
        assert temporary.suffix == ".parquet"
        assert temporary.name.startswith(".")
    assert path.exists()


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask_as_for_any_new_file(
    tmp_path: Path, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        write_text(tmp_path / "a.txt", "")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == mode


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "c.txt", "text\n")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == b"text\n"


def test_a_table_comes_back_with_ids_as_text_and_gaps_as_gaps(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"id": ["NA", "007", 'say "a"\tb'], "value": [1.5, np.nan, -2e-300], "n": [1, 2, 3]}
    )
    write_tsv(tmp_path / "t.tsv", table)
    found = read_tsv(tmp_path / "t.tsv", text=("id", "another"))
    pd.testing.assert_frame_equal(found, table, check_exact=True)


def test_a_parquet_table_comes_back_as_it_was(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["007", "NA"], "confidence": [[0.5, 0.25], [1.0]]}, index=[5, 9])
    write_parquet(tmp_path / "t.parquet", table)
    found = pd.read_parquet(tmp_path / "t.parquet")
    assert found["id"].tolist() == ["007", "NA"]
    assert [list(row) for row in found["confidence"]] == [[0.5, 0.25], [1.0]]
    assert found.index.tolist() == [0, 1]


def test_json_comes_back_and_nan_is_refused_rather_than_written(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"unit": "Å", "values": [1, 2.5, None]})
    assert read_json(path) == {"unit": "Å", "values": [1, 2.5, None]}
    with pytest.raises(ValueError, match="nan"):
        write_json(path, {"loss": float("nan")})
    assert read_json(path)["unit"] == "Å"


def test_a_checksum_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert sha256(tmp_path / "a") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
