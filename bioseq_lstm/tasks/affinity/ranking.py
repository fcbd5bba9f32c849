"""Compounds ranked for each target, drawn, beside what was measured and what was trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bioseq_lstm.reporting.molecules import outline
from bioseq_lstm.reporting.panels import Card, Gallery, Grid, Section, Table
from bioseq_lstm.tasks.outcomes import Results

MOST_DRAWN = 150  # molecules whose drawings the page carries, about 6 kB each
MOST_CARDS = 30  # of one target
MOST_CELLS = 60_000
WIDTH, HEIGHT = 240, 170  # of a drawing
SIDES = ("drug", "target")


def ranking_section(results: Results, table: pd.DataFrame, per_target: pd.DataFrame) -> Section:
    """``per_target`` has target, pairs and concordance of the targets that have one."""
    pairs = ranked_pairs(results, table)
    n = f"n = {len(pairs):,} test pairs, {results.chosen}, first seed"
    interval = "Intervals of single predictions hold 95 % of the residuals on the validation part."
    return Section(
        "ranking",
        "Compounds by target",
        "What the chosen model would have put first, and what was measured.",
        [
            _gallery(
                results,
                pairs,
                per_target,
                f"{n}. {interval} Nearest is the most similar training drug, with Tanimoto's "
                "coefficient.",
            ),
            Table(
                "Every test pair, ranked for its target",
                pairs.drop(columns=["low", "high"]).rename(columns=lambda c: c.replace("_", " ")),
                f"{n}, in {results.settings.unit}. Similarity is Tanimoto's of molecules, and "
                "identity times coverage of proteins.",
                formats=dict.fromkeys(("predicted", "measured"), ".2f")
                | dict.fromkeys(("drug similarity", "target similarity"), ".2f"),
                file=results.predicted_in,
            ),
            pair_grid(
                pairs,
                {"measured": "measured", "predicted": "predicted"},
                results.settings.unit,
                f"{n}. Pairs that were not measured in the test part are blank.",
            ),
        ],
    )


def ranked_pairs(results: Results, table: pd.DataFrame) -> pd.DataFrame:
    """The test pairs, target by target, the strongest predicted binder first."""
    rising = not results.settings.higher_binds_stronger
    groups = table.groupby("target", sort=False)
    pairs = pd.DataFrame(
        {
            "target": table["target"],
            "drug": table["drug"],
            "rank": groups["predicted"].rank(ascending=rising, method="first").astype(int),
            "predicted": table["predicted"].astype(float),
            "low": table["predicted"].astype(float) - table["half_width"],
            "high": table["predicted"].astype(float) + table["half_width"],
            "measured": table["truth"].astype(float),
            "measured_rank": groups["truth"].rank(ascending=rising, method="min").astype(int),
        }
    )
    tested = results.splits.filter(regex=r"^fold\d+$").to_numpy()[table["sample"]] == "test"
    fold = tested.argmax(axis=1)
    for side in SIDES:
        own = results.leakage[results.leakage["entity"] == side]
        own = own.drop_duplicates(["fold", "id"]).set_index(["fold", "id"])
        own = own.reindex(pd.MultiIndex.from_arrays([fold, table[side]]))
        pairs[f"nearest_training_{side}"] = own["nearest"].to_numpy()
        pairs[f"{side}_similarity"] = own["identity"].to_numpy(float) * np.nan_to_num(
            own["coverage"].to_numpy(float), nan=1.0
        )
    return pairs.sort_values(["target", "rank"]).reset_index(drop=True)


def drawings(smiles: Mapping[str, str], wanted: Iterable[str]) -> dict[str, Any]:
    """Drawings of the molecules that are ``wanted`` most often, as many as a page holds."""
    most = Counter(wanted).most_common(MOST_DRAWN)
    return {drug: outline(smiles[drug], WIDTH, HEIGHT) for drug, _ in most}


def _gallery(results: Results, pairs: pd.DataFrame, per_target: pd.DataFrame, said: str) -> Gallery:
    drugs = results.records[results.records["entity"] == "drug"]
    smiles = dict(zip(drugs["id"], drugs["sequence"], strict=True))
    concordance = per_target.set_index("target")["concordance"]
    sizes = pairs["target"].value_counts()
    groups, notes = {}, {}
    for target in sizes.index:  # those with most compounds first
        own = pairs[pairs["target"] == target]
        groups[target] = [
            Card(
                f"{pair.rank}. {pair.drug}",
                [
                    ("predicted", f"{pair.predicted:.2f} ({pair.low:.2f}–{pair.high:.2f})"),
                    ("measured", f"{pair.measured:.2f}, rank {pair.measured_rank} of {len(own)}"),
                    ("nearest", near(pair.nearest_training_drug, pair.drug_similarity)),
                ],
                pair.drug,
            )
            for pair in own.head(MOST_CARDS).itertuples()
        ]
        first = own.iloc[0]
        ordered = concordance.get(target, float("nan"))
        notes[target] = (
            f"n = {len(own)} test compounds, "
            + (
                f"concordance {ordered:.2f}"
                if np.isfinite(ordered)
                else "too few for a concordance"
            )
            + "; nearest training target "
            + near(first["nearest_training_target"], first["target_similarity"])
        )
    return Gallery(
        f"Ranked for a target, in {results.settings.unit}",
        "Target",
        groups,
        notes,
        drawings(smiles, (card.drawing for cards in groups.values() for card in cards)),
        smiles,
        WIDTH,
        HEIGHT,
        f"{said} Targets with most test compounds first.",
    )


def new_gallery(pairs: pd.DataFrame, total: int) -> Gallery:
    """New compounds ranked for each target; ``pairs`` are the first of ``total`` in the file."""
    (predicted,) = pairs.filter(regex="^predicted_")
    low, high = (pairs.filter(regex=f"^interval_{end}_").iloc[:, 0] for end in ("low", "high"))
    rows = pairs.assign(value=pairs[predicted], low=low, high=high)
    smiles = dict(zip(pairs["drug"], pairs["drug_smiles"], strict=True))
    groups = {}
    for target, own in rows.groupby("target", sort=False):
        groups[str(target)] = [
            Card(f"{pair.rank_for_target}. {pair.drug}", _new_facts(pair), pair.drug)
            for pair in own.head(MOST_CARDS).itertuples()
        ]
    return Gallery(
        "New compounds, ranked for a target",
        "Target",
        groups,
        {name: f"n = {len(own)} compounds" for name, own in rows.groupby("target", sort=False)},
        drawings(smiles, (card.drawing for cards in groups.values() for card in cards)),
        smiles,
        WIDTH,
        HEIGHT,
        f"{predicted.removeprefix('predicted_').replace('_', ' ')}, in brackets the 95 % interval "
        f"of a single prediction; n = {len(pairs):,} of {total:,} pairs, of each target the first "
        f"{MOST_CARDS}.",
    )


def _new_facts(pair: Any) -> list[tuple[str, str]]:
    facts = [("predicted", f"{pair.value:.2f} ({pair.low:.2f}–{pair.high:.2f})")]
    if hasattr(pair, "nearest_training_drug_and_target"):
        said = f"{pair.nearest_training_drug_and_target}, similarity {pair.similarity_fraction:.2f}"
        facts.append(("nearest", said))
    return facts


def near(name: object, similarity: float) -> str:
    """``CHEMBL25 (0.43)``, or that there is none."""
    return f"{name} ({similarity:.2f})" if isinstance(name, str) and name else "none found"


def pair_grid(pairs: pd.DataFrame, layers: Mapping[str, str], unit: str, caption: str) -> Grid:
    """Drugs by targets, both by their mean prediction; ``layers`` names columns of ``pairs``."""
    orders = {
        side: pairs.groupby(side)["predicted"].mean().sort_values(ascending=False).index
        for side in SIDES
    }
    drugs, targets = orders["drug"], orders["target"]
    most = max(1, MOST_CELLS // len(targets))
    if len(drugs) > most:
        kept = set(pairs["drug"].value_counts().head(most).index)
        drugs = drugs[[drug in kept for drug in drugs]]
        caption = f"{caption} Of {len(orders['drug']):,} drugs those with most pairs."
    matrices = {
        name: pairs.pivot_table(index="drug", columns="target", values=column)
        .reindex(index=drugs, columns=targets)
        .to_numpy(float)
        for name, column in layers.items()
    }
    return Grid(
        "Drugs by targets",
        [str(drug) for drug in drugs],
        [str(target) for target in targets],
        matrices,
        unit,
        f"{len(drugs):,} drugs by {len(targets):,} targets, in the order of their mean prediction. "
        f"{caption}",
        f"Heat map of {len(drugs)} drugs by {len(targets)} targets: {' beside '.join(layers)}.",
        "drug",
        "target",
    )
