"""What is said for the paper is what the files say, and a name in them stays a name."""

from __future__ import annotations

import hashlib
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from safetensors import safe_open
from tiny_data import write_affinity, write_expression, write_structure
from tiny_run import MODEL, run_verbs

from bioseq_lstm.config import parse_settings
from bioseq_lstm.learning.dome import UNKNOWN, checklist
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.methods import SNAKEMAKE, Methods, write_methods
from bioseq_lstm.learning.models import _baselines
from bioseq_lstm.learning.paper import describe, lineage, methods_text, paper_section
from bioseq_lstm.learning.references import BASELINES, ENCODERS, REFERENCES, Bibliography
from bioseq_lstm.learning.study import Study, listed, read_study, spread
from bioseq_lstm.nn.encoders import CELLS
from bioseq_lstm.reporting.page import render
from bioseq_lstm.reporting.panels import Page, Table, Text
from bioseq_lstm.tasks import TASKS

HOSTILE = "<img src=x onerror=alert(1)>|[a](javascript:alert(1))"
WIDE = {**MODEL, "encoder": {"name": "convlstm", "hidden_size": 6, "window": 16}}
STRUCTURE = {
    "task": "structure",
    "files": {"sequences": "data/chains.3line"},
    "models": {"m": MODEL, "wide": WIDE},
    "seeds": [1, 2],
    "max_refused": 0.1,
    "explain": {"records": 1, "test_records": 1, "steps": 8, "mutants": 20},
}
EXPRESSION = {
    "task": "expression",
    "files": {
        "sequences": "data/genes.fasta",
        "expression": "data/log2tpm.tsv",
        "annotations": "data/genes.tsv",
    },
    "unit": HOSTILE,
    "coding_start": 150,
    "models": {"m": MODEL},
    "controls": "none",
}
AFFINITY = {
    "task": "affinity",
    "files": {
        "drugs": "data/drugs.tsv",
        "targets": "data/targets.fasta",
        "affinities": "data/affinities.tsv",
    },
    "models": {"m": MODEL},
    "controls": "none",
}

UNDER = ["weighted neighbours", "drug mean + target mean"]
STACKED = {**AFFINITY, "models": {"m": {**MODEL, "stack_on": UNDER}}, "seeds": [1, 2]}


def study_of(folder: Path, settings: dict[str, Any], name: str = "mine") -> Study:
    task, parsed = parse_settings({"bootstrap": 100, "explain": {"records": 0}, **settings})
    models = list(settings["models"])
    return read_study(name, TASKS[task], parsed, models, Layout(folder / "results"))


@pytest.fixture(scope="module")
def structure(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study]:
    folder = tmp_path_factory.mktemp("structure")
    write_structure(folder / "data")
    with (folder / "data/chains.3line").open("a") as chains:
        chains.write(">broken\nMKV\nHH\n")  # three residues, two states
    run_verbs(folder, STRUCTURE)
    return folder, study_of(folder, STRUCTURE)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    found = {}
    for write, settings in ((write_expression, EXPRESSION), (write_affinity, AFFINITY)):
        folder = tmp_path_factory.mktemp(str(settings["task"]))
        write(folder / "data")
        run_verbs(folder, settings, HOSTILE)
        found[str(settings["task"])] = study_of(folder, settings, HOSTILE)
    return found


def said(methods: Methods, heading: str) -> str:
    return dict(methods.paragraphs)[heading]


