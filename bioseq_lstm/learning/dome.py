"""The DOME checklist of a finished dataset, filled in as far as its files know.

Walsh et al. 2021, doi:10.1038/s41592-021-01205-4: data, optimisation, model, evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from bioseq_lstm.learning.costs import encoder_text
from bioseq_lstm.learning.study import Study, interval, listed, spread

UNKNOWN = "Not recorded: fill in"  # what is missing follows
OUTPUTS = {
    "structure": "Classification: probabilities of DSSP's eight states, and of three, for every "
    "residue.",
    "expression": "Regression: a value and an interval for every gene under every condition.",
    "affinity": "Regression: a value and an interval for every pair of drug and target.",
}
REGULARISING = ("weight_decay", "label_smoothing", "averaging", "per_group")


def checklist(study: Study) -> pd.DataFrame:
    """Columns part, question, answer; what no file says begins with ``UNKNOWN``."""
    rows = [
        {"part": part, "question": question, "answer": answer}
        for part, asked in (
            ("Data", _data(study)),
            ("Optimisation", _optimisation(study)),
            ("Model", _model(study)),
            ("Evaluation", _evaluation(study)),
        )
        for question, answer in asked
    ]
    return pd.DataFrame(rows)


def _data(study: Study) -> Iterator[tuple[str, str]]:
    profile = study.profile
    files = [Path(entry["path"]).name for entry in profile["files"].values()]
    kept = [f"{entity['records']:,} {entity['entity']}s" for entity in profile["entities"]]
    yield (
        "Provenance",
        f"{listed(kept)}, {profile['measurements']['samples']:,} samples, from {listed(files)}; "
        f"{profile['refused']:,} records refused. {UNKNOWN} database, its version, earlier use.",
    )
    sizes = study.sizes()
    folds = f" in each of {len(sizes['train'])} folds" if len(sizes["train"]) > 1 else ""
    parts = [f"{part} {spread(counts)}" for part, counts in sizes.items()]
    yield "Dataset splits", f"Samples: {listed(parts)}{folds}.{_labels(study)}"
    near = study.split_report["near_duplicates"]
    judged, copies = (sum(row[key] for row in near) for key in ("judged", "near_duplicates"))
    counted = (
        f"{copies:,} of {judged:,} (at least {study.settings.leakage.near_duplicate:.0%} alike)"
        if judged
        else "none was looked for, since the split leaves test records known from training"
    )
    yield (
        "Redundancy between data splits",
        f"{' '.join(study.split_report['description'])} Near copies of training records in the "
        f"test part: {counted}.",
    )
    yield (
        "Availability of data",
        f"{UNKNOWN} where the data can be had, and under which licence. The SHA-256 of each file "
        "stands under lineage, the parts in splits.tsv.",
    )


def _labels(study: Study) -> str:
    """How the labels are distributed, where they are classes."""
    labels = study.profile["measurements"].get("labels", [])
    shares = [f"{row['letter']} {row['share']:.1%}" for row in labels]
    return f" Labels: {', '.join(shares)}." if shares else ""


def _optimisation(study: Study) -> Iterator[tuple[str, str]]:
    first = {name: runs[0] for name, runs in study.runs.items()}
    own = first[study.chosen]
    training = own.settings["training"]
    networks = [f"{name} ({encoder_text(run.settings)})" for name, run in first.items()]
    chosen = f" Chosen by validation loss: {study.chosen}." if len(networks) > 1 else ""
    yield (
        "Algorithm",
        f"Recurrent neural networks trained with AdamW: {listed(networks)}.{chosen}",
    )
    stacked = {name: run.card["stack"] for name, run in first.items() if "stack" in run.card}
    meta = [
        f"{name} takes {listed(list(stack['baselines']))} as input"
        for name, stack in stacked.items()
    ]
    yield (
        "Meta-predictions",
        f"{listed(meta)}, trained on its out-of-fold predictions of the training part."
        if meta
        else "No: no prediction of another method is an input.",
    )
    yield (
        "Data encoding",
        f"Letters of the {_inputs(study)} as codes, embedded as learned vectors of "
        f"{own.settings['embedding']['size']}; no alignment and no profile.",
    )
    parameters = [f"{name} {run.cost['parameters']:,}" for name, run in first.items()]
    sizes = study.sizes()
    yield (
        "Parameters",
        f"Trainable: {listed(parameters)}; training samples: {spread(sizes['train'])}. The "
        "settings were given, not searched for by this run.",
    )
    beside = (
        " beside frequencies of its letters or k-mers, of molecules circular substructures"
        if own.settings["head"]["composition"]
        else ""
    )
    yield "Features", f"The sequence itself{beside}; none were selected."
    epochs = spread([run.cost["epochs"] for run in study.runs[study.chosen]])
    yield (
        "Fitting",
        f"{study.chosen} has {own.cost['parameters']:,} parameters for {spread(sizes['train'])} "
        f"samples of {own.cost['letters_in_dataset']:,} letters (all parts, labels included). It "
        f"ran for {epochs} of at most {training['epochs']} epochs; the validation loss chose the "
        "one whose weights were kept. Training and validation loss by epoch stand in the report.",
    )
    used = [f"{key.replace('_', ' ')} {training[key]:g}" for key in REGULARISING if training[key]]
    dropouts = [
        f"{where} dropout {value:g}"
        for where, value in (
            ("token", own.settings["embedding"]["token_dropout"]),
            ("stem", (own.settings["stem"] or {}).get("dropout", 0)),
            ("layer", own.settings["encoder"]["dropout"]),
            ("head", own.settings["head"]["dropout"]),
        )
        if value
    ]
    yield (
        "Regularization",
        f"{study.chosen}: early stopping (patience {training['patience']}), "
        f"{listed([*used, *dropouts])}.",
    )
    yield (
        "Availability of configuration",
        "All settings are in this report and in run.yaml of each training; weights in "
        f"model.safetensors. {UNKNOWN} where they are published.",
    )


def _inputs(study: Study) -> str:
    names = {"molecule": "SMILES", "protein": "protein sequences", "dna": "DNA sequences"}
    return listed([names[kind] for kind in study.task.kinds.values()])


def _model(study: Study) -> Iterator[tuple[str, str]]:
    yield (
        "Interpretability",
        "A black box; its predictions are explained in the report by integrated gradients and by "
        "exchanging each letter."
        if study.explained
        else "A black box; no prediction was explained in this run.",
    )
    yield "Output", OUTPUTS[study.task.name]
    runs = study.runs[study.chosen]
    seconds = sum(run.cost["training_seconds"] for run in runs)
    speed = [round(run.cost["prediction_tokens_per_second"]) for run in runs]
    yield (
        "Execution time",
        f"{study.chosen}: {seconds:,.0f} s (trainings: {len(runs):,}) on "
        f"{runs[0].cost['device']}; prediction of {spread(speed)} letters per second on the CPU.",
    )
    yield (
        "Availability of software",
        f"bioseq_lstm {runs[0].record['versions']['bioseq_lstm']}, MIT licence, run from the "
        f"command line. {UNKNOWN} the address of the source.",
    )


def _evaluation(study: Study) -> Iterator[tuple[str, str]]:
    split = study.settings.split
    how = f"{split.folds}-fold cross-validation" if split.folds > 1 else "One held-out test part"
    if study.settings.external_test:
        how = "An independent test set from files of its own"
    yield (
        "Evaluation method",
        f"{how} (split: {split.strategy}); the test part chose nothing.",
    )
    rows = [(metric, study.figure(study.chosen, metric.key)) for metric in study.overview]
    told = [f"{metric.label} {interval(row)}" for metric, row in rows if row is not None]
    yield "Performance measures", f"{study.chosen}: {'; '.join(told)}."
    metric = study.headline
    floors = [
        f"{name} {row['value']:.3f}"
        for name in study.baselines
        if (row := study.figure(name, metric.key)) is not None
    ]
    yield (
        "Comparison",
        f"Baselines on the same test part, {metric.label}: {listed(floors)}. {UNKNOWN} published "
        "methods on the same data.",
    )
    yield (
        "Confidence",
        f"95 % percentile intervals of {study.settings.bootstrap:,} bootstrap replicates over "
        f"{study.units} independent units; paired differences in differences.tsv.",
    )
    yield (
        "Availability of evaluation",
        "figures.tsv, bands.tsv and test_predictions.parquet of each training. "
        f"{UNKNOWN} where they are published.",
    )
