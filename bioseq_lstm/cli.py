"""``bioseq-lstm VERB``: one verb a rule, thin; the work stands in the module that each names."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bioseq_lstm import __version__
from bioseq_lstm.errors import UserError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one verb; what the user can mend is one line on stderr and exit status 2, or 3."""
    try:
        options = _parser().parse_args(arguments)
        options.verb(options)
    except UserError as error:
        print(f"bioseq-lstm: {error}", file=sys.stderr)
        sys.exit(error.status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bioseq-lstm",
        description="Learn from biological sequences with LSTMs. `snakemake` calls these verbs; "
        "`snakemake -p` shows each call.",
    )
    parser.add_argument("--version", action="version", version=f"bioseq-lstm {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _verb(verbs, "read", _read, "check the files of a dataset, refuse bad records")
    _verb(verbs, "split", _split, "part training, validation and test without leakage")
    _verb(verbs, "encode", _encode, "write the dataset as numbers")
    baselines = _verb(verbs, "baselines", _baselines, "fit the honest floors of one fold")
    baselines.add_argument("--fold", type=int, default=0)
    train = _verb(verbs, "train", _train, "train one model on one fold with one seed")
    train.add_argument("--name", required=True, help="name of the model, which names its folder")
    train.add_argument("--model", required=True, type=_json, help="its settings: JSON or a file")
    train.add_argument("--fold", type=int, default=0)
    train.add_argument("--seed", type=int, default=1)
    train.add_argument(
        "--shuffled", action="store_true", help="permute the labels first: a control"
    )
    evaluate = _verb(verbs, "evaluate", _evaluate, "score everything on the test part, once")
    evaluate.add_argument("--models", nargs="+", required=True)
    _verb(
        verbs, "learning-curve", _learning_curve,
        "train the chosen model on growing parts of the training set",
    )  # fmt: skip
    predict_new = _verb(
        verbs, "predict-new", _predict_new, "predict the files of the dataset's `new` folder"
    )
    predict_new.add_argument("--new", type=_text, required=True, help="folder of files to predict")
    explain = _verb(verbs, "explain", _explain, "say why the chosen model predicts what it does")
    explain.add_argument("--new", type=_text, required=True, help="folder of files to explain")
    variants = _verb(verbs, "variants", _variants, "say what each variant of a table changes")
    variants.add_argument(
        "--variants", type=Path, required=True, help="TSV of id, position, ref, alt, or a VCF"
    )
    variants.add_argument(
        "--sequences", type=Path, help="FASTA that they are variants of; else the dataset's own"
    )
    variants.add_argument("--drugs", type=Path, help="molecules; else all of the dataset")
    variants.add_argument("--out", type=Path, required=True, help="table to write")
    report = _verb(verbs, "report", _report, "write the HTML report of a dataset")
    report.add_argument("--name", required=True, help="name of the dataset")
    report.add_argument("--models", nargs="+", required=True)
    index = verbs.add_parser("index", help="write the page over all datasets")
    index.add_argument("--title", type=_text, default="bioseq_lstm")
    index.add_argument("--out", type=Path, required=True)
    index.add_argument("folders", nargs="+", type=Path)
    index.set_defaults(verb=_index)
    fetch = verbs.add_parser("download", help="fetch a public file that a configuration names")
    fetch.add_argument("--name", required=True, help="name that it gets")
    fetch.add_argument(
        "--settings", type=_json, required=True, help="its url, sha256 and member: JSON or a file"
    )
    fetch.add_argument("--folder", type=Path, required=True, help="where to put it")
    fetch.add_argument("--local", type=_text, default="", help="folder that has a copy of it")
    fetch.set_defaults(verb=_download)
    _add_packed(verbs)
    export = verbs.add_parser("export", help="write a trained run as ONNX")
    export.add_argument("run", type=Path, help="folder of the run, with its model.json")
    export.add_argument("--out", type=Path, help="file to write; else model.onnx in that folder")
    export.set_defaults(verb=_export)
    expect = verbs.add_parser("plan", help="say what a configuration will take: minutes, memory")
    expect.add_argument("config", nargs="?", default="config.yaml", type=Path)
    expect.add_argument("--results", type=Path, default=Path("results"))
    expect.set_defaults(verb=_plan)
    verify = verbs.add_parser(
        "verify", help="recompute the checksums from your files to the report; name what differs"
    )
    verify.add_argument("folders", nargs="+", type=Path, help="results of datasets")
    verify.set_defaults(verb=_verify)
    schema = verbs.add_parser("schema", help="print the JSON schema of config.yaml, as YAML")
    schema.set_defaults(verb=_schema)
    return parser


def _add_packed(verbs: Any) -> None:
    """The verbs of packed models, which need no dataset."""
    predict = verbs.add_parser("predict", help="predict files with a model that is trained")
    predict.add_argument(
        "--model", type=_text, required=True, help="an installed model, or the folder of one"
    )
    predict.add_argument("--out", type=Path, required=True, help="folder of results")
    predict.add_argument("--name", help="title of the report; else the name of that folder")
    predict.add_argument("--threads", type=int, default=1)
    predict.add_argument("files", nargs="+", type=_text, help="files, or folders of files")
    predict.set_defaults(verb=_predict)
    package = verbs.add_parser("package", help="pack trained runs into a model that is one folder")
    package.add_argument("runs", nargs="+", type=Path, help="folders of runs; they are averaged")
    package.add_argument("--out", type=Path, required=True, help="folder to write")
    package.add_argument("--name", help="name of the model; else that of the folder")
    package.add_argument("--store", choices=("float32", "float16", "int8"), default="float16")
    package.add_argument(
        "--words", type=_json, default={},
        help="summary, data, licence, intended_use, limits: JSON or a file",
    )  # fmt: skip
    package.set_defaults(verb=_package)
    models = verbs.add_parser("models", help="list the installed models")
    models.set_defaults(verb=_models)


def _text(argument: str) -> str:
    """Text as it stands, or as a JSON string: so a rule hands over what HTML must not see."""
    return str(json.loads(argument)) if argument.startswith('"') else argument


def _verb(
    verbs: Any, name: str, action: Callable[[argparse.Namespace], None], text: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    parser.add_argument("--folder", type=Path, required=True, help="results of the dataset")
    parser.add_argument(
        "--settings", type=_json, required=True, help="settings of the dataset: JSON or a file"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.set_defaults(verb=action)
    return parser


def _json(text: str) -> Any:
    """JSON as it stands, or the JSON or YAML file that the text names."""
    if text.lstrip().startswith("{"):
        return json.loads(text)
    from bioseq_lstm.strict_yaml import load_yaml

    return load_yaml(text)


def _start(options: argparse.Namespace) -> tuple[Any, Any]:
    """The task and its settings; torch is loaded here, not for ``--help``."""
    from bioseq_lstm.config import parse_settings

    task, settings = parse_settings(options.settings)
    _set_threads(options.threads)
    from bioseq_lstm.tasks import TASKS

    return TASKS[task], settings


def _set_threads(threads: int) -> None:
    # MMseqs2, BLAS and torch each take their number of threads from here.
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch

    torch.set_num_threads(threads)


def _read(options: argparse.Namespace) -> None:
    from bioseq_lstm.learning.preparation import read

    read(*_start(options), options.folder)


def _split(options: argparse.Namespace) -> None:
    from bioseq_lstm.learning.preparation import split_dataset

    split_dataset(*_start(options), options.folder, options.threads)


def _encode(options: argparse.Namespace) -> None:
    from bioseq_lstm.learning.preparation import encode

    encode(*_start(options), options.folder)


def _baselines(options: argparse.Namespace) -> None:
    from bioseq_lstm.learning.floors import fit_baselines

    fit_baselines(*_start(options), options.folder, options.fold)


def _train(options: argparse.Namespace) -> None:
    from bioseq_lstm.config import parse_model

    model = parse_model(options.model)
    from bioseq_lstm.learning.run import Run, run_training

    if model.trainer.accelerator == "cpu":  # each of its processes gets its share
        options.threads = max(1, options.threads // model.trainer.devices)
    task, settings = _start(options)
    run = Run(options.name, options.fold, options.seed, options.shuffled)
    run_training(task, settings, model, run, options.folder)


def _evaluate(options: argparse.Namespace) -> None:
    from bioseq_lstm.learning.evaluation import evaluate

    task, settings = _start(options)
    evaluate(task, settings, options.models, options.folder)


def _learning_curve(options: argparse.Namespace) -> None:
    from bioseq_lstm.learning.growth import learning_curve

    learning_curve(*_start(options), options.folder)


def _predict_new(options: argparse.Namespace) -> None:
    from bioseq_lstm.learning.prediction import predict

    task, settings = _start(options)
    predict(task, settings, Path(options.new), options.folder, options.threads)


def _explain(options: argparse.Namespace) -> None:
    from bioseq_lstm.learning.explaining.explain import explain

    task, settings = _start(options)
    explain(task, settings, Path(options.new), options.folder)


def _variants(options: argparse.Namespace) -> None:
    from bioseq_lstm.learning.explaining.variants import predict_variants

    task, settings = _start(options)
    told = predict_variants(
        task, settings, options.folder, options.variants, options.sequences, options.drugs,
        options.out,
    )  # fmt: skip
    print(told, file=sys.stderr)


def _predict(options: argparse.Namespace) -> None:
    _set_threads(options.threads)
    from bioseq_lstm.learning.packed_prediction import predict_packed

    files = [Path(name) for name in options.files]
    print(predict_packed(options.model, files, options.out, options.name), file=sys.stderr)


def _package(options: argparse.Namespace) -> None:
    from bioseq_lstm.learning.card import parse_words
    from bioseq_lstm.learning.packaging import package

    name = options.name or options.out.resolve().name
    words = parse_words(options.words)
    card = package(options.runs, options.out, name, options.store, words)
    print(f"{card.name}: {card.storage.bytes / 1e6:.1f} MB in {options.out}", file=sys.stderr)


def _models(_: argparse.Namespace) -> None:
    from bioseq_lstm.learning.packages import listed

    print(listed())


def _report(options: argparse.Namespace) -> None:
    from bioseq_lstm.learning.telling import report_dataset

    task, settings = _start(options)
    report_dataset(task, settings, options.name, options.models, options.folder)


def _index(options: argparse.Namespace) -> None:
    from bioseq_lstm.learning.telling import report_index

    report_index(options.title, options.folders, options.out)


def _download(options: argparse.Namespace) -> None:
    from bioseq_lstm.config import parse_download
    from bioseq_lstm.data.downloading import download

    what = parse_download(options.settings)
    local = Path(options.local) if options.local else None
    print(download(options.name, what, options.folder, local))


def _export(options: argparse.Namespace) -> None:
    from bioseq_lstm.learning.export import export_run

    print(export_run(options.run, options.out))


def _plan(options: argparse.Namespace) -> None:
    from bioseq_lstm.config import load_config

    config = load_config(options.config)
    _set_threads(1)
    from bioseq_lstm.learning.planning import plan, told

    print(told(list(plan(config, options.results))))


def _verify(options: argparse.Namespace) -> None:
    from bioseq_lstm.learning.verifying import verify

    for folder in options.folders:
        for line in verify(folder):
            print(line)


def _schema(_: argparse.Namespace) -> None:
    from bioseq_lstm.config import schema_text

    print(schema_text(), end="")
