from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.config import parse_settings
from bioseq_lstm.data.alphabets import DSSP8
from bioseq_lstm.files import read_json, read_tsv, write_json, write_parquet, write_tsv
from bioseq_lstm.learning.evaluation import band_table, comparison_table, evaluate
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.splits import read_splits
from bioseq_lstm.metrics.bands import BAND_EDGES
from bioseq_lstm.metrics.bootstrap import Bootstrap
from bioseq_lstm.tasks import TASKS

CHAINS, LENGTH = 60, 20
TEST = np.arange(40)
TRUTH = "HECHECHECHECHECHECHE"
STRUCTURE = TASKS["structure"]

Evaluate = Callable[..., tuple[Layout, pd.DataFrame, pd.DataFrame]]


def predictions(
    right: int, rows: np.ndarray = TEST, rng: np.random.Generator | None = None
) -> pd.DataFrame:
    """Every chain with about ``right`` of its 20 residues right (exactly, without ``rng``).

    The probability of what is predicted is .9 where it is right and .6 where it is wrong.
    """
    counts = [right if rng is None else rng.binomial(LENGTH, right / LENGTH) for _ in rows]
    wrong = str.maketrans("HEC", "ECH")
    predicted = [TRUTH[:n] + TRUTH[n:].translate(wrong) for n in counts]
    probabilities = []
    for states, n in zip(predicted, counts, strict=True):
        own = np.zeros((LENGTH, 8))
        places = [DSSP8.letters.index(state) for state in states]
        own[np.arange(LENGTH), places] = np.where(np.arange(LENGTH) < n, 0.9, 0.6)
        probabilities.append(own.ravel())
    return pd.DataFrame(
        {
            "sample": rows,
            "id": [f"c{row}" for row in rows],
            "truth": TRUTH,
            "predicted": predicted,
            "predicted_3": predicted,
            "probabilities": probabilities,
        }
    )


@dataclass(frozen=True)
class Outcome:
    """What one model did: residues right in each seed, and its validation losses."""

    right: tuple[int, ...]
    validation: tuple[float, ...]


@pytest.fixture
def evaluated(tmp_path: Path) -> Evaluate:
    """Evaluate models and baselines of known quality on 40 chains of 20 residues."""

    def of(
        models: dict[str, Outcome],
        baselines: dict[str, int],
        folds: int = 1,
        control: int | None = 7,
    ) -> tuple[Layout, pd.DataFrame, pd.DataFrame]:
        layout = Layout(tmp_path)
        seeds = len(next(iter(models.values())).right)
        _, settings = parse_settings(
            {
                "task": "structure",
                "files": {"sequences": "a"},
                "seeds": list(range(seeds)),
                "split": {"folds": folds},
                "bootstrap": 100,
                "controls": "none" if control is None else "all",
            }
        )
        ids = [f"c{n}" for n in range(CHAINS)]
        of_fold = [TEST[fold::folds] for fold in range(folds)]
        splits = pd.DataFrame({"id": ids, "group": ids})
        leakage = []
        for fold, rows in enumerate(of_fold):
            splits[f"fold{fold}"] = np.where(np.isin(np.arange(CHAINS), rows), "test", "train")
            identity = np.linspace(0, 1, len(rows))
            near = {"nearest": "x", "identity": identity, "coverage": 1.0}
            leakage.append(pd.DataFrame({"id": [ids[row] for row in rows], "fold": fold, **near}))
            tables = [predictions(n, rows).assign(baseline=b) for b, n in baselines.items()]
            write_parquet(layout.baselines(fold), pd.concat(tables))
            for name, outcome in models.items():
                for seed in range(seeds):
                    run = layout.run(name, fold, seed)
                    write_parquet(
                        run / "test_predictions.parquet", predictions(outcome.right[seed], rows)
                    )
                    loss = outcome.validation[fold % len(outcome.validation)]
                    write_json(run / "model.json", {"validation_loss": loss})
        for name in models if control is not None else ():
            write_parquet(
                layout.control(name) / "test_predictions.parquet", predictions(control, of_fold[0])
            )
            write_json(layout.control(name) / "model.json", {"validation_loss": 1.0})
        write_parquet(
            layout.records,
            pd.DataFrame({"entity": "chain", "id": ids, "sequence": "A" * LENGTH}),
        )
        write_tsv(layout.splits, splits)
        write_tsv(layout.leakage, pd.concat(leakage))
        evaluate(STRUCTURE, settings, list(models), tmp_path)
        return layout, read_tsv(layout.figures), read_tsv(layout.differences)

    return of


