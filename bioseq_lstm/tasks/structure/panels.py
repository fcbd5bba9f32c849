"""What the report shows of secondary structure alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bioseq_lstm.data.alphabets import DSSP8
from bioseq_lstm.metrics.base import unit_codes
from bioseq_lstm.metrics.calibration import CalibrationScorer
from bioseq_lstm.metrics.structure import STATES3, STATES8, StructureScorer
from bioseq_lstm.reporting.charts import confusion, reliability
from bioseq_lstm.reporting.panels import Chart, Panel, Section, SequenceTrack, Table, Text, Tracks
from bioseq_lstm.tasks.outcomes import NewFile, Results
from bioseq_lstm.tasks.structure.chains import (
    CONFIDENCE,
    least_certain,
    nearest_told,
    tested_chains,
)
from bioseq_lstm.tasks.telling import nothing_new, shown_names, stated, with_interval

SHOWN_NEW = 200  # chains of a file drawn in the page; all stand in the files


def panels(results: Results) -> list[Section]:
    table = results.predictions[results.chosen]
    return [_errors(results, table), tested_chains(results, table), new_panels(results.new)]


def _errors(results: Results, table: pd.DataFrame) -> Section:
    columns = (list(table[name]) for name in ("truth", "predicted", "predicted_3"))
    truth, predicted, predicted_3 = columns
    scorer = StructureScorer(truth, predicted, np.arange(len(table)), predicted_3)
    items: list[Panel] = []
    for states, name in ((STATES3, "three"), (STATES8, "eight")):
        counts = scorer.confusion(len(states)).astype(int)
        matrix = pd.DataFrame(counts, index=list(states), columns=list(states))
        recall = np.diag(counts) / np.maximum(counts.sum(axis=1), 1)
        recalls = ", ".join(f"{s} {r:.0%}" for s, r in zip(states, recall, strict=True))
        items.append(
            Chart(
                f"Confusion, {name} states",
                confusion(matrix),
                f"n = {counts.sum():,} test residues of {results.chosen}, first seed: observed in "
                "rows, predicted in columns, shaded by the share of the row.",
                f"Confusion matrix of {counts.sum()} residues. Share found: {recalls}.",
                half=True,
            )
        )
    items.append(_class_table(results))
    groups = results.splits["group"].to_numpy()[table["sample"]]
    items.append(_reliability(table, unit_codes(groups)))
    return Section("errors", "What the errors look like", "", items)


def _class_table(results: Results) -> Table:
    figures = results.figures[results.figures["name"] == results.chosen].set_index("metric")
    rows = []
    for states in (STATES8, STATES3):
        for state in states:
            row = {"state": f"{state} ({len(states)} states)"}
            for measure in ("precision", "recall", "f1"):
                row[measure] = with_interval(figures.loc[f"{measure}_{len(states)}_{state}"])
            rows.append(row)
    return Table(
        "Precision, recall and F1 by state",
        pd.DataFrame(rows),
        f"{results.chosen} on the test part, in brackets 95 % bootstrap intervals over "
        f"n = {figures['units'].iloc[0]} independent units; a dash where a state never occurs or "
        "is never predicted.",
        file="figures.tsv",
    )


def _reliability(table: pd.DataFrame, groups: np.ndarray) -> Chart:
    confidence, correct = [], []
    for truth, predicted, sure in table[["truth", "predicted", "confidence"]].to_numpy():
        known = np.array(list(truth)) != DSSP8.unknown
        confidence.append(np.asarray(sure)[known])
        correct.append((np.array(list(truth)) == np.array(list(predicted)))[known])
    scorer = CalibrationScorer(confidence, correct, groups)
    bins = scorer.table().query("residues > 0")
    error = stated(scorer, "ece")
    return Chart(
        "Is the confidence kept?",
        reliability(bins),
        f"n = {bins['residues'].sum():,.0f} test residues in ten bins of stated confidence, the "
        "probability of the most probable of the eight states. Expected calibration error (how far "
        "the share of right states is from that, averaged over residues) "
        f"{error}, a bootstrap over groups of chains. "
        "The temperature was fitted on the validation part.",
        f"Reliability diagram, expected calibration error {error}.",
        half=True,
    )


def new_panels(new: Mapping[str, NewFile]) -> Section:
    items: list[Panel] = []
    for name, file in new.items():
        if ".tsv" not in file.tables:
            items.append(Text(name, ["Every record of this file was refused."]))
            continue
        items += _chains(name, file)
    if not items:
        items = [nothing_new("FASTA files")]
    return Section("new", "New chains", "Predicted by the chosen model.", items)


def _chains(name: str, file: NewFile) -> Iterator[Panel]:
    """The table of a file's chains, and the first of them drawn."""
    chains, total = file.tables[".tsv"], file.rows[".tsv"]
    caption = (
        "The measured columns tell how test chains about as similar to training fared. "
        "Empty: no test chain is that similar. "
        if "nearest_training_chain" in chains
        else ""
    )
    yield Table(
        f"{name}: {total:,} chains",
        shown_names(chains.drop(columns=["sequence", "states_8", "states_3"])),
        caption.strip(),
        file=f"predictions/{name}.tsv",
        total=total,
    )
    residues = dict(list(file.tables[".residues.tsv"].groupby("id", sort=False)))
    tracks = []
    for chain in chains.head(SHOWN_NEW).itertuples():
        own = residues.get(chain.id)
        if own is None or len(own) < len(chain.sequence):
            break  # the rows that a report reads end here
        confidence = own["confidence_probability"].tolist()
        tracks.append(
            SequenceTrack(
                chain.id,
                chain.sequence,
                chain.states_8,
                confidence,
                note=f"{_nearest_of(chain)} {least_certain(confidence)}".strip(),
                three=chain.states_3,
            )
        )
    yield Tracks(
        f"{name}, residue by residue",
        tracks,
        f"n = {len(tracks):,} chains. {CONFIDENCE}",
        f"predictions/{name}.3line",
        total,
    )


def _nearest_of(chain: Any) -> str:
    if not hasattr(chain, "nearest_training_chain"):
        return ""
    return nearest_told(chain.nearest_training_chain, chain.identity_times_coverage_fraction)
