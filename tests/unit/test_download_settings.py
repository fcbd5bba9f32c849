"""`downloads`, external test sets and `parts` in config.yaml: what is refused, and what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bioseq_lstm.config import parse_config
from bioseq_lstm.config_files import check_files, unobtainable
from bioseq_lstm.errors import UserError

CHECKSUM = "0" * 64


def config(downloads: dict[str, Any], sequences: str = "data/downloads/a.3line.gz") -> Any:
    dataset = {"task": "structure", "files": {"sequences": sequences}}
    return parse_config({"downloads": downloads, "datasets": {"one": dataset}})


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "scheme": ({"a": {"url": "ftp://x/a", "sha256": CHECKSUM}}, "begins with none of https://"),
    "one of several": (
        {"a": {"url": ["https://x/a", "/tmp/a"], "sha256": CHECKSUM}},
        "'/tmp/a' begins with none of",
    ),
    "no version": ({"a": {"url": "pypi:x", "sha256": CHECKSUM}}, "write pypi:PROJECT==VERSION"),
    "an option for pip": (
        {"a": {"url": "pypi:--index-url==1", "sha256": CHECKSUM}},
        "write pypi:PROJECT==VERSION",
    ),
    "no checksum": ({"a": {"url": "https://x/a"}}, "downloads.a.sha256: is missing"),
    "short checksum": ({"a": {"sha256": "abc"}}, "'abc' is no SHA-256"),
    "a path": ({"../a": {"sha256": CHECKSUM}}, "letters, digits, . _ and - only"),
    "hidden": ({".a.part": {"sha256": CHECKSUM}}, "letters, digits, . _ and - only"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_download_that_cannot_be_made_is_refused(name: str) -> None:
    downloads, said = FAULTS[name]
    with pytest.raises(UserError) as caught:
        config(downloads)
    assert said in str(caught.value)


def test_one_address_is_a_list_of_one() -> None:
    found = config({"a": {"url": "https://x/a", "sha256": CHECKSUM}}).downloads["a"]
    assert found.url == ("https://x/a",)


def test_a_dataset_may_name_what_will_be_downloaded_but_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    entry = {"a.3line.gz": {"sha256": CHECKSUM}}
    check_files(config(entry))
    with pytest.raises(UserError, match=r"`downloads` does not name it \(did you mean 'a.3line.gz"):
        check_files(config(entry, "data/downloads/b.3line.gz"))
    with pytest.raises(UserError, match=r"there is no file 'elsewhere/a.3line.gz'$"):
        check_files(config(entry, "elsewhere/a.3line.gz"))
    check_files(config(entry, "made/a.3line.gz"), made=["made"])


def test_a_download_without_an_address_is_told_until_it_is_there_or_a_folder_has_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = config({"a": {"sha256": CHECKSUM}, "b": {"url": "https://x/b", "sha256": CHECKSUM}})
    assert list(unobtainable(found)) == [
        f"a: no public address gives it in this form (SHA-256 {CHECKSUM}): download it by hand "
        "into a folder and name that folder: --config local=FOLDER"
    ]
    assert not list(unobtainable(found.model_copy(update={"local": "copies"})))
    Path("data/downloads").mkdir(parents=True)
    Path("data/downloads/a").touch()
    assert not list(unobtainable(found))


def test_files_of_an_external_test_set_are_looked_for_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.3line").write_text(">a\nMK\nCC\n")
    files = {"sequences": "a.3line", "test": {"sequences": "b.3line"}}
    found = parse_config({"datasets": {"one": {"task": "structure", "files": files}}})
    with pytest.raises(UserError, match=r"datasets.one.files.test.sequences: there is no file"):
        check_files(found)


@pytest.mark.parametrize("task", ["structure", "expression"])
def test_an_external_test_set_is_one_fold(task: str) -> None:
    own = {"sequences": "a", **({"expression": "b"} if task == "expression" else {})}
    dataset = {"task": task, "files": {**own, "test": own}, "split": {"folds": 3}}
    with pytest.raises(UserError, match=r"set split.folds to 1, not 3, and list several `seeds`"):
        parse_config({"datasets": {"one": dataset}})


SPLITS: dict[str, tuple[dict[str, Any], str]] = {
    "not given": ({"strategy": "random", "parts": {"train": ["a"]}}, "is for strategy 'given'"),
    "no training": (
        {"strategy": "given", "column": "x", "parts": {"test": ["a"]}},
        "must say which words of the column are `train`",
    ),
    "twice": (
        {"strategy": "given", "column": "x", "parts": {"train": ["a"], "test": ["b", "A"]}},
        "has the word 'A' under train and test",
    ),
    "beside folds": (
        {"strategy": "given", "column": "x", "folds": 3, "parts": {"train": ["a"]}},
        "with folds above 1 each word is one: `parts` may have `unused` alone",
    ),
    "unknown part": (
        {"strategy": "given", "column": "x", "parts": {"train": ["a"], "dev": ["b"]}},
        "'dev' is not known",
    ),
}


@pytest.mark.parametrize("name", SPLITS)
def test_parts_that_make_no_sense_are_refused(name: str) -> None:
    split, said = SPLITS[name]
    dataset = {"task": "structure", "files": {"sequences": "a"}, "split": split}
    with pytest.raises(UserError) as caught:
        parse_config({"datasets": {"one": dataset}})
    assert said in str(caught.value)