def figure(table: pd.DataFrame, name: str, metric: str = "q3") -> pd.Series:
    return table[(table["name"] == name) & (table["metric"] == metric)].squeeze()


def test_the_validation_loss_chooses_the_model_and_the_test_part_does_not(
    evaluated: Evaluate,
) -> None:
    models = {"lucky": Outcome((18,), (0.9,)), "sound": Outcome((12,), (0.4,))}
    layout, figures, _ = evaluated(models, {"majority state": 8})
    chosen = read_json(layout.evaluation)
    assert chosen["chosen"] == "sound"
    assert chosen["validation_loss"] == {"lucky": 0.9, "sound": 0.4}
    assert figure(figures, "lucky")["value"] == 0.9 > figure(figures, "sound")["value"] == 0.6
    assert set(read_tsv(layout.bands)["value"].dropna()) == {0.6}  # of the chosen one


def test_validation_losses_are_averaged_over_folds(evaluated: Evaluate) -> None:
    models = {"a": Outcome((12,), (0.1, 0.9)), "b": Outcome((12,), (0.4, 0.4))}
    layout, _, _ = evaluated(models, {"majority state": 8}, folds=2)
    assert read_json(layout.evaluation)["validation_loss"] == {"a": 0.5, "b": 0.4}
    assert read_json(layout.evaluation)["chosen"] == "b"


def test_differences_are_taken_from_the_best_baseline(evaluated: Evaluate) -> None:
    models = {"good": Outcome((15,), (0.1,)), "poor": Outcome((10,), (0.2,))}
    _, _, differences = evaluated(models, {"majority state": 8, "window": 13, "nearest": 9})
    good, poor = (figure(differences, name) for name in models)
    assert good["baseline"] == poor["baseline"] == "window"
    assert good["difference"] == pytest.approx(2 / 20)
    assert poor["difference"] == pytest.approx(-3 / 20)
    assert (good["better"], poor["better"]) == (True, False)
    assert good["certain"]
    assert poor["certain"]
    assert (good["low"], good["high"]) == pytest.approx((0.1, 0.1))  # all chains agree


def test_the_best_baseline_is_sought_for_each_figure_by_itself(evaluated: Evaluate) -> None:
    _, figures, differences = evaluated(
        {"m": Outcome((15,), (0.1,))}, {"majority state": 8, "window": 13}
    )
    baselines = figures[figures["kind"] == "baseline"]
    for _, row in differences.iterrows():
        values = baselines[baselines["metric"] == row["metric"]].set_index("name")["value"]
        assert values[row["baseline"]] == values.max()


def test_equal_to_the_baseline_is_not_better(evaluated: Evaluate) -> None:
    _, _, differences = evaluated({"m": Outcome((13,), (0.1,))}, {"window": 13})
    row = figure(differences, "m")
    assert (row["difference"], row["better"], row["certain"]) == (0, False, False)


def test_seeds_are_averaged_and_folds_joined(evaluated: Evaluate) -> None:
    _, figures, _ = evaluated({"m": Outcome((10, 16), (0.1,))}, {"window": 13}, folds=2)
    model, window = figure(figures, "m"), figure(figures, "window")
    assert model["value"] == pytest.approx(13 / 20)
    assert model["seed_sd"] == pytest.approx(math.sqrt(2) * 3 / 20)  # of .5 and .8
    assert (model["seeds"], window["seeds"]) == (2, 1)
    assert str(model["units"]) == str(window["units"]) == "40"


