"""From files to checked records, to a split without leaks, to numbers."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bioseq_lstm.data.assignment import PARTS, TEST, UNUSED
from bioseq_lstm.data.given import check_words, names_validation
from bioseq_lstm.data.leakage import LeakageSettings, check_leakage
from bioseq_lstm.data.profile import profile
from bioseq_lstm.data.records import (
    EXTERNAL_TEST,
    Reading,
    check_refused_share,
    write_rejected,
)
from bioseq_lstm.data.similarity import MAX_EVALUE, SENSITIVITY
from bioseq_lstm.data.splitting import SplitSettings
from bioseq_lstm.data.text import check_unpacked
from bioseq_lstm.files import read_tsv, sha256, sha256_of, write_json, write_parquet, write_tsv
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.settings import DatasetSettings
from bioseq_lstm.tasks.base import Task


def read(task: Task, settings: DatasetSettings, folder: Path) -> None:
    """Write ``records.parquet``, ``measurements.parquet``, ``rejected.tsv``, ``profile.json``.

    Raises ``UserError`` when more records were refused than the settings allow; what was refused
    then stands in ``rejected-too-many.tsv``, since Snakemake removes the outputs of a failed job.
    """
    layout = Layout(folder)
    files = settings.files.paths()
    check_unpacked(files.values(), settings.max_unpacked)
    reading = task.read(settings)
    kept = layout.folder / "rejected-too-many.tsv"
    write_rejected(kept, reading.refusals)
    check_refused_share(
        reading.refusals,
        task.count_read(reading),
        settings.max_refused,
        kept,
    )
    kept.unlink()
    write_parquet(layout.records, reading.records)
    write_parquet(layout.measurements, reading.measurements)
    write_rejected(layout.rejected, reading.refusals)
    about = {
        **profile(reading),
        "files": {name: {"path": path, "sha256": sha256(path)} for name, path in files.items()},
        "outputs": sha256_of([layout.records, layout.measurements, layout.rejected], folder),
    }
    write_json(layout.profile, about)
    for note, count in reading.notes.items():
        print(f"{note}: {count}", file=sys.stderr)


def split_dataset(task: Task, settings: DatasetSettings, folder: Path, threads: int = 1) -> None:
    """Write ``splits.tsv``, ``leakage.tsv`` and ``split.json``; a leak is a ``UserError``."""
    layout = Layout(folder)
    how = SplitSettings(**settings.split.model_dump())
    reading = stored_reading(layout)
    _check_parts(reading, how, refused=bool(len(read_tsv(layout.rejected))))
    splits, sides = task.split(reading, how, threads)
    gate = LeakageSettings(**settings.leakage.model_dump())
    found = check_leakage(gate, splits, sides, threads)
    write_tsv(layout.splits, splits)
    write_tsv(layout.leakage, found.table)
    optimistic = (
        ["The split is random: test records may be relatives of training records, "
         "and every figure is optimistic."]
        if how.strategy == "random" and not settings.external_test
        else []
    )  # fmt: skip
    write_json(
        layout.split_report,
        {
            "description": described(how, draws_validation(reading, how), around(reading, splits)),
            "warnings": [*optimistic, *found.warnings],
            "near_duplicates": found.shares.to_dict("records"),
            "inputs": _records_sha256(layout),
            "outputs": sha256_of([layout.splits, layout.leakage], folder),
        },
    )


def draws_validation(reading: Reading, how: SplitSettings) -> bool:
    """Whether the validation part of a ``given`` split had to be drawn from training."""
    if how.strategy != "given" or how.folds > 1:
        return False
    return not names_validation(how.parts, _column(reading, how))


def _column(reading: Reading, how: SplitSettings) -> pd.Series:
    """The column of a ``given`` split, without the records of an external test set."""
    # Parts that stand with the measurements are in `set`; they go before an annotation.
    annotated = how.column in reading.records
    measured = how.column in reading.measurements and (how.column == "set" or not annotated)
    words = (reading.measurements if measured else reading.records)[how.column]
    if EXTERNAL_TEST in reading.records:
        words = words[~reading.records[EXTERNAL_TEST].to_numpy(bool)]
    return words


def _check_parts(reading: Reading, how: SplitSettings, refused: bool) -> None:
    """Raise UserError for a word of ``split.parts`` that the column lacks, if there is one."""
    there = how.column in reading.records or how.column in reading.measurements
    if how.parts and there:  # the split itself tells of a column that is not
        wanted = [part for part in PARTS if part != TEST or EXTERNAL_TEST not in reading.records]
        check_words(how.column, _column(reading, how), how.parts, wanted, refused)


@dataclass(frozen=True)
class Around:
    """Records of an external test set, records beside it, and those that were put aside."""

    test: int
    others: int
    unused: int


def around(reading: Reading, splits: pd.DataFrame) -> Around | None:
    """Sizes of the split around an external test set, if there is one."""
    if EXTERNAL_TEST not in reading.records:
        return None
    tested = int(reading.records[EXTERNAL_TEST].sum())
    return Around(tested, len(splits) - tested, int((splits["fold0"] == UNUSED).sum()))


def described(how: SplitSettings, drawn: bool = False, around: Around | None = None) -> list[str]:
    """The split in words, for the report; ``drawn``: whether ``given`` drew its validation part."""
    groups = {
        "homology": f"Sequences with at least {how.identity:.0%} identity over {how.coverage:.0%} "
        "of the shorter one (MMseqs2, connected components) stay on one side.",
        "group": f"Records of one group (column {how.column!r}) stay on one side."
        if how.column
        else f"Genes of one block of {how.block_length:,} bases of the chromosome and, where "
        "strand and end of every gene are known, likely operons stay on one side.",
        "cold": f"Test {'drugs and targets' if how.cold == 'both' else how.cold} are unseen in "
        f"training. Drugs with a Tanimoto coefficient of at least {how.tanimoto:g} and targets "
        f"with at least {how.identity:.0%} identity stay together on the side that is split.",
        "random": "Samples were drawn at random; only exact copies stay together.",
    }
    outside = [] if around is None else [_external(how, around)]
    if how.strategy == "given":
        return [*outside, *_given(how, drawn, "test" if around is None else "validation")]
    sizes = _sizes(how) if around is None else [_shares(how)]
    return [*outside, groups[how.strategy], *sizes, f"Seed {how.seed}."]


def _given(how: SplitSettings, drawn: bool, held: str) -> list[str]:
    """What a column says of the parts, or of the folds; ``held``: the part beside training."""
    if how.folds == 1:
        said = f"The column {how.column!r} says what is training and what is {held}{_words(how)}."
        return [said, *_drawn_validation(how, drawn)]
    return [
        f"Each of {how.folds} words of the column {how.column!r} is a fold{_words(how)}.",
        "Each is tested once; the next one validates, and the others train.",
    ]


def _external(how: SplitSettings, around: Around) -> str:
    """What became of records that resemble an external test set."""
    said = ", or that the column leaves unused," if how.strategy == "given" else ""
    return (
        f"The {around.test:,} test records come from files of their own. Of the {around.others:,} "
        f"others, {around.unused:,} that are similar to one of them{said} are put aside: at least "
        f"{how.identity:.0%} identity over {how.coverage:.0%} of the shorter sequence (MMseqs2, "
        f"sensitivity {SENSITIVITY}, E-value at most {MAX_EVALUE:g}), or identical."
    )


def _shares(how: SplitSettings) -> str:
    train, validation, _ = how.fractions
    both = train + validation
    return (
        f"Of what is left, training has {train / both:.0%} and validation {validation / both:.0%}, "
        "as far as whole groups allow."
    )


def _words(how: SplitSettings) -> str:
    """The words of the column that make up each part, where the settings name them."""
    parts = [f"{part}: {', '.join(words)}" for part, words in (how.parts or {}).items()]
    return f" ({'; '.join(parts)})" if parts else ""


def _drawn_validation(how: SplitSettings, drawn: bool) -> list[str]:
    if not drawn:
        return ["It names the validation part too."]
    train, validation, _ = how.fractions
    share = validation / (train + validation)
    return [
        f"It names no validation part, so {share:.0%} of what it gives to training was drawn at "
        f"random for validation, exact copies together (seed {how.seed})."
    ]


def _sizes(how: SplitSettings) -> list[str]:
    """How large the parts are, in words; pairs that are cold on both sides may straddle."""
    both = how.strategy == "cold" and how.cold == "both"
    straddle = "A pair whose drug and target lie in different parts is not used"
    if how.folds == 1:
        whose = " (of the drugs, and of the targets)" if both else ""
        parts = "Training {:.0%}, validation {:.0%}, test {:.0%}{}, as far as whole groups allow."
        return [parts.format(*how.fractions, whose), *([f"{straddle}."] if both else [])]
    if not both:
        return [f"{how.folds} folds: every sample is tested once."]
    return [
        f"{how.folds} folds: every drug and every target is in the test part of one fold. A pair "
        "is tested only when both are in that of the same fold, so most pairs are never tested.",
        f"{straddle} in that fold.",
    ]


def encode(task: Task, settings: DatasetSettings, folder: Path) -> None:
    """Write ``encoded.safetensors``; rows as in ``measurements.parquet``."""
    layout = Layout(folder)
    encoded = task.encode(stored_reading(layout), settings)
    encoded.save(layout.encoded, inputs=_records_sha256(layout))


def _records_sha256(layout: Layout) -> dict[str, str]:
    return sha256_of([layout.records, layout.measurements], layout.folder)


def stored_reading(layout: Layout) -> Reading:
    """What ``read`` wrote, without the refusals."""
    return Reading(pd.read_parquet(layout.records), pd.read_parquet(layout.measurements))