def test_the_numbers_of_the_methods_are_those_of_the_files(structure: tuple[Path, Study]) -> None:
    folder, study = structure
    results, methods = folder / "results", write_methods(structure[1])
    chains = (folder / "data/chains.3line").read_text().splitlines()[1::3][:-1]
    lengths = sorted(map(len, chains))
    assert (
        f"{len(chains)} chains ({sum(lengths):,} letters; length {lengths[0]} to {lengths[-1]}, "
        f"median {(lengths[29] + lengths[30]) / 2:g}); records refused: 1."
    ) in said(methods, "Data")
    parts = (results / "splits.tsv").read_text()
    train, validation, test = (parts.count(f"\t{p}\n") for p in ("train", "validation", "test"))
    assert train + validation + test == 60
    assert (
        f"The training part has {train} samples, the validation part {validation} and the test "
        f"part {test}."
    ) in said(methods, "Split")
    leakage = pd.read_csv(results / "leakage.tsv", sep="\t")
    near = int((leakage["identity"] >= 0.9).sum())
    assert f"Of {test} test chains, {near} are at least 90% like" in said(methods, "Split")
    for model in ("m", "wide"):
        # Weights alone: the network of structure has no buffers.
        with safe_open(results / f"models/{model}/fold0-seed1/model.safetensors", "np") as weights:
            count = sum(math.prod(weights.get_slice(k).get_shape()) for k in weights.keys())  # noqa: SIM118
        assert re.search(rf"\b{model}: .* {count:,} trainable parameters", said(methods, "Models"))
    training = said(methods, "Training")
    assert "m and wide were trained with AdamW" in training
    assert "learning rate 0.002" in training and "at most 4,096 letters" in training
    assert "Trainings of each model: 2 (folds: 1; random seeds: 1 and 2)." in training
    losses = {
        model: sum(
            json.loads((results / f"models/{model}/fold0-seed{s}/model.json").read_text())[
                "validation_loss"
            ]
            for s in (1, 2)
        )
        / 2
        for model in ("m", "wide")
    }
    chosen = min(losses, key=lambda name: losses[name])
    assert (
        f"{chosen} was chosen by its mean validation loss "
        f"(m {losses['m']:.4f}; wide {losses['wide']:.4f})."
    ) in training
    figures = pd.read_csv(results / "figures.tsv", sep="\t")
    q3 = figures[(figures["name"] == chosen) & (figures["metric"] == "q3")].iloc[0]
    evaluation = said(methods, "Evaluation")
    assert (
        f"On the test part {chosen} reached (means over 2 seeds) Q3 {q3['value']:.3f} (95 % "
        f"interval {q3['low']:.3f} to {q3['high']:.3f})"
    ) in evaluation
    assert f"100 bootstrap replicates [{number(methods, 'Efron')}] over {q3['units']}" in evaluation
    assert f"New records predicted by {chosen} (mean over its 2 trainings): 2 (files: 1)." in said(
        methods, "Use"
    )
    assert re.search(r"explained by integrated gradients \[\d+, \d+\]: 1\.", said(methods, "Use"))
    assert "each model was trained once more" in said(methods, "Baselines and controls")
    assert study.chosen == chosen


def number(methods: Methods, author: str) -> int:
    """The number of the reference by ``author``."""
    (found,) = (line for line in methods.references if line.split(". ", 1)[1].startswith(author))
    return int(found.split(".")[0])