def test_what_seeds_say_together_is_scored_beside_what_each_says(evaluated: Evaluate) -> None:
    _, figures, differences = evaluated({"m": Outcome((10, 16), (0.1,))}, {"window": 13}, folds=2)
    together = figure(figures, "m, 2 seeds averaged")
    # Where one seed is right (.9) and the other wrong (.6), their mean is right.
    assert (together["kind"], together["value"]) == ("ensemble", pytest.approx(16 / 20))
    gain = figure(differences, "m, 2 seeds averaged")
    assert gain["difference"] == pytest.approx(3 / 20)
    assert gain["certain"]


def test_controls_are_shown_and_compared_with_nothing(evaluated: Evaluate) -> None:
    _, figures, differences = evaluated({"m": Outcome((15,), (0.1,))}, {"window": 13}, control=7)
    control = figure(figures, "m, labels shuffled")
    assert (control["kind"], control["value"]) == ("control", 0.35)
    assert set(figures["kind"]) == {"model", "baseline", "control"}
    assert set(differences["name"]) == {"m"}
    assert set(differences["baseline"]) == {"window"}


def test_of_a_control_of_one_fold_it_is_told(evaluated: Evaluate) -> None:
    outcome = {"m": Outcome((10,), (0.1,))}
    _, figures, _ = evaluated(outcome, {"window": 13}, folds=2, control=5)
    assert figure(figures, "m, labels shuffled, first fold alone")["value"] == 5 / 20


def test_without_controls_none_is_read_or_told(evaluated: Evaluate) -> None:
    _, figures, _ = evaluated({"m": Outcome((15,), (0.1,))}, {"window": 13}, control=None)
    assert set(figures["kind"]) == {"model", "baseline"}


# --- seeds, and models against each other


def of_q3(path: Path) -> pd.DataFrame:
    table = read_tsv(path)
    return table[table["metric"] == "q3"]


def test_every_seed_is_written_down(evaluated: Evaluate) -> None:
    models = {"a": Outcome((10, 16), (0.1,)), "b": Outcome((12, 13), (0.1,))}
    layout, _, _ = evaluated(models, {"window": 13}, folds=2)
    rows = of_q3(layout.seeds)[["name", "seed", "value"]].to_numpy().tolist()
    assert rows == [["a", 0, 0.5], ["a", 1, 0.8], ["b", 0, 0.6], ["b", 1, 0.65]]


def test_models_are_compared_with_the_first_one_seed_by_seed(evaluated: Evaluate) -> None:
    models = {
        "first": Outcome((10, 12, 14), (0.9,)),
        "better": Outcome((13, 16, 16), (0.1,)),
        "unclear": Outcome((13, 11, 15), (0.2,)),
    }
    layout, _, _ = evaluated(models, {"window": 13})
    better, unclear = (row for _, row in of_q3(layout.comparisons).iterrows())
    assert set(read_tsv(layout.comparisons)["against"]) == {"first"}
    # Residues right differ by 3, 4, 2: mean 3, sd 1; t of 2 degrees of freedom is 4.303 (Student).
    half = 4.303 / math.sqrt(3) / 20
    assert better["difference"] == pytest.approx(0.15)
    assert better[["seed_low", "seed_high"]].tolist() == pytest.approx(
        [0.15 - half, 0.15 + half], abs=1e-4
    )
    assert better["told_apart"]
    assert unclear["difference"] == pytest.approx(0.05)  # by 3, -1, 1
    assert unclear["seed_low"] < 0 < unclear["seed_high"]
    assert not unclear["told_apart"]


def test_one_seed_tells_nothing_apart(evaluated: Evaluate) -> None:
    models = {"first": Outcome((5,), (0.9,)), "other": Outcome((19,), (0.1,))}
    layout, _, _ = evaluated(models, {"window": 13})
    (row,) = (row for _, row in of_q3(layout.comparisons).iterrows())
    assert (row["low"], row["high"]) == pytest.approx((0.7, 0.7))
    assert math.isnan(row["seed_low"])
    assert not row["told_apart"]


