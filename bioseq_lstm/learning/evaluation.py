"""Every system on the test part once: figures, intervals, paired differences, identity bands."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from bioseq_lstm.files import read_json, read_tsv, sha256_of, write_json, write_tsv
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.splits import read_splits
from bioseq_lstm.learning.strata import strata_table
from bioseq_lstm.metrics.bands import BAND_EDGES, band_numbers
from bioseq_lstm.metrics.base import Metric
from bioseq_lstm.metrics.bootstrap import Bootstrap, bootstrap
from bioseq_lstm.metrics.seeds import combined_interval, paired_interval
from bioseq_lstm.settings import DatasetSettings
from bioseq_lstm.tasks.base import Task

COMPARISONS = ("name", "against", "metric", "difference", "low", "high", "seed_low", "seed_high",
               "both_low", "both_high", "told_apart")  # fmt: skip


@dataclass(frozen=True)
class Systems:
    """Predictions tables by system; a model has one a seed, its folds joined.

    There are no ``controls`` where none was asked for.
    """

    models: dict[str, list[pd.DataFrame]]
    baselines: dict[str, list[pd.DataFrame]]
    controls: dict[str, list[pd.DataFrame]]


def evaluate(task: Task, settings: DatasetSettings, models: list[str], folder: Path) -> None:
    """Write the tables ``figures``, ``seeds``, ``differences``, ``comparisons``, ``bands`` and
    ``strata``, and ``evaluation.json``.

    The chosen model is the one with the best validation loss; the test part chooses nothing.
    """
    layout = Layout(folder)
    splits = read_splits(layout.splits)
    systems = read_systems(layout, settings, models)
    ensembles = {
        f"{name}, {len(seeds)} seeds averaged": [task.averaged(seeds)]
        for name, seeds in systems.models.items()
        if len(seeds) > 1
    }
    scored = {**systems.models, **ensembles, **systems.baselines}
    result = _bootstrap(task, scored, splits, settings.bootstrap)
    tables = [result.table()]
    if systems.controls:
        tables.append(_bootstrap(task, systems.controls, splits, settings.bootstrap).table())
    kinds = {
        **dict.fromkeys(systems.models, "model"),
        **dict.fromkeys(ensembles, "ensemble"),
        **dict.fromkeys(systems.baselines, "baseline"),
        **dict.fromkeys(systems.controls, "control"),
    }
    figures = pd.concat(tables, ignore_index=True)
    figures.insert(1, "kind", figures["name"].map(kinds))
    networks = [*systems.models, *ensembles]
    differences = _differences(task.metrics, result, figures, networks)
    validation = {name: _validation_loss(layout, settings, name) for name in models}
    chosen = min(validation, key=lambda name: validation[name])
    similarity = task.similarity(read_tsv(layout.leakage, text=("id", "nearest")), splits)
    bands = band_table(task, systems.models[chosen], splits, similarity, settings.bootstrap)
    write_tsv(layout.figures, figures)
    write_tsv(layout.seeds, seed_table(result, models, settings.seeds))
    write_tsv(layout.differences, differences)
    write_tsv(layout.comparisons, comparison_table(result, models))
    write_tsv(layout.bands, bands)
    write_tsv(
        layout.strata,
        strata_table(
            task,
            systems.models[chosen],
            splits,
            pd.read_parquet(layout.records),
            settings.bootstrap,
        ),
    )
    written = (layout.figures, layout.seeds, layout.differences, layout.comparisons, layout.bands,
               layout.strata)  # fmt: skip
    write_json(
        layout.evaluation,
        {
            "chosen": chosen,
            "validation_loss": validation,
            "inputs": sha256_of(_scored_files(layout, settings, models), folder),
            "outputs": sha256_of(written, folder),
        },
    )


def _scored_files(layout: Layout, settings: DatasetSettings, models: list[str]) -> Iterator[Path]:
    """What the figures were computed from."""
    yield from (layout.splits, layout.leakage, layout.records)
    yield from (layout.baselines(fold) for fold in range(settings.split.folds))
    for model in models:
        runs = [*layout.runs(model, settings.split.folds, settings.seeds)]
        runs += [layout.control(model)] if settings.controls == "all" else []
        for run in runs:
            yield from (run / "test_predictions.parquet", run / "model.json")


def read_systems(layout: Layout, settings: DatasetSettings, models: list[str]) -> Systems:
    folds = range(settings.split.folds)
    shuffled = "labels shuffled" if len(folds) == 1 else "labels shuffled, first fold alone"
    baselines = pd.concat([pd.read_parquet(layout.baselines(fold)) for fold in folds])
    return Systems(
        {
            model: [
                pd.concat(
                    [
                        pd.read_parquet(layout.run(model, fold, seed) / "test_predictions.parquet")
                        for fold in folds
                    ],
                    ignore_index=True,
                )
                for seed in settings.seeds
            ]
            for model in models
        },
        {
            str(name): [table.drop(columns="baseline").reset_index(drop=True)]
            for name, table in baselines.groupby("baseline", sort=False)
        },
        {
            f"{model}, {shuffled}": [
                pd.read_parquet(layout.control(model) / "test_predictions.parquet")
            ]
            for model in (models if settings.controls == "all" else ())
        },
    )


def _bootstrap(
    task: Task, systems: dict[str, list[pd.DataFrame]], splits: pd.DataFrame, replicates: int
) -> Bootstrap:
    scorers = {
        name: [task.scorer(table, splits) for table in tables] for name, tables in systems.items()
    }
    return bootstrap(scorers, replicates)


def _differences(
    metrics: tuple[Metric, ...], result: Bootstrap, figures: pd.DataFrame, models: list[str]
) -> pd.DataFrame:
    """Each model and ensemble minus the baseline that is best on the test part by that very figure.

    Picking the best baseline on the test part favours the baselines, which is the side to err on.
    """
    rows = []
    baselines = figures[figures["kind"] == "baseline"]
    for metric in metrics:
        values = baselines[baselines["metric"] == metric.key].set_index("name")["value"].dropna()
        if values.empty:
            continue
        best = str(values.idxmax() if metric.higher_is_better else values.idxmin())
        for model in models:
            interval = result.difference(model, best).get(metric.key)
            if interval is None or math.isnan(interval.value):
                continue
            rows.append(
                {
                    "name": model,
                    "baseline": best,
                    "metric": metric.key,
                    "difference": interval.value,
                    "low": interval.low,
                    "high": interval.high,
                    "better": interval.value > 0 if metric.higher_is_better else interval.value < 0,
                    "certain": interval.excludes_zero,
                }
            )
    columns = ("name", "baseline", "metric", "difference", "low", "high", "better", "certain")
    return pd.DataFrame(rows, columns=list(columns))


def seed_table(result: Bootstrap, models: list[str], seeds: tuple[int, ...]) -> pd.DataFrame:
    """Every figure of every model by seed: name, metric, seed, value."""
    rows = [
        {"name": model, "metric": key, "seed": seed, "value": value}
        for model in models
        for key in result.keys[model]
        for seed, value in zip(seeds, result.seeds(model, key), strict=True)
    ]
    return pd.DataFrame(rows)


def comparison_table(result: Bootstrap, models: list[str]) -> pd.DataFrame:
    """Each model minus the first one, which the configuration chose and not the test part.

    ``low`` and ``high`` are paired over the units of the test part, ``seed_low`` and
    ``seed_high`` over seeds; ``both_low`` and ``both_high`` hold what either leaves open. Models
    are told apart where the last interval does not hold 0.
    """
    rows = []
    first, *others = models
    for model in others:
        for key, interval in result.difference(model, first).items():
            units = interval.low, interval.high
            seeds = paired_interval(result.seeds(model, key), result.seeds(first, key))
            both = combined_interval(interval.value, units, seeds)
            rows.append(
                {
                    "name": model,
                    "against": first,
                    "metric": key,
                    "difference": interval.value,
                    **dict(zip(("low", "high"), units, strict=True)),
                    **dict(zip(("seed_low", "seed_high"), seeds, strict=True)),
                    **dict(zip(("both_low", "both_high"), both, strict=True)),
                    "told_apart": both[0] > 0 or both[1] < 0,
                }
            )
    return pd.DataFrame(rows, columns=list(COMPARISONS))


def band_table(
    task: Task,
    predictions: list[pd.DataFrame],
    splits: pd.DataFrame,
    similarity: np.ndarray,
    replicates: int,
) -> pd.DataFrame:
    """The headline figure in bands of similarity to the nearest training record.

    Args:
        similarity: (samples,) identity of the nearest training record; NaN where the search
            found none, which counts as the lowest band.

    Returns:
        Columns ``from``, ``to``, ``records``, ``metric``, ``value``, ``low``, ``high``.
    """
    headline = task.metrics[0].key
    numbers = band_numbers(similarity)
    rows = []
    for band, (low_edge, high_edge) in enumerate(pairwise(BAND_EDGES)):
        parts = [table[numbers[table["sample"]] == band] for table in predictions]
        row = {"from": low_edge, "to": high_edge, "records": parts[0]["sample"].nunique()}
        value = low = high = math.nan
        if row["records"]:
            interval = _bootstrap(task, {"": parts}, splits, replicates).estimate("", headline)
            value, low, high = interval.value, interval.low, interval.high
        rows.append({**row, "metric": headline, "value": value, "low": low, "high": high})
    return pd.DataFrame(rows)


def _validation_loss(layout: Layout, settings: DatasetSettings, model: str) -> float:
    losses = [
        read_json(run / "model.json")["validation_loss"]
        for run in layout.runs(model, settings.split.folds, settings.seeds)
    ]
    return float(np.mean(losses))
