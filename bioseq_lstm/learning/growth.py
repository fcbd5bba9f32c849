"""The verb ``learning-curve``: the chosen model trained on growing parts of the training set."""

from __future__ import annotations

import math
import shutil
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from bioseq_lstm.config import parse_model
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.files import read_json, sha256_of, write_json, write_parquet, write_tsv
from bioseq_lstm.learning.fitting import fingerprint, start
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.splits import read_splits
from bioseq_lstm.learning.stacking import cold_columns, inputs
from bioseq_lstm.learning.training import train
from bioseq_lstm.learning.turns import in_turn
from bioseq_lstm.metrics.bootstrap import LEVEL, Bootstrap, bootstrap
from bioseq_lstm.model_settings import ModelSettings, TrainerSettings
from bioseq_lstm.provenance import code_digest
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


@dataclass(frozen=True)
class Point:
    """One training: on how many samples, its predictions of the test part, and its loss."""

    share: float
    samples: int
    tested: pd.DataFrame
    validation_loss: float


def learning_curve(task: Task, settings: DatasetSettings, folder: Path) -> None:
    """Write ``learning_curve.tsv`` (a row a share of the training part) and ``.json`` (its slope).

    The model is the chosen one, fold 0, the first seed; the smaller parts lie within the larger.
    Whole groups are left out where the split keeps groups together, so that less of them is less
    variety, not only fewer copies. The validation part stays as it is. What was trained before is
    kept and used again, so that more replicates or a further share cost little.
    """
    layout = Layout(folder)
    with in_turn(layout.growth):
        _learning_curve(task, settings, layout)


def _learning_curve(task: Task, settings: DatasetSettings, layout: Layout) -> None:
    folder, seed = layout.folder, settings.seeds[0]
    chosen = read_json(layout.evaluation)["chosen"]
    whole = layout.run(chosen, 0, seed)
    encoded, splits = Encoded.load(layout.encoded), read_splits(layout.splits)
    parts, card = Parts.of(splits, 0), read_json(whole / "model.json")
    model = parse_model(card["settings"])
    points = []
    for share in settings.learning_curve:
        part = replace(parts, train=nested_part(task, splits, parts, share, seed))
        points.append(_trained(task, model, encoded, splits, part, seed, layout, share))
    tested = pd.read_parquet(whole / "test_predictions.parquet")
    points.append(Point(1.0, len(parts.train), tested, card["validation_loss"]))
    scorers = {str(point.share): [task.scorer(point.tested, splits)] for point in points}
    result, headline = bootstrap(scorers, settings.bootstrap), task.metrics[0].key
    rows = []
    for point in points:
        figure = result.estimate(str(point.share), headline)
        told = {"value": figure.value, "low": figure.low, "high": figure.high}
        rows.append(
            {"share": point.share, "samples": point.samples, "metric": headline, **told,
             "validation_loss": point.validation_loss}
        )  # fmt: skip
    write_tsv(layout.learning_curve, pd.DataFrame(rows))
    sizes = {str(point.share): point.samples for point in points}
    slope = slope_per_doubling(result, sizes, headline)
    write_json(
        layout.learning_curve.with_suffix(".json"),
        {
            "model": chosen,
            "metric": headline,
            "per_doubling": {
                key: value if math.isfinite(value) else None for key, value in asdict(slope).items()
            },
            "inputs": sha256_of([layout.encoded, layout.splits, whole / "model.json"], folder),
            "outputs": sha256_of([layout.learning_curve], folder),
        },
    )


def _trained(
    task: Task,
    model: ModelSettings,
    encoded: Encoded,
    splits: pd.DataFrame,
    parts: Parts,
    seed: int,
    layout: Layout,
    share: float,
) -> Point:
    """The model trained on ``parts.train``; taken as it lies there if it is this very training."""
    out, samples = layout.growth / f"{share:g}", len(parts.train)
    begun = start(task, model, encoded, parts, layout, 0, seed)
    made_of = fingerprint(
        {
            "share": share,
            "seed": seed,
            "settings": model.model_dump(mode="json"),
            "code": code_digest(
                "bioseq_lstm.learning.fitting",
                "bioseq_lstm.tasks.*.task",
                "bioseq_lstm.tasks.*.stacking",
            ),
            "inputs": inputs(layout),
            **begun.record,
        }
    )
    stored, predicted = out / "trained.json", out / "test_predictions.parquet"
    if stored.exists() and (card := read_json(stored))["fingerprint"] == made_of:
        return Point(share, samples, pd.read_parquet(predicted), card["validation_loss"])
    print(f"{share:.0%} of the training part: {samples} samples", file=sys.stderr)
    trained = train(
        task, begun.network, begun.left, parts, model.training, seed, out / "checkpoints",
        fingerprint=made_of, on=TrainerSettings(accelerator=model.trainer.accelerator),
    )  # fmt: skip
    validation = begun.decode(trained.network, encoded, parts.validation)
    calibration = task.calibrate(encoded, parts.validation, validation)
    decoded = begun.decode(trained.network, encoded, parts.test)
    table = task.table(encoded, splits, parts.test, decoded, calibration)
    write_parquet(predicted, table)
    write_json(stored, {"fingerprint": made_of, "validation_loss": trained.validation_loss})
    shutil.rmtree(out / "checkpoints")
    return Point(share, samples, table, trained.validation_loss)


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