@pytest.mark.parametrize(
    ("draws", "points", "apart"),
    [
        ([0.1, 0.2, 0.3], [0.19, 0.20, 0.21], True),
        ([-0.1, 0.2, 0.5], [0.19, 0.20, 0.21], False),
        ([0.1, 0.2, 0.3], [-0.1, 0.20, 0.5], False),
        # 0.2 - 0.19 over units, 0.2 - 4.303 * 0.07 / sqrt(3) over seeds, 0.2 - 0.257 over both
        ([0.01, 0.2, 0.39], [0.13, 0.20, 0.27], False),
    ],
    ids=["both", "seeds alone", "units alone", "each, but not together"],
)
def test_seeds_and_units_must_tell_models_apart_together(
    draws: list[float], points: list[float], apart: bool
) -> None:
    result = Bootstrap(
        keys={"a": ("q3",), "b": ("q3",)},
        points={"a": np.zeros((3, 1)), "b": np.array(points)[:, None]},
        draws={"a": np.zeros((3, 1)), "b": np.array(draws)[:, None]},
        units=(9,),
    )
    assert comparison_table(result, ["a", "b"])["told_apart"].tolist() == [apart]


def test_a_single_model_is_compared_with_none(evaluated: Evaluate) -> None:
    layout, _, _ = evaluated({"m": Outcome((15,), (0.1,))}, {"window": 13})
    assert read_tsv(layout.comparisons).empty


def test_bands_part_the_test_records_by_their_similarity_to_training(
    evaluated: Evaluate,
) -> None:
    layout, _, _ = evaluated({"m": Outcome((12,), (0.1,))}, {"window": 13})
    bands = read_tsv(layout.bands)
    assert [*bands["from"], bands["to"].iloc[-1]] == list(BAND_EDGES)
    counts, _ = np.histogram(np.linspace(0, 1, len(TEST)), BAND_EDGES)
    assert bands["records"].tolist() == counts.tolist()
    assert set(bands["metric"]) == {"q3"}


def test_each_band_has_the_figure_of_its_own_records() -> None:
    # Chains like training ones are predicted well, others badly; one has no hit at all.
    similarity = np.where(np.arange(CHAINS) < 20, 0.95, 0.1)
    similarity[39] = np.nan
    table = pd.concat([predictions(18, TEST[:20]), predictions(8, TEST[20:])], ignore_index=True)
    ids = [f"c{n}" for n in range(CHAINS)]
    bands = band_table(STRUCTURE, [table], pd.DataFrame({"id": ids, "group": ids}), similarity, 20)
    lowest, highest = bands.iloc[0], bands.iloc[-1]
    assert (lowest["records"], lowest["value"]) == (20, 0.4)
    assert (highest["records"], highest["value"]) == (20, 0.9)
    assert bands["records"].iloc[1:-1].tolist() == [0] * (len(bands) - 2)
    assert bands["value"].iloc[1:-1].isna().all()


def test_a_band_with_one_unit_has_a_figure_without_interval() -> None:
    similarity = np.full(CHAINS, 0.1)
    similarity[3] = 0.6
    ids = [f"c{n}" for n in range(CHAINS)]
    splits = pd.DataFrame({"id": ids, "group": ids})
    bands = band_table(STRUCTURE, [predictions(12)], splits, similarity, 20)
    alone = bands[bands["records"] == 1].squeeze()
    assert alone["value"] == 0.6
    assert math.isnan(alone["low"])


def test_intervals_resample_groups_of_chains(evaluated: Evaluate) -> None:
    splits = pd.DataFrame({"id": [f"c{n}" for n in range(CHAINS)], "group": "same"})
    table = predictions(12, rng=np.random.default_rng(0))
    bands = band_table(STRUCTURE, [table], splits, np.zeros(CHAINS), 20)
    assert math.isnan(bands["low"].iloc[0])  # 40 chains of one group are one unit
    own = band_table(STRUCTURE, [table], splits.assign(group=splits["id"]), np.zeros(CHAINS), 20)
    assert own["low"].iloc[0] < own["value"].iloc[0] < own["high"].iloc[0]


def test_ids_in_the_table_of_splits_stay_text(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["007", "NA"], "group": ["1", "2"], "fold0": ["train", "test"]})
    write_tsv(tmp_path / "s.tsv", table)
    found: Any = read_splits(tmp_path / "s.tsv")["id"].tolist()
    assert found == ["007", "NA"]
