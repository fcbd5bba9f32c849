"""Variants per second: saturation mutagenesis here, the plain loop, and tangermeme's; one model.

    python benchmarks/mutagenesis.py --length 500 --out mutagenesis.tsv

The model is an expression network over letters with random weights. Every way predicts all single
mutants of one sequence, in turns, on one thread; what they find is compared first. The plain loop
takes a mutant at a time and is timed on some of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from measuring import Clock, Job, in_turns
from torch import Tensor, nn

from bioseq_lstm.data.alphabets import DNA
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.learning.explaining.mutants import Wild, single_mutants
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.tasks import TASKS
from bioseq_lstm.tasks.explained import Question, explained

LOOPED = 40  # mutants of the plain loop
NAMES = ("plain loop", "batches", "shared states", "tangermeme")


class OneHot(nn.Module):
    """The same network for one-hot letters (batch, 4, length), as tangermeme wants it."""

    def __init__(self, network: nn.Module, question: Question) -> None:
        super().__init__()
        self.network, self.question = network, question

    def forward(self, x: Tensor) -> Tensor:
        codes = x.argmax(dim=1) + 1
        lengths = torch.full((len(x),), x.shape[2])
        outputs = self.network({"gene": codes, "lengths": lengths})
        return self.question.score(self.network, outputs)[:, None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--length", type=int, default=500)
    parser.add_argument("--hidden", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = measured(options.length, options.hidden, options.rounds)
    print(table.to_string(index=False))
    if options.out:
        table.to_csv(options.out, sep="\t", index=False)


def measured(length: int, hidden: int, rounds: int) -> pd.DataFrame:
    wild, network, question = _model(length, hidden)
    mutants, _, _ = single_mutants(wild.codes, DNA, np.arange(length))
    few = mutants[:: max(1, len(mutants) // LOOPED)]
    ways: dict[str, tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]] = {
        "plain loop": (partial(_loop, wild, network, question), few),
        "batches": (partial(_scores, wild, network, question, False), mutants),
        "shared states": (partial(_scores, wild, network, question, True), mutants),
        "tangermeme": (partial(_tangermeme, wild, network, question), mutants),
    }
    expected = ways["batches"][0](mutants)
    at = {name: expected if asked is mutants else ways["batches"][0](few)
          for name, (_, asked) in ways.items()}  # fmt: skip
    errors = {name: float(np.abs(way(asked) - at[name]).max())
              for name, (way, asked) in ways.items()}  # fmt: skip
    jobs = {
        name: Job(run=partial(way, asked), tokens=len(asked), warm=lambda: None)
        for name, (way, asked) in ways.items()
    }
    speeds = in_turns(jobs, dict.fromkeys(jobs, "plain loop"), rounds, Clock(torch.device("cpu")))
    return pd.DataFrame(
        {
            "way": NAMES,
            "length": length,
            "hidden": hidden,
            "variants_per_second": [round(speeds[name].tokens_per_second, 1) for name in NAMES],
            "times_the_plain_loop": [round(speeds[name].relative, 2) for name in NAMES],
            "largest_difference": [errors[name] for name in NAMES],
        }
    )


def _model(length: int, hidden: int) -> tuple[Wild, nn.Module, Question]:
    task, own = TASKS["expression"], explained("expression")
    settings = ModelSettings.model_validate(
        {"embedding": {"size": 32}, "encoder": {"name": "lstm", "hidden_size": hidden},
         "head": {"hidden": 64}}
    )  # fmt: skip
    codes = np.random.default_rng(0).integers(1, 5, length).astype(np.uint8)
    about = {"conditions": ["c"], "coding_start": None}
    values = np.zeros((1, 1), np.float32)
    encoded = Encoded({"gene": Ragged.from_list([codes])}, {"values": values}, about)
    torch.manual_seed(0)
    network = task.network(settings, encoded, np.array([], dtype=int)).eval()
    question = Question("c", "", lambda network, outputs: outputs.float()[:, 0])
    return Wild(task, own, encoded, 0, "gene"), network, question


def _loop(wild: Wild, network: nn.Module, question: Question, asked: np.ndarray) -> np.ndarray:
    return np.concatenate([wild.scores(network, question, one[None], share=False) for one in asked])


def _scores(
    wild: Wild, network: nn.Module, question: Question, share: bool, asked: np.ndarray
) -> np.ndarray:
    return wild.scores(network, question, asked, share)


def _tangermeme(
    wild: Wild, network: nn.Module, question: Question, asked: np.ndarray
) -> np.ndarray:
    """Its answer in the order of ``single_mutants``."""
    from tangermeme.saturation_mutagenesis import saturation_mutagenesis

    codes = torch.from_numpy(wild.codes.astype(np.int64)) - 1
    x = nn.functional.one_hot(codes, 4).T[None].float()
    found = saturation_mutagenesis(
        OneHot(network, question), x, raw_outputs=True, batch_size=128, device="cpu"
    )
    by_position = found[1][0, :, :, 0].T  # (position, letter)
    other = ~nn.functional.one_hot(codes, 4).bool()
    return by_position[other].numpy()


if __name__ == "__main__":
    main()
