"""The section of a report on why: logos, mutants, molecules, words, and what to make of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bioseq_lstm.files import read_json, read_tsv
from bioseq_lstm.learning.explaining import MANIFEST
from bioseq_lstm.reporting.charts import mutations
from bioseq_lstm.reporting.logos import lines, logo
from bioseq_lstm.reporting.molecules import molecule
from bioseq_lstm.reporting.panels import Chart, Panel, Section, Table, Text, Warning

CHECKED = ["record", "explained", "prediction", "of nothing", "completeness error", "share",
           "rank correlation with random weights", "positions mutated"]  # fmt: skip
ACROSS = 100  # positions of the heat map
TEXT = ("record", "side", "letter", "wild", "symbol", "kmer")
INCOMPLETE = 0.05  # share of all that is attributed
ALIKE = 0.5  # rank correlation with random weights above which an explanation says little
INTRO = (
    "What the chosen model's predictions rest on. This tells of the model, not of nature: a model "
    "that is wrong has reasons too. Blue raises the figure that is explained, orange lowers it."
)


def explanations_section(folder: Path) -> Section:
    """What ``explain`` wrote, as the report shows it."""
    manifest = read_json(folder / MANIFEST)
    if manifest["adds_nothing"]:
        return Section("why", "Why", "", [_nothing(manifest)])
    tables = {path.stem: read_tsv(path, text=TEXT) for path in sorted(folder.glob("*.tsv"))}
    items: list[Panel] = [*_warnings(manifest), _checks(manifest)]
    for about in manifest["records"]:
        own = {
            name: table[table["record"] == about["record"]]
            for name, table in tables.items()
            if "record" in table
        }
        items += _of_record(about, own)
    items += [_words(manifest["kmers"], tables["kmers"]), _method(manifest)]
    source = {"new": "", "test": " There were no new records: these are test records."}
    return Section("why", "Why", INTRO + source[manifest["source"]], items)


def _nothing(manifest: Mapping[str, Any]) -> Text:
    return Text(
        "Nothing to explain",
        [
            f"{manifest['model']} is stacked on {manifest['stacked_on']}, and its network adds "
            "nothing to that: of the network there is nothing to explain."
        ],
    )


def _warnings(manifest: Mapping[str, Any]) -> Iterator[Panel]:
    rough = [one["record"] for one in manifest["records"] if incompleteness(one) > INCOMPLETE]
    if rough:
        yield Warning(
            f"The attributions of {', '.join(rough)} miss their sum by more than "
            f"{INCOMPLETE:.0%} of all that is attributed; raise explain.steps."
        )
    alike = [one["record"] for one in manifest["records"] if _likeness(one) > ALIKE]
    if alike:
        yield Warning(
            f"The attributions of {', '.join(alike)} resemble those of a network that learnt "
            "nothing: they show the sequence rather than what was learnt."
        )
    if manifest["stacked_on"]:
        yield Warning(
            f"The model is stacked on {manifest['stacked_on']}: explained is what the network adds "
            "to that, and that alone."
        )


def incompleteness(about: Mapping[str, Any]) -> float:
    """The completeness error as a share of all that is attributed, whatever its sign."""
    attributed = float(about["attributed"])
    return abs(about["completeness_error"]) / attributed if attributed else 0.0


def _correlations(about: Mapping[str, Any]) -> list[float]:
    sides = about["rank_correlation_with_randomised"].values()
    return [value for side in sides for value in side if value is not None]


def _listed(about: Mapping[str, Any]) -> str:
    """The correlations, side by side."""
    return "; ".join(
        f"{side} {', '.join('none' if value is None else f'{value:.2f}' for value in found)}"
        for side, found in about["rank_correlation_with_randomised"].items()
    )


def _likeness(about: Mapping[str, Any]) -> float:
    found = _correlations(about)
    return float(np.mean(np.abs(found))) if found else 0.0


def _checks(manifest: Mapping[str, Any]) -> Table:
    rows = []
    for one in manifest["records"]:
        rows.append(
            {
                "record": one["record"],
                "explained": one["question"],
                "prediction": one["score"],
                "of nothing": one["baseline"],
                "completeness error": one["completeness_error"],
                "share": incompleteness(one),
                "rank correlation with random weights": _listed(one),
                "positions mutated": f"{one['mutated_positions']} of {one['positions']}",
            }
        )
    return Table(
        "What is explained, and can it be believed",
        pd.DataFrame(rows, columns=CHECKED),
        "Attributions sum to the prediction minus that of nothing (mean letters); the completeness "
        "error is what they miss it by, also as a share of all attributions without their signs. "
        "Networks with random weights explain the same in another way if the explanation rests on "
        "what was learnt: then the rank correlation is near 0.",
        formats={
            "prediction": ".3f",
            "of nothing": ".3f",
            "completeness error": ".4f",
            "share": ".1%",
        },
        file="explanations/explanations.json",
    )


def _of_record(about: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> Iterator[Panel]:
    side = about["mutated"]
    letters = tables["attributions"][tables["attributions"]["side"] == side]
    drawn = lines(letters["attribution"].to_numpy(float))
    for column, whose in (("attribution", "as learnt"), ("randomised", "with random weights")):
        values = letters[column].to_numpy(float)
        most = letters.iloc[np.argsort(-np.abs(values), kind="stable")[:5]]
        named = ", ".join(
            f"{letter}{position} {value:+.3g}"
            for letter, position, value in most[["letter", "position", column]].to_numpy()
        )
        yield logo(
            f"{about['record']}: {about['question']}, {whose}",
            letters["letter"].tolist(),
            values,
            drawn,
            f"Integrated gradients of n = {len(letters):,} letters of the {side}, in "
            f"{about['unit']}; all are in explanations/attributions.tsv.",
            f"Sequence logo. Letters that bear most: {named}.",
            letters[["record", "side", "position", "letter", "attribution", "randomised"]],
        )
    yield _heat_map(about, tables["mutants"])
    if "atoms" in tables:
        smiles = "".join(
            tables["attributions"].loc[tables["attributions"]["side"] == "drug", "letter"]
        )
        yield from _molecules(about, smiles, tables["atoms"])


def _heat_map(about: Mapping[str, Any], mutants: pd.DataFrame) -> Chart:
    shown = densest(mutants)
    effects = mutants["effect"].to_numpy(float)
    most = mutants.iloc[np.argsort(-np.abs(effects), kind="stable")[:5]]
    named = ", ".join(
        f"{wild}{position}{letter} {effect:+.3g}"
        for wild, position, letter, effect in most[
            ["wild", "position", "letter", "effect"]
        ].to_numpy()
    )
    where = f"positions {shown['position'].min()} to {shown['position'].max()}"
    return Chart(
        f"{about['record']}: every exchange of a letter",
        mutations(shown, label=f"change, {about['unit']}"),
        f"n = {len(mutants):,} mutants at {about['mutated_positions']:,} of {about['positions']:,} "
        f"positions of the {about['mutated']}, each predicted; drawn are {where}, a dot marks what "
        "stands there. All are in explanations/mutants.tsv.",
        f"Heat map of position by letter. Greatest changes: {named}.",
    )


def densest(mutants: pd.DataFrame) -> pd.DataFrame:
    """The stretch of at most ``ACROSS`` positions whose mutants change most."""
    borne = mutants["effect"].abs().groupby(mutants["position"]).sum()
    track = np.zeros(int(borne.index.max()) + ACROSS)
    track[borne.index.to_numpy()] = borne.to_numpy()
    start = int(np.convolve(track, np.ones(ACROSS), "valid").argmax())
    return mutants[mutants["position"].between(start, start + ACROSS - 1)]


def _molecules(about: Mapping[str, Any], smiles: str, atoms: pd.DataFrame) -> Iterator[Panel]:
    for column, how in (
        ("gradient", "integrated gradients of its letters and substructures"),
        ("masking", "what the prediction loses without it"),
    ):
        values = atoms[column].to_numpy(float)
        most = atoms.iloc[np.argsort(-np.abs(values), kind="stable")[:5]]
        named = ", ".join(
            f"{symbol}{atom} {value:+.3g}"
            for symbol, atom, value in most[["symbol", "atom", column]].to_numpy()
        )
        yield molecule(
            f"{about['record']}: atoms by {column}",
            smiles,
            values,
            f"Contributions of n = {len(atoms)} atoms, {how}, in {about['unit']}; the strongest "
            f"disc is {np.abs(values).max():.3g}. The two ways need not agree; where they do not, "
            "believe neither. All are in explanations/atoms.tsv.",
            f"Drawing of the molecule {smiles}. Atoms that contribute most: {named}.",
            atoms,
        )


def _words(about: Mapping[str, Any], words: pd.DataFrame) -> Table:
    asked = ", ".join(f"{name} ({count})" for name, count in about["asked"].items())
    return Table(
        f"Words of {about['k']} letters among high attributions",
        words.rename(columns=lambda name: str(name).replace("_", " ")),
        f"In {about['records']} test records, explained: {asked or 'none'}. Counted is the tenth "
        "of each record's words with the highest mean attribution; expected is what 1,000 turns of "
        "the attributions along their sequences give. p is two-sided and holds for all words "
        "together.",
        formats={"expected": ".1f", "ratio": ".2f", "z": ".1f", "p adjusted": ".4f"},
        file="explanations/kmers.tsv",
    )


def _method(manifest: Mapping[str, Any]) -> Text:
    told = [
        "Integrated gradients (Sundararajan et al. 2017) are taken on the output of the embedding, "
        f"mean over {len(manifest['weights_sha256'])} of {manifest['runs']} runs of "
        f"{manifest['model']}, from a sequence of mean letters; a letter's share of the "
        "composition and of k-mers is split evenly. Random weights: Adebayo et al. 2018."
    ]
    told += [f"Passed over: {count:,} {what}." for what, count in manifest["passed_over"].items()]
    return Text("How it was made", told)
