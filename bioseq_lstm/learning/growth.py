"""The verb ``learning-curve``: the chosen model trained on growing parts of the training set."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from bioseq_lstm.config import parse_model
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.files import read_json, sha256_of, write_json, write_tsv
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.splits import read_splits
from bioseq_lstm.learning.stacking import cold_columns, inputs, stack
from bioseq_lstm.learning.starting import start_from
from bioseq_lstm.learning.training import run_network, train
from bioseq_lstm.learning.turns import in_turn
from bioseq_lstm.metrics.bootstrap import LEVEL, Bootstrap, bootstrap
from bioseq_lstm.model_settings import ModelSettings, TrainerSettings
from bioseq_lstm.settings import DatasetSettings
from bioseq_lstm.tasks.base import Parts, Task


@dataclass(frozen=True)
class Slope:
    """What a doubling of the training set changed in the headline figure, with its interval.

    NaN where it is undefined: all sizes the same, or too few units.
    """

    value: float
    low: float
    high: float

    @classmethod
    def read(cls, recorded: dict[str, float | None]) -> Slope:
        """As it stands in ``learning_curve.json``, where null is what is undefined."""
        return cls(**{k: math.nan if own is None else own for k, own in recorded.items()})


def learning_curve(task: Task, settings: DatasetSettings, folder: Path) -> None:
    """Write ``learning_curve.tsv`` (a row a share of the training part) and ``.json`` (its slope).

    The model is the chosen one, fold 0, the first seed; the smaller parts lie within the larger.
    Whole groups are left out where the split keeps groups together, so that less of them is less
    variety, not only fewer copies. The validation part stays as it is.
    """
    layout = Layout(folder)
    with in_turn(layout.growth.parent):
        _learning_curve(task, settings, layout)


def _learning_curve(task: Task, settings: DatasetSettings, layout: Layout) -> None:
    folder = layout.folder
    chosen = read_json(layout.evaluation)["chosen"]
    whole = layout.run(chosen, 0, settings.seeds[0])
    encoded, splits = Encoded.load(layout.encoded), read_splits(layout.splits)
    parts, seed = Parts.of(splits, 0), settings.seeds[0]
    tables, sizes, losses = {}, {}, {}
    card = read_json(whole / "model.json")
    for share in settings.learning_curve:
        part = replace(parts, train=nested_part(task, splits, parts, share, seed))
        tables[share], losses[share] = _trained(
            task, parse_model(card["settings"]), encoded, splits, part, seed, layout, share
        )
        sizes[share] = len(part.train)
    tables[1.0], sizes[1.0] = pd.read_parquet(whole / "test_predictions.parquet"), len(parts.train)
    losses[1.0] = card["validation_loss"]
    scorers = {str(share): [task.scorer(table, splits)] for share, table in tables.items()}
    result = bootstrap(scorers, settings.bootstrap)
    headline = task.metrics[0].key
    rows_out = []
    for share in tables:
        figure = result.estimate(str(share), headline)
        rows_out.append(
            {
                "share": share,
                "samples": sizes[share],
                "metric": headline,
                "value": figure.value,
                "low": figure.low,
                "high": figure.high,
                "validation_loss": losses[share],
            }
        )
    write_tsv(layout.learning_curve, pd.DataFrame(rows_out))
    slope = slope_per_doubling(result, {str(s): n for s, n in sizes.items()}, headline)
    write_json(
        layout.learning_curve.with_suffix(".json"),
        {
            "model": chosen,
            "metric": headline,
            "per_doubling": {
                key: value if math.isfinite(value) else None
                for key, value in (("value", slope.value), ("low", slope.low), ("high", slope.high))
            },
            "inputs": sha256_of([layout.encoded, layout.splits, whole / "model.json"], folder),
            "outputs": sha256_of([layout.learning_curve], folder),
        },
    )
    shutil.rmtree(layout.growth)


def _trained(
    task: Task,
    model: ModelSettings,
    encoded: Encoded,
    splits: pd.DataFrame,
    parts: Parts,
    seed: int,
    layout: Layout,
    share: float,
) -> tuple[pd.DataFrame, float]:
    """Test predictions and validation loss of the model trained on ``parts.train``."""
    torch.manual_seed(seed)
    network = task.network(model, encoded, parts.train)
    if model.init_from is not None:
        start_from(network, model.init_from)
    under, left = None, encoded
    if model.stack_on is not None:
        under = stack(task, model.stack_on, encoded, splits, parts, seed)
        left = under.left(encoded)
    made_of = [share, seed, model.model_dump(mode="json"), inputs(layout)]
    fingerprint = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    print(f"{share:.0%} of the training part: {len(parts.train)} samples", file=sys.stderr)
    trained = train(
        task, network, left, parts, model.training, seed, layout.growth / f"{share:g}",
        fingerprint=fingerprint, on=TrainerSettings(accelerator=model.trainer.accelerator),
    )  # fmt: skip
    decoded = {
        name: run_network(task, trained.network, encoded, rows, model.training)
        for name, rows in (("validation", parts.validation), ("test", parts.test))
    }
    if under is not None:
        decoded = {name: under.sum(getattr(parts, name), own) for name, own in decoded.items()}
    calibration = task.calibrate(encoded, parts.validation, decoded["validation"])
    table = task.table(encoded, splits, parts.test, decoded["test"], calibration)
    return table, trained.validation_loss


def nested_part(
    task: Task, splits: pd.DataFrame, parts: Parts, share: float, seed: int
) -> np.ndarray:
    """Rows ``(samples,)``, ascending, of a share of the training part's groups.

    The order in which groups are taken depends on the seed alone, so that parts are nested.
    """
    columns = cold_columns(task, splits, parts)
    values = splits[columns[0]].to_numpy()[parts.train] if columns else np.arange(len(parts.train))
    groups = np.unique(values, return_inverse=True)[1].reshape(-1)
    sizes = np.bincount(groups)
    order = np.random.default_rng(seed).permutation(len(sizes))
    reached = np.cumsum(sizes[order])
    taken = order[: int(np.searchsorted(reached, share * len(parts.train))) + 1]
    rows: np.ndarray = parts.train[np.isin(groups, taken)]
    return rows


def slope_per_doubling(result: Bootstrap, sizes: dict[str, int], key: str) -> Slope:
    """Least-squares slope of the figure over log2 of the number of training samples.

    The interval is of the slope in each replicate: paired, all sizes scored on the same draws.
    How much another training would differ is not in it.
    """
    x = np.log2(np.array(list(sizes.values()), dtype=float))
    x -= x.mean()
    points = np.array([result.estimate(name, key).value for name in sizes])
    draws = np.stack([result.draws[name][:, result.keys[name].index(key)] for name in sizes])
    if not (x**2).sum():
        return Slope(math.nan, math.nan, math.nan)
    slopes = x @ draws / (x**2).sum()
    slopes = slopes[np.isfinite(slopes)]
    low = high = math.nan
    if min(result.units) >= 2 and 2 * len(slopes) > draws.shape[1]:
        low, high = np.quantile(slopes, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Slope(float(x @ points / (x**2).sum()), float(low), float(high))


def twice(curve: pd.DataFrame, slope: Slope) -> tuple[float, float, float]:
    """The figure and its interval that the slope foretells for twice the training set."""
    last = float(curve["value"].iloc[-1])
    return last + slope.value, last + slope.low, last + slope.high
