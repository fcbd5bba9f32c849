"""The validated configuration, and the small functions that the rules share."""

import hashlib
import json
import math
import os
import re
import shlex
import sys
from pathlib import Path

HOME = Path(workflow.basedir)
sys.path.insert(0, str(HOME))

from snakemake import __version__ as snakemake_version
from snakemake.logging import logger

from bioseq_lstm.config import parse_config
from bioseq_lstm.config_files import check_files, unobtainable
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import sha256
from bioseq_lstm.newfiles import new_files, new_folder
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
if workflow.is_main_process:  # not once more for each job
    for line in unobtainable(CONFIG):
        logger.warning(line)

DATASETS = list(CONFIG.datasets)
PACKED = 4  # letters in a byte of a packed file, about

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


AFTER = {"explain", "learning_curve"}  # what most rules do not depend on


def settings(*without, after=()):
    """The settings of a rule's dataset, less the parts that the rule does not depend on."""

    def of(wildcards):
        dataset = CONFIG.datasets[wildcards.dataset]
        left_out = {"models", *without, *AFTER.difference(after)}
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


def data_mb(wildcards):
    """Megabytes of the user's files of a dataset, 0 before they are there.

    Files of rules would not do: of jobs that run as one group they are not there when its needs
    are asked for.
    """
    paths = [Path(path) for path in dataset_files(wildcards)]
    return sum(
        path.stat().st_size * (PACKED if path.suffix == ".gz" else 1) / 1e6
        for path in paths
        if path.is_file()
    )


def growing(base, per_mb):
    """So much of a resource, and so much more for each megabyte of data; twice at each attempt."""

    def of(wildcards, attempt):
        return math.ceil((base + per_mb * data_mb(wildcards)) * 2 ** (attempt - 1))

    return of


def twice_each_time(base):
    """So much of a resource, and twice as much at each attempt."""

    def of(wildcards, attempt):
        return base * 2 ** (attempt - 1)

    return of


def trainer(wildcards):
    return CONFIG.datasets[wildcards.dataset].models[wildcards.model].trainer


def processes(wildcards):
    """Processes of a training on CPUs, each of which has threads; on GPUs one is enough."""
    on = trainer(wildcards)
    return on.devices if on.accelerator == "cpu" else 1


def gpus(wildcards):
    """GPUs that a training asks the cluster for: none unless its model names them."""
    on = trainer(wildcards)
    return on.devices if on.accelerator == "gpu" else 0


def content_of(paths):
    """SHA-256 of files, of those above 64 MB their sizes: for a param, so that a file which
    changed is noticed though its time is older than the results, as that of a copied one may be.
    (Of params that are functions of `input` Snakemake keeps no record.)
    """
    digest = hashlib.sha256()
    for path in map(Path, paths):
        if path.is_file():
            size = path.stat().st_size
            digest.update(sha256(path).encode() if size < 64e6 else str(size).encode())
    return digest.hexdigest()


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


def model_of_dataset():
    """A wildcard's pattern for the models of each dataset, behind that dataset's folder.

    A run that another configuration left in `results/` is so no output of ours, but a file that a
    model may start from.
    """
    own = [
        f"(?<=results/{name}/models/)(?:{one_of(dataset.models)})"
        for name, dataset in CONFIG.learnt.items()
    ]
    return "|".join(own) or "(?!)"


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


def learning_curve(wildcards):
    """The learning curve, if the dataset asks for one."""
    if not CONFIG.datasets[wildcards.dataset].learning_curve:
        return []
    return f"results/{wildcards.dataset}/learning_curve.json"


def folder_of_new(wildcards):
    """The folder of what is to be predicted."""
    return new_folder(wildcards.dataset, CONFIG.datasets[wildcards.dataset].new)


def new_inputs(wildcards):
    try:
        return [str(path) for path in new_files(Path(folder_of_new(wildcards)))]
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