def test_what_is_cited_is_what_was_used(
    structure: tuple[Path, Study], others: dict[str, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SNAKEMAKE, raising=False)
    methods = {
        "structure": write_methods(structure[1]),
        **{task: write_methods(study) for task, study in others.items()},
    }
    shared = {"Hochreiter", "Loshchilov", "Paszke", "Steinegger", "Cock"}
    own = {
        "structure": {"Kabsch", "Guo", "Zemla", "Qian", "Pedregosa", "Shi", "Efron", "Zou",
                      "Sundararajan", "Kokhlikyan"},
        "expression": {"Lei", "Hoerl", "Sharp", "Pedregosa", "Salgado", "Efron"},
        "affinity": {"Lei", "Rogers", "RDKit", "Weininger", "Pahikkala", "Bleakley", "Owen",
                     "Roy"},
    }  # fmt: skip
    for task, written in methods.items():
        first = {re.match(r"\d+\. (\w+)", line)[1] for line in written.references}  # type: ignore[index]
        expected = own[task] | shared
        assert expected <= first
        assert not first & (set().union(*own.values()) - expected)
        text = " ".join(text for _, text in written.paragraphs)
        cited = {int(n) for group in re.findall(r"\[([\d, ]+)\]", text) for n in group.split(",")}
        assert cited == set(range(1, len(written.references) + 1))
        assert "Snakemake" not in text
    monkeypatch.setenv(SNAKEMAKE, "9.27.1")
    again = write_methods(structure[1])
    assert "Snakemake 9.27.1 [" in said(again, "Software")
    assert number(again, "Mölder") > 0


def test_what_networks_are_stacked_on_is_said_with_its_weights(tmp_path: Path) -> None:
    write_affinity(tmp_path / "data")
    run_verbs(tmp_path, STACKED)
    study = study_of(tmp_path, STACKED)
    stacks = [run.card["stack"] for run in study.runs["m"]]
    (said,) = [text for heading, text in write_methods(study).paragraphs if heading == "Models"]
    for name in UNDER:
        weights = sorted({f"{stack['baselines'][name]['weight']:.2f}" for stack in stacks})
        assert f"{name} ({' to '.join(weights)})" in said
    assert "It learnt what the weighted mean of the baselines weighted neighbours" in said
    assert f"on {stacks[0]['folds']} folds of the training part" in said
    answers = checklist(study).set_index("question")["answer"]
    assert f"m takes {listed(UNDER)} as input" in answers["Meta-predictions"]
    shares = sorted(stack["share"] for stack in stacks)
    verdict = json.loads((tmp_path / "results/summary.json").read_text())["verdict"]
    assert verdict[1].startswith(f"m is the sum of {listed(UNDER)} (weights ")
    assert f" and a network, added at {shares[0]:.0%}" in verdict[1]
    assert "What stacked models are the sum of" in (tmp_path / "results/report.html").read_text()
    predicted = study.layout.predictions / "pairs.tsv"
    assert pd.read_csv(predicted, sep="\t")["predicted_pKd"].notna().all()


def test_nothing_is_said_of_what_did_not_happen(others: dict[str, Study]) -> None:
    methods = write_methods(others["affinity"])
    text = " ".join(text for _, text in methods.paragraphs)
    for word in ("chosen by", "explained", "moving average", "smoothed", "temperature", "seeds)"):
        assert word not in text
    assert "No control was trained on shuffled labels." in text
    assert "blocks of at most 128 drugs x 16 targets" in text


def test_what_was_asked_for_and_not_explained_is_not_called_explained(
    structure: tuple[Path, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, study = structure
    assert study.explained == study.settings.explain.records == 1
    monkeypatch.setattr(Study, "explained", 0)
    methods = write_methods(study)
    assert "explained" not in said(methods, "Use")
    assert "Captum" not in said(methods, "Software")
    answers = checklist(study).set_index("question")["answer"]
    assert "no prediction was explained" in answers["Interpretability"]


def test_every_dome_question_has_an_answer_and_gaps_are_told(others: dict[str, Study]) -> None:
    table = checklist(others["expression"])
    assert list(table["part"].value_counts(sort=False)) == [4, 8, 4, 5]
    assert table["answer"].str.len().min() > 10
    open_ones = table[table["answer"].str.contains(UNKNOWN)]["question"]
    assert {"Provenance", "Availability of data", "Availability of software"} <= set(open_ones)
    assert "Performance measures" not in set(open_ones)
    answers = table.set_index("question")["answer"]
    figures = others["expression"].figures
    floor = figures[(figures["name"] == "codon ridge") & (figures["metric"] == "pearson")]
    assert f"codon ridge {floor['value'].iloc[0]:.3f}" in answers["Comparison"]


def test_the_card_has_the_figures_of_the_chosen_model_and_its_limits(
    structure: tuple[Path, Study],
) -> None:
    _, study = structure
    card = describe(study)
    assert [member.run for member in card.members] == [
        f"{study.chosen}, fold 0, seed {seed}" for seed in (1, 2)
    ]
    figures = {figure.metric: figure for figure in card.test.figures} if card.test else {}
    assert set(figures) == {"q3", "q8", "sov"}
    row = study.figure(study.chosen, "q8")
    assert row is not None and figures["q8"].low == row["low"]
    empty = study.bands[study.bands["records"] == 0]
    assert len(empty)
    assert any(f"{empty['from'].iloc[0]:g} to" in limit for limit in card.words.limits)
    assert card.words.licence.startswith(UNKNOWN)


def test_each_checksum_of_the_lineage_is_that_of_its_file(
    structure: tuple[Path, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, study = structure
    monkeypatch.chdir(folder)
    table = lineage(study)
    assert list(table["stage"].unique()) == [
        "input", "records", "split", "encoded", "weights", "test", "evaluation", "new input",
        "predictions", "explanation",
    ]  # fmt: skip
    assert table["file"].is_unique
    for row in table.to_dict("records"):
        own = folder if row["stage"] in ("input", "new input") else folder / "results"
        content = (own / row["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["SHA-256"], row["file"]
    assert {"data/chains.3line", "splits.tsv", "figures.tsv"} <= set(table["file"])


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)


def test_a_hostile_name_is_shown_and_does_nothing(others: dict[str, Study]) -> None:
    study = others["expression"]
    section = paper_section(study)
    page = render(Page("t", "", [], [], [section], {}))
    shown = Tags()
    shown.feed(page)
    assert "table" in shown.found
    assert "img" not in shown.found
    assert "&lt;img src=x onerror" in page
    text = methods_text(study)
    assert "<" not in text
    assert "](" not in text
    assert "&lt;img src=x" in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (4, 5)  # no cell more than the table has


def test_the_section_and_the_file_say_the_same(structure: tuple[Path, Study]) -> None:
    folder, study = structure
    # The report was written by the verb; without Snakemake, as here.
    written = (folder / "results/methods.md").read_text()
    assert written == methods_text(study)
    section = paper_section(study)
    (methods,) = (p for p in section.items if isinstance(p, Text) and p.title == "Methods")
    for paragraph in methods.paragraphs:
        assert paragraph.split(". ", 1)[1] in written
    assert "DOME checklist" in [panel.title for panel in section.items if isinstance(panel, Table)]
    report = (folder / "results/report.html").read_text()
    assert report.index('id="why"') < report.index('id="paper"')
    assert report.index('id="paper"') < report.index('id="provenance"')


def test_the_report_says_what_each_of_its_baselines_is(
    structure: tuple[Path, Study], others: dict[str, Study]
) -> None:
    for study in (structure[1], *others.values()):
        about = study.task.about_baselines()
        assert set(about) == set(study.baselines)
        report = study.layout.report.read_text()
        start = report.index("What the baselines are")
        table = report[start : report.index("</table>", start)]
        for line in about.values():
            assert line in table
    expression = others["expression"]
    few = expression.figures[expression.figures["name"].isin(["codon ridge", "m"])]
    shown = _baselines(few, expression.task.about_baselines()).frame
    assert shown["baseline"].tolist() == ["codon ridge"]


def test_every_encoder_and_baseline_is_cited_by_its_name(
    structure: tuple[Path, Study], others: dict[str, Study]
) -> None:
    assert set(ENCODERS) == {"lstm", "convlstm", *CELLS}
    known = {name for study in (structure[1], *others.values()) for name in study.baselines}
    assert set(BASELINES) <= known
    used = {key for keys in (*ENCODERS.values(), *BASELINES.values()) for key in keys}
    assert used <= set(REFERENCES)


def test_references_are_numbered_in_the_order_of_their_use() -> None:
    cite = Bibliography()
    assert cite("lstm", "adamw") == " [1, 2]"
    assert cite("dssp", "lstm") == " [1, 3]"
    assert cite() == ""
    assert [line[:7] for line in cite.listed()] == ["1. Hoch", "2. Losh", "3. Kabs"]
    with pytest.raises(KeyError):
        cite("somebody")
    assert len(set(REFERENCES.values())) == len(REFERENCES)
    assert all(re.search(r"doi:10\.\d{4,}/\S+$|https://|302-313$", t) for t in REFERENCES.values())


def test_lists_and_spreads_in_words() -> None:
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "", "a", "a and b", "a, b and c",
    ]  # fmt: skip
    assert (spread([3, 3]), spread([1200, 7])) == ("3", "7 to 1,200")
