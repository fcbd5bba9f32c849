"""The validated configuration, and the small functions that the rules share."""

import json
import os
import re
import shlex
import sys
from pathlib import Path

HOME = Path(workflow.basedir)
sys.path.insert(0, str(HOME))

from snakemake import __version__ as snakemake_version

from bioseq_lstm.config import check_files, parse_config
from bioseq_lstm.errors import UserError
from bioseq_lstm.newfiles import new_files
from bioseq_lstm.pretrained import CARD, WEIGHTS, find
from bioseq_lstm.provenance import code_digest
from bioseq_lstm.strict_yaml import load_yaml

CONFIG_FILES = [os.path.relpath(file) for file in workflow.configfiles]
try:
    for file in CONFIG_FILES:
        load_yaml(file)  # Snakemake itself takes the last of two equal keys in silence
    CONFIG = parse_config(config, " + ".join(CONFIG_FILES))
    check_files(CONFIG, CONFIG_FILES[-1], made=["data/benchmarks"])
except UserError as error:
    raise WorkflowError(str(error)) from None

DATASETS = list(CONFIG.datasets)

# The package is run from this checkout, also inside a conda environment.
# A local copy of a download is as good as the original: where it lies is no param of the rule, which
# would run it again. Nor is the version of Snakemake, which the methods for the paper name.
shell.prefix(
    f"export PYTHONPATH={shlex.quote(str(HOME))};"
    f" export LOCAL_COPIES={shlex.quote(CONFIG.local or '')};"
    f" export SNAKEMAKE_VERSION={snakemake_version}; "
)


wildcard_constraints:
    dataset="[A-Za-z0-9][A-Za-z0-9_-]*",
    model="[A-Za-z0-9][A-Za-z0-9_-]*",
    fold=r"\d+",
    seed=r"\d+",


def as_json(content):
    """JSON for a param: `<` is written \\u003c, since Snakemake's report puts params into HTML."""
    return json.dumps(content, sort_keys=True).replace("<", "\\u003c")


def settings(*without, explain=False):
    """The settings of a rule's dataset, less the parts that the rule does not depend on."""

    def of(wildcards):
        dataset = CONFIG.datasets[wildcards.dataset]
        left_out = {"models", *without} if explain else {"models", "explain", *without}
        return as_json(dataset.model_dump(mode="json", exclude=left_out))

    return of


def model_settings(wildcards):
    return as_json(
        CONFIG.datasets[wildcards.dataset]
        .models[wildcards.model]
        .model_dump(mode="json")
    )


def dataset_files(wildcards):
    """The user's files of a dataset."""
    return list(CONFIG.datasets[wildcards.dataset].files.paths().values())


def init_weights(wildcards):
    """The weights that a model starts from, if any."""
    init = CONFIG.datasets[wildcards.dataset].models[wildcards.model].init_from
    return [] if init is None else [os.path.relpath(init.weights)]


def packed_model(wildcards):
    return CONFIG.datasets[wildcards.dataset].pretrained


def packed_files(wildcards):
    folder = find(packed_model(wildcards))
    return [os.path.relpath(folder / name) for name in (CARD, WEIGHTS)]


def one_of(datasets):
    """A wildcard's pattern for the names of some datasets; one of no dataset fits nothing."""
    return "|".join(map(re.escape, datasets)) or "(?!)"


def folds(wildcards):
    return range(CONFIG.datasets[wildcards.dataset].split.folds)


def models(wildcards):
    return list(CONFIG.datasets[wildcards.dataset].models)


def runs(name, controls=True):
    """The file `name` of every run of every model and, unless told not, of its control."""

    def of(wildcards):
        dataset = CONFIG.datasets[wildcards.dataset]
        below = f"results/{wildcards.dataset}/models"
        trained = expand(
            f"{below}/{{model}}/fold{{fold}}-seed{{seed}}/{name}",
            model=models(wildcards),
            fold=folds(wildcards),
            seed=dataset.seeds,
        )
        if not controls or dataset.controls == "none":
            return trained
        return trained + expand(
            f"{below}/{{model}}/control/{name}", model=models(wildcards)
        )

    return of


def explanations(wildcards):
    """The folder of explanations, if the dataset asks for any."""
    if not CONFIG.datasets[wildcards.dataset].explain.records:
        return []
    return f"results/{wildcards.dataset}/explanations"


def new_folder(wildcards):
    dataset = CONFIG.datasets[wildcards.dataset]
    return dataset.new or f"data/{wildcards.dataset}/new"


def new_inputs(wildcards):
    try:
        return [str(path) for path in new_files(Path(new_folder(wildcards)))]
    except UserError as error:
        raise WorkflowError(str(error)) from None


def in_report(predictions):
    """Predictions for Snakemake's own report: one table a file, those of plain names.

    It writes names of files into a script as they come, so other names are left to our report.
    """
    return report(
        predictions,
        patterns=["{file,[A-Za-z0-9_-]+}.tsv"],
        caption="../report/predictions.rst",
        category="Predictions",
        labels={"dataset": "{dataset}", "file": "{file}"},
    )
