"""The verb ``explain``: a few predictions of the chosen model, taken apart."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from bioseq_lstm.files import replacing_folder, sha256_of, write_json, write_tsv
from bioseq_lstm.learning.explaining import MANIFEST, atoms, kmers
from bioseq_lstm.learning.explaining.gradients import Attribution, integrated_gradients
from bioseq_lstm.learning.explaining.mutants import Wild, most_that_count, saturation
from bioseq_lstm.learning.explaining.samples import Trained, held_out_samples, new_samples
from bioseq_lstm.learning.explaining.sanity import randomised, rank_correlation
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.stacking import adds_nothing
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.model_settings import TrainingSettings
from bioseq_lstm.settings import DatasetSettings
from bioseq_lstm.tasks.base import Task
from bioseq_lstm.tasks.explained import Explained, Question, Sample, explained

RANDOMISED = 3  # networks with fresh weights
FINE = 0.01  # completeness error, as a share of all that is attributed, that needs no more steps
DOUBLINGS = 2


@dataclass(frozen=True)
class _Explainer:
    task: Task
    explained: Explained
    settings: DatasetSettings
    trained: Trained

    def question(self, sample: Sample) -> Question:
        rows = np.array([sample.row])
        decoded = [
            run_network(self.task, network, sample.encoded, rows, TrainingSettings())[0]
            for network in self.trained.networks
        ]
        mean = np.mean(decoded, axis=0)
        return self.explained.question(self.settings.explain, self.settings, sample.encoded, mean)

    def attribution(
        self, networks: Sequence[nn.Module], sample: Sample, question: Question
    ) -> tuple[Attribution, int]:
        """Mean over networks, and the steps that it took until it was complete."""
        steps = self.settings.explain.steps
        for doubling in range(DOUBLINGS + 1):
            found = mean_attribution(
                [
                    integrated_gradients(
                        self.task, self.explained, network, sample.encoded, sample.row,
                        question, steps << doubling,
                    )
                    for network in networks
                ]
            )  # fmt: skip
            if abs(found.error) <= FINE * found.attributed:
                break
        return found, steps << doubling


def explain(task: Task, settings: DatasetSettings, new: Path, folder: Path) -> None:
    """Write ``explanations/``: attributions, mutants, k-mers, for molecules atoms, and a manifest.

    New records are explained; where there is none, test records; and nothing where the networks
    add nothing to the baselines that they are stacked on.
    """
    layout, started = Layout(folder), time.perf_counter()
    trained = Trained.chosen(task, settings, layout)
    explainer = _Explainer(task, explained(task.name), settings, trained)
    passed_over: Counter[str] = Counter()
    source, samples, others = "none", list[Sample](), list[Sample]()
    if not adds_nothing(trained.cards):
        source, samples, others = _samples(explainer, layout, new, passed_over)
    told = [_explained(explainer, sample) for sample in samples]
    words, searched = _words(explainer, others)
    manifest = {
        "model": trained.model,
        "weights_sha256": [card["weights_sha256"] for card in trained.cards],
        "runs": trained.runs,
        "stacked_on": trained.stacked_on,
        "adds_nothing": adds_nothing(trained.cards),
        "settings": settings.explain.model_dump(mode="json"),
        "source": source,
        "records": [one.about for one in told],
        "passed_over": dict(passed_over),
        "kmers": searched,
    }
    with replacing_folder(layout.explanations) as place:
        for name in ("attributions", "mutants", "atoms"):
            tables = [one.tables[name] for one in told if name in one.tables]
            if tables:
                write_tsv(place / f"{name}.tsv", pd.concat(tables, ignore_index=True))
        write_tsv(place / "kmers.tsv", words)
        tables = sorted(place.glob("*.tsv"))
        write_json(place / MANIFEST, {**manifest, "outputs": sha256_of(tables, place)})
    seconds = time.perf_counter() - started
    print(f"{len(told)} {source} records explained in {seconds:.0f} s", file=sys.stderr)


def _samples(
    explainer: _Explainer, layout: Layout, new: Path, passed_over: Counter[str]
) -> tuple[str, list[Sample], list[Sample]]:
    """Where the samples to explain come from, these, and test samples to look for words in."""
    task, own, settings = explainer.task, explainer.explained, explainer.settings
    about, asked = explainer.trained.cards[0]["about"], settings.explain
    found = new_samples(task, own, settings, new, about, passed_over)
    source, samples = "new", list(islice(found, asked.records))
    if not samples:
        source = "test"
        samples = held_out_samples(task, own, layout, asked.records, about, passed_over)
    others = held_out_samples(task, own, layout, asked.test_records, about, Counter())
    return source, samples, others


@dataclass(frozen=True)
class _Told:
    about: dict[str, Any]
    tables: dict[str, pd.DataFrame]


def _explained(explainer: _Explainer, sample: Sample) -> _Told:
    """All that is told of one sample."""
    task, own, trained = explainer.task, explainer.explained, explainer.trained
    question = explainer.question(sample)
    attribution, steps = explainer.attribution(trained.networks, sample, question)
    fresh = [
        integrated_gradients(
            task, own, randomised(task, trained.cards[0], trained.networks[0], seed),
            sample.encoded, sample.row, question, explainer.settings.explain.steps,
        )
        for seed in range(RANDOMISED)
    ]  # fmt: skip
    wild = Wild(task, own, sample.encoded, sample.row, own.mutated)
    letters = own.sides[own.mutated].letters
    weights = attribution.letters[own.mutated]
    positions = most_that_count(weights, explainer.settings.explain.mutants, len(letters))
    mutants = saturation(wild, trained.networks, question, positions)
    tables = {
        "attributions": _letters(own, sample, attribution, fresh),
        "mutants": mutants,
    }
    if "drug" in own.sides:
        tables["atoms"] = atoms.atom_contributions(
            task, own, trained.networks, sample, question, attribution
        )
    about = {
        "record": sample.name,
        "question": question.label,
        "unit": question.unit,
        "score": attribution.score,
        "baseline": attribution.baseline,
        "completeness_error": attribution.error,
        "attributed": attribution.attributed,
        "elsewhere": attribution.elsewhere,
        "steps": steps,
        "rank_correlation_with_randomised": {
            side: [rank_correlation(borne, other.letters[side]) for other in fresh]
            for side, borne in attribution.letters.items()
        },
        "mutated": own.mutated,
        "mutated_positions": len(positions),
        "positions": len(weights),
        "mutants": len(mutants),
    }
    for name, table in tables.items():
        table.insert(0, "record", sample.name)
        numbers = table.select_dtypes("floating").columns
        tables[name] = table.round(dict.fromkeys(numbers, 6))
    return _Told(about, tables)


def _letters(
    own: Explained, sample: Sample, attribution: Attribution, fresh: Sequence[Attribution]
) -> pd.DataFrame:
    """Columns side, position, letter, attribution, randomised (the first fresh network's)."""
    sides = []
    for side, codes in own.sequences(sample.encoded, sample.row).items():
        alphabet = own.sides[side]
        shown = np.array([*alphabet.letters, alphabet.unknown])
        sides.append(
            pd.DataFrame(
                {
                    "side": side,
                    "position": np.arange(1, len(codes) + 1),
                    "letter": shown[codes.astype(int) - 1],
                    "attribution": attribution.letters[side],
                    "randomised": fresh[0].letters[side],
                }
            )
        )
    return pd.concat(sides, ignore_index=True)


def _words(explainer: _Explainer, samples: Sequence[Sample]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """k-mers among the high attributions of test samples, by the first run alone."""
    own, side = explainer.explained, explainer.explained.mutated
    sequences, attributions, asked = [], [], Counter[str]()
    for sample in samples:
        question = explainer.question(sample)
        found = integrated_gradients(
            explainer.task, own, explainer.trained.networks[0], sample.encoded, sample.row,
            question, explainer.settings.explain.steps,
        )  # fmt: skip
        codes = own.sequences(sample.encoded, sample.row)[side]
        sequences.append(own.sides[side].decode(codes))
        attributions.append(found.letters[side])
        asked[question.label.split(",")[0]] += 1
    about = {"k": own.kmer, "records": len(samples), "asked": dict(asked), "side": side}
    return kmers.kmers_among_high(sequences, attributions, own.kmer), about


def mean_attribution(found: Sequence[Attribution]) -> Attribution:
    """The attribution of the mean of several networks, which is the mean of theirs."""
    first = found[0]
    letters = {
        side: np.mean([one.letters[side] for one in found], axis=0) for side in first.letters
    }
    bits = [one.substructures for one in found if one.substructures is not None]
    return replace(
        first,
        letters=letters,
        substructures=np.mean(bits, axis=0) if bits else None,
        elsewhere=float(np.mean([one.elsewhere for one in found])),
        score=float(np.mean([one.score for one in found])),
        baseline=float(np.mean([one.baseline for one in found])),
    )
