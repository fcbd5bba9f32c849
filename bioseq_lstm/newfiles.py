"""Which files of a `new` folder are predicted, and under which name.

This module stays light: Snakemake reads it every time it starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from bioseq_lstm.errors import UserError

_FASTA = (".fasta", ".fa", ".faa", ".fna", ".ffn", ".fas")
_MOLECULES = (".tsv", ".csv", ".smi", ".smiles")


def new_folder(dataset: str, named: str | None) -> str:
    """The `new` folder of a dataset, where it has one of its own."""
    return named or f"data/{dataset}/new"


def visible_files(folder: Path) -> list[Path]:
    """The files of a folder that are not hidden, in order; none if there is no such folder."""
    there = folder.iterdir() if folder.is_dir() else []
    return sorted(path for path in there if path.is_file() and not path.name.startswith("."))


def fasta_files(paths: Iterable[Path]) -> dict[str, Path]:
    """The FASTA files among ``paths`` by the stem of their names; others are not looked at."""
    return _by_stem(paths, _FASTA)


def molecule_files(paths: Iterable[Path]) -> dict[str, Path]:
    """The tables of molecules among ``paths`` by the stem of their names."""
    return _by_stem(paths, _MOLECULES)


def new_files(folder: Path) -> list[Path]:
    """Every file of a folder that some task can predict from.

    Raises UserError for a name that Snakemake would read as one with variables in it.
    """
    paths = visible_files(folder)
    found = sorted([*fasta_files(paths).values(), *molecule_files(paths).values()])
    for path in found:
        if re.search(r"<\w+>", path.name):
            raise UserError("Snakemake takes a word in < > for a variable: rename it",
                            file=path)  # fmt: skip
    return found


def named_files(paths: Iterable[Path]) -> list[Path]:
    """What a user names: files as they are, and of folders the visible files.

    Raises UserError for a path that is not there, and for a named file whose ending tells nothing.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += visible_files(path)
        elif not path.exists():
            raise UserError("there is no such file or folder", file=path)
        elif _plain(path).suffix.lower() not in (*_FASTA, *_MOLECULES):
            raise UserError(
                f"the ending {path.suffix!r} does not tell what it holds: name it "
                f"{_plain(path).stem}.fasta, or .tsv if it holds molecules",
                file=path,
            )
        else:
            found.append(path)
    return found


def _by_stem(paths: Iterable[Path], suffixes: tuple[str, ...]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: path.name):
        plain = _plain(path)
        if plain.suffix.lower() not in suffixes:
            continue
        if plain.stem in found:
            raise UserError(
                f"and {found[plain.stem].name} would both be predicted into {plain.stem}.tsv; "
                "rename one of them",
                file=path,
            )
        found[plain.stem] = path
    return found


def _plain(path: Path) -> Path:
    return path.with_suffix("") if path.suffix.lower() == ".gz" else path
