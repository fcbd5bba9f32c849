"""The verb ``learning-curve``: the chosen model trained on growing parts of the training set."""

from __future__ import annotations

import hashlib
import math
import shutil
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from bioseq_lstm.config import parse_model
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.files import read_json, sha256, sha256_of, write_json, write_parquet, write_tsv
from bioseq_lstm.learning.fitting import fingerprint, ingredients, start
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.splits import read_splits
from bioseq_lstm.learning.stacking import cold_columns
from bioseq_lstm.learning.training import train
from bioseq_lstm.learning.turns import in_turn
from bioseq_lstm.metrics.bootstrap import LEVEL, Bootstrap, bootstrap
from bioseq_lstm.model_settings import ModelSettings, TrainerSettings
from bioseq_lstm.settings import DatasetSettings
from bioseq_lstm.tasks.base import Parts, Task

PREDICTED = "test_predictions.parquet"


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
    kept = {layout.growth_at(share) for share in settings.learning_curve}
    for other in set(layout.growth.glob("*/")) - kept:
        shutil.rmtree(other)
    points = []
    for share in settings.learning_curve:
        part = replace(parts, train=nested_part(task, splits, parts, share, seed))
        points.append(_trained(task, model, encoded, splits, part, seed, layout, share))
    tested = pd.read_parquet(whole / PREDICTED)
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
    tests = [place / PREDICTED for place in (*sorted(kept), whole)]
    read = [layout.encoded, layout.splits, whole / "model.json", *tests]
    write_json(
        layout.learning_curve.with_suffix(".json"),
        {
            "model": chosen,
            "metric": headline,
            "per_doubling": {
                key: value if math.isfinite(value) else None for key, value in asdict(slope).items()
            },
            "inputs": sha256_of(read, folder),
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
    out, samples = layout.growth_at(share), len(parts.train)
    made_of = ingredients(model, layout, seed, "bioseq_lstm.learning.growth")
    rows = hashlib.sha256(parts.train.astype(np.int64).tobytes()).hexdigest()
    origin = None if model.init_from is None else sha256(model.init_from.weights)
    identity = fingerprint({**made_of, "rows": rows, "init_from": origin})
    checkpoints, card, predicted = out / "checkpoints", out / "trained.json", out / PREDICTED
    if (known := _stored(card, predicted, identity)) is not None:
        shutil.rmtree(checkpoints, ignore_errors=True)
        return Point(share, samples, *known)
    card.unlink(missing_ok=True)
    print(f"{share:.0%} of the training part: {samples} samples", file=sys.stderr)
    begun = start(task, model, encoded, splits, 0, parts, seed, made_of)
    trained = train(
        task, begun.network, begun.left, parts, model.training, seed, checkpoints,
        fingerprint=identity, on=TrainerSettings(accelerator=model.trainer.accelerator),
    )  # fmt: skip
    begun.settle(trained.network, parts.validation)
    validation = begun.decode(trained.network, encoded, parts.validation)
    calibration = task.calibrate(encoded, parts.validation, validation)
    decoded = begun.decode(trained.network, encoded, parts.test)
    table = task.table(encoded, splits, parts.test, decoded, calibration)
    write_parquet(predicted, table)
    loss = trained.validation_loss
    outputs = sha256_of([predicted], out)
    write_json(card, {"fingerprint": identity, "validation_loss": loss, "outputs": outputs})
    shutil.rmtree(checkpoints)
    return Point(share, samples, table, loss)


def _stored(card: Path, predicted: Path, identity: str) -> tuple[pd.DataFrame, float] | None:
    """Test predictions and validation loss of this very training, if both files are whole."""
    if not (card.is_file() and predicted.is_file()):
        return None
    told = read_json(card)
    if told["fingerprint"] != identity or told["outputs"] != sha256_of([predicted], card.parent):
        return None
    return pd.read_parquet(predicted), told["validation_loss"]


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
