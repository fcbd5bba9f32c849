"""A case of an input that lies, the readers that it is given to, and what they tell of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioseq_lstm.config import load_config, parse_settings
from bioseq_lstm.config_files import check_files
from bioseq_lstm.data.alphabets import DNA, PROTEIN
from bioseq_lstm.data.fasta import read_fasta
from bioseq_lstm.data.labels import read_labelled_chains
from bioseq_lstm.data.molecules import read_molecules
from bioseq_lstm.data.records import Refusal
from bioseq_lstm.data.tables import read_affinities, read_annotations, read_expression_table
from bioseq_lstm.data.text import check_unpacked
from bioseq_lstm.errors import UserError
from bioseq_lstm.tasks import TASKS

FEW = 50  # letters that a sequence of these cases may have


@dataclass(frozen=True)
class Lie:
    """One case. ``said``: what the reader tells of it, line by line; paths are the files' names.

    A whole file that cannot be right stops the run, a record that cannot is refused and listed,
    the rest is taken and, where something was done to it, noted.
    """

    name: str
    reader: str
    content: bytes | Mapping[str, bytes]
    said: str

    @property
    def files(self) -> Mapping[str, bytes]:
        if isinstance(self.content, bytes):
            return {FILES[self.reader]: self.content}
        return self.content


def _parsed(read: Callable[..., Any], **options: Any) -> Callable[[Path], str]:
    def told(path: Path) -> str:
        parsed = read(path, **options)
        ids = [record.id for record in parsed.records]
        return _told(ids, parsed.refusals, parsed.notes)

    return told


def _table(read: Callable[[Path], Any]) -> Callable[[Path], str]:
    def told(path: Path) -> str:
        table = read(path)
        names = [column for column in ("id", "drug") if column in table.frame][:1]
        return _told(table.frame[names[0]].tolist(), table.refusals, table.notes)

    return told


def _task(task: str, **more: Any) -> Callable[[Path], str]:
    """The files of a whole dataset, as the verb ``read`` takes them."""

    def told(folder: Path) -> str:
        files = {path.stem: str(path) for path in folder.iterdir()}
        _, settings = parse_settings({"task": task, "files": files, "models": {"m": {}}, **more})
        reading = TASKS[task].read(settings)
        ids = reading.measurements.iloc[:, 0].tolist()
        return _told(ids, reading.refusals, reading.notes)

    return told


def _told(ids: list[str], refusals: list[Refusal], notes: Mapping[str, int]) -> str:
    lines = [f"line {r.line}, {r.record!r}: {r.reason}" for r in refusals]
    lines += [f"{note}: {count}" for note, count in notes.items()]
    shown = [name if len(name) < 40 else f"{name[:3]}… of {len(name)}" for name in ids]
    return "\n".join([*lines, f"taken: {', '.join(shown) or 'nothing'}"])


def _config(path: Path) -> str:
    check_files(load_config(path), path)
    return "taken"


def _bomb(path: Path) -> str:
    check_unpacked([path], megabytes=1)
    return "taken"


READERS: dict[str, Callable[[Path], str]] = {
    "protein": _parsed(read_fasta, alphabet=PROTEIN, max_length=FEW),
    "DNA": _parsed(read_fasta, alphabet=DNA, max_length=FEW),
    "chains": _parsed(read_labelled_chains),
    "molecules": _parsed(read_molecules),
    "expression": _table(read_expression_table),
    "annotations": _table(read_annotations),
    "affinities": _table(read_affinities),
    "structure set": _task("structure"),
    "expression set": _task("expression"),
    "raw expression set": _task("expression", unit="TPM"),
    "affinity set": _task("affinity"),
    "Kd set": _task("affinity", unit="Kd (nM)"),
    "config.yaml": _config,
    "unpacking": _bomb,
}
FILES = {
    "protein": "p.fasta",
    "DNA": "d.fasta",
    "chains": "c.3line",
    "molecules": "m.tsv",
    "expression": "e.tsv",
    "annotations": "g.tsv",
    "affinities": "a.tsv",
    "config.yaml": "config.yaml",
    "unpacking": "b.fasta.gz",
}


def tell(lie: Lie, folder: Path) -> str:
    """What the reader says of the case, its files written below ``folder``."""
    for name, content in lie.files.items():
        (folder / name).write_bytes(content)
    whole = lie.reader not in FILES
    try:
        told = READERS[lie.reader](folder if whole else folder / FILES[lie.reader])
    except UserError as error:
        told = str(error)
    return told.replace(f"{folder}/", "")


def outcome(said: str) -> str:
    """stops, refused, noted or taken: by what is said."""
    *more, last = said.splitlines()
    if not last.startswith("taken"):
        return "stops"
    if any(line.startswith("line ") for line in more):
        return "refused"
    return "noted" if more else "taken"
