"""Which files of a `new` folder are predicted, and under which name.

This module stays light: Snakemake reads it every time it starts.
"""

from __future__ import annotations

from pathlib import Path

from bioseq_lstm.errors import UserError

_FASTA = (".fasta", ".fa", ".faa", ".fna", ".ffn", ".fas")
_MOLECULES = (".tsv", ".csv", ".smi", ".smiles")


def fasta_files(folder: Path) -> dict[str, Path]:
    """FASTA files of a folder by the stem of their names; other files are not looked at."""
    return _by_stem(folder, _FASTA)


def molecule_files(folder: Path) -> dict[str, Path]:
    """Tables of molecules of a folder by the stem of their names."""
    return _by_stem(folder, _MOLECULES)


def new_files(folder: Path) -> list[Path]:
    """Every file of a folder that some task can predict from."""
    return sorted([*fasta_files(folder).values(), *molecule_files(folder).values()])


def _by_stem(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
        hidden = path.name.startswith(".") or path.is_dir()
        if hidden or plain.suffix.lower() not in suffixes:
            continue
        if plain.stem in found:
            raise UserError(
                f"and {found[plain.stem].name} would both be predicted into {plain.stem}.tsv; "
                "rename one of them",
                file=path,
            )
        found[plain.stem] = path
    return found
