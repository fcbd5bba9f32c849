from __future__ import annotations

import pandas as pd

from bioseq_lstm.learning.costs import TrainedRun
from bioseq_lstm.learning.stacked import stack_table, sums
from bioseq_lstm.learning.stacking import adds_nothing
from bioseq_lstm.reporting.tables import view


def run(model: str, fold: int = 0, share: float | None = None, **weights: float) -> TrainedRun:
    """A training; without a ``share`` one that is not stacked."""
    baselines = {name: {"weight": weight, "choices": {}} for name, weight in weights.items()}
    stack = {"baselines": baselines, "share": share, "folds": 5}
    return TrainedRun(model, fold, 1, pd.DataFrame(), {} if share is None else {"stack": stack})


def test_a_network_that_adds_nothing_is_called_so() -> None:
    assert sums([run("plain"), run("ex", share=0.0, codon=0.771, kmer=0.229)]) == {
        "ex": "ex is the sum of codon and kmer (weights 0.77 and 0.23) and a network, added at 0%: "
        "the network adds nothing, and the figures are those of what is under it."
    }


def test_weights_and_shares_span_the_runs_of_a_model() -> None:
    runs = [
        run("several", 0, 1.0, a=0.825, b=0.175, c=0.0),
        run("several", 1, 0.639, a=0.72, b=0.0, c=0.28),
        run("single", 0, 0.852, a=1.0),
        run("single", 1, 0.0, a=1.0),
    ]
    assert sums(runs) == {
        "several": "several is the sum of a, b and c (weights 0.72 to 0.82, 0.00 to 0.17 and 0.00 "
        "to 0.28) and a network, added at 64% to 100%.",
        "single": "single is the sum of a and a network, added at 0% to 85%.",
    }
    assert not adds_nothing([one.card for one in runs])
    assert adds_nothing([runs[3].card])
    assert not adds_nothing([run("plain").card])


def test_each_run_of_a_stacked_model_has_its_row() -> None:
    runs = [run("plain"), run("s", 0, 0.852, a=1.0), run("t", 1, 0.0, b=0.3, a=0.7)]
    (table,) = stack_table(runs)
    shown = view(table)
    assert [column.name for column in shown.columns] == [
        "model", "fold", "seed", "weight of a", "weight of b", "network added at", "inner folds",
    ]  # fmt: skip
    assert shown.shown == [
        ["s", "0", "1", "1.00", "–", "85%", "5"],
        ["t", "1", "1", "0.70", "0.30", "0%", "5"],
    ]
    assert stack_table(runs[:1]) == []
