"""A motif that alone decides the value is planted, learnt, and found again."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.config import parse_settings
from bioseq_lstm.data.records import Reading
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import read_json, read_tsv, write_json, write_parquet, write_tsv
from bioseq_lstm.learning.explaining.explain import explain
from bioseq_lstm.learning.explaining.sections import explanations_section
from bioseq_lstm.learning.explaining.variants import predict_variants
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.run import Run, run_training
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.reporting.page import render
from bioseq_lstm.reporting.panels import Chart, Drawing, Page, Table, Text, Warning
from bioseq_lstm.settings import DatasetSettings
from bioseq_lstm.tasks import TASKS

MOTIF = "TATAAT"
TASK = TASKS["expression"]
PLACE = 21  # of the motif in the new gene, counted from 1
MODEL = ModelSettings.model_validate(
    {
        "embedding": {"size": 8},
        "stem": {"kernels": [7], "channels": 16, "dropout": 0},
        "encoder": {"name": "lstm", "hidden_size": 8},
        "head": {"hidden": 16, "dropout": 0},
        "training": {"epochs": 12, "patience": 12, "learning_rate": 0.01, "token_budget": 2000,
                     "precision": "float32"},
    }
)  # fmt: skip


@dataclass(frozen=True)
class Planted:
    layout: Layout
    settings: DatasetSettings
    gene: str


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """Half of 400 genes of 40 bases hold the motif somewhere, and are worth 5 more."""
    folder = tmp_path_factory.mktemp("planted")
    rng = np.random.default_rng(0)
    genes = ["".join(rng.choice(list("ACGT"), 40)) for _ in range(400)]
    genes = [
        gene[: (at := int(rng.integers(0, 34)))] + MOTIF + gene[at + 6 :] if number % 2 else gene
        for number, gene in enumerate(genes)
    ]
    ids = [f"g{number}" for number in range(len(genes))]
    records = pd.DataFrame({"entity": "gene", "id": ids, "sequence": genes, "file": "a", "line": 1})
    values = pd.DataFrame({"id": ids, "c": [5.0 * (MOTIF in gene) for gene in genes]})
    _, settings = parse_settings(
        {"task": "expression", "files": {"sequences": "a", "expression": "b"}, "unit": "log2 TPM",
         "explain": {"records": 1, "test_records": 40, "steps": 32}}
    )  # fmt: skip
    layout = Layout(folder / "results")
    TASK.encode(Reading(records, values), settings).save(layout.encoded)
    parts = np.resize(["train"] * 6 + ["validation"] * 2 + ["test"] * 2, len(ids))
    splits = pd.DataFrame({"id": ids, "group": ids, "fold0": parts})
    write_tsv(layout.splits, splits)
    write_parquet(layout.records, records)
    write_json(layout.evaluation, {"chosen": "m"})
    run_training(TASK, settings, MODEL, Run("m", 0, 1), layout.folder)
    gene = "".join(rng.choice(list("ACG"), 40))
    gene = gene[: PLACE - 1] + MOTIF + gene[PLACE + 5 :]
    new = folder / "new"
    new.mkdir()
    (new / "genes.fasta").write_text(f">=new<b>\n{gene}\n")
    explain(TASK, settings, new, layout.folder)
    return Planted(layout, settings, gene)


def table(planted: Planted, name: str) -> pd.DataFrame:
    return read_tsv(planted.layout.explanations / name, text=("record", "letter", "wild", "kmer"))


def inside(position: pd.Series) -> pd.Series:
    return position.between(PLACE, PLACE + len(MOTIF) - 1)


def test_the_gene_is_learnt_or_nothing_below_means_anything(planted: Planted) -> None:
    (about,) = read_json(planted.layout.explanations / "explanations.json")["records"]
    assert about["score"] > 3.75  # nearer to 5 than to the mean of all, 2.5
    assert about["record"] == "=new<b>"


def test_the_motif_bears_most_of_the_attribution(planted: Planted) -> None:
    borne = table(planted, "attributions.tsv")
    own = borne[inside(borne["position"])]
    assert "".join(own["letter"]) == MOTIF
    assert own["attribution"].sum() > 0.6 * borne["attribution"].sum()
    rest = borne[~inside(borne["position"])]
    assert own["attribution"].mean() > 5 * rest["attribution"].abs().mean()


def test_mutants_of_the_motif_lose_the_value_and_others_do_not(planted: Planted) -> None:
    mutants = table(planted, "mutants.tsv")
    own = inside(mutants["position"])
    assert len(mutants) == 3 * 40
    assert mutants["effect"][own].mean() < 5 * mutants["effect"][~own].mean() - 1


def test_words_of_the_motif_stand_first_among_high_attributions(planted: Planted) -> None:
    words = table(planted, "kmers.tsv")
    found = words[(words["p_adjusted"] < 0.05) & (words["ratio"] > 1)]["kmer"].tolist()
    assert found[0] in ("TATA", "ATAA", "TAAT")
    assert {"TATA", "ATAA", "TAAT"} <= set(found)


def test_attributions_are_complete_and_random_weights_lower_the_correlation(
    planted: Planted,
) -> None:
    (about,) = read_json(planted.layout.explanations / "explanations.json")["records"]
    assert abs(about["completeness_error"]) < 0.02 * abs(about["score"] - about["baseline"])
    correlations = about["rank_correlation_with_randomised"]["gene"]
    assert len(correlations) == 3
    assert np.mean(np.abs(correlations)) < 0.5  # with itself it is 1


def test_the_report_shows_all_of_it_and_escapes_the_name(planted: Planted) -> None:
    section = explanations_section(planted.layout.explanations)
    kinds = [type(item) for item in section.items]
    assert kinds.count(Drawing) == 2
    assert kinds.count(Chart) == 1
    assert kinds.count(Table) == 2
    page = render(Page("t", "", [], [], [section], {}))
    assert "=new<b>" not in page
    assert "=new&lt;b&gt;" in page


def test_variants_of_a_table_change_what_the_mutants_change(
    planted: Planted, tmp_path: Path
) -> None:
    fasta, rows = tmp_path / "wild.fasta", tmp_path / "variants.tsv"
    fasta.write_text(f">w\n{planted.gene}\n")
    rows.write_text(
        f"id\tposition\tref\talt\nw\t{PLACE}\tT\tG\nw\t{PLACE}\t{MOTIF}\t-\nw\t{PLACE}\tT\tG\n"
    )
    out = tmp_path / "effects.tsv"
    folder = planted.layout.folder
    said = predict_variants(TASK, planted.settings, folder, rows, fasta, None, out)
    assert said.startswith("3 variants of 1 sequences")
    effects = read_tsv(out)
    mutants = table(planted, "mutants.tsv")
    wanted = mutants[(mutants["position"] == PLACE) & (mutants["letter"] == "G")]["effect"]
    assert effects["change_mean_log2_tpm"][0] == pytest.approx(wanted.iloc[0], abs=1e-3)
    assert effects["change_mean_log2_tpm"][0] == effects["change_mean_log2_tpm"][2]
    assert effects["alt"].tolist() == ["G", "-", "G"]
    assert effects["mutant_mean_log2_tpm"][1] < 2


def test_without_new_files_test_records_are_explained(planted: Planted, tmp_path: Path) -> None:
    quick = planted.settings.explain.model_copy(update={"test_records": 0, "mutants": 30})
    settings = planted.settings.model_copy(update={"explain": quick})
    explain(TASK, settings, tmp_path / "none", planted.layout.folder)
    manifest = read_json(planted.layout.explanations / "explanations.json")
    assert manifest["source"] == "test"
    assert manifest["records"][0]["mutants"] == 30
    section = explanations_section(planted.layout.explanations)
    assert "these are test records" in section.intro


def test_a_condition_that_is_not_there_is_named(planted: Planted, tmp_path: Path) -> None:
    asked = planted.settings.explain.model_copy(update={"condition": "d"})
    settings = planted.settings.model_copy(update={"explain": asked})
    with pytest.raises(UserError, match=r"explain\.condition: .* has no condition 'd'"):
        explain(TASK, settings, tmp_path / "none", planted.layout.folder)


def test_of_a_network_that_adds_nothing_nothing_is_explained(
    planted: Planted, tmp_path: Path
) -> None:
    layout = Layout(Path(shutil.copytree(planted.layout.folder, tmp_path / "results")))
    path = layout.run("m", 0, 1) / "model.json"
    for share in (0.5, 0.0):
        baselines = {"k-mer ridge": {"weight": 0.6}, "<b>": {"weight": 0.4}, "c": {"weight": 0.0}}
        stack = {"share": share, "baselines": baselines}
        write_json(path, {**read_json(path), "stack": stack})
        explain(TASK, planted.settings, tmp_path / "none", layout.folder)
        section = explanations_section(layout.explanations)
        if share:
            assert len(section.items) > 4
            (warned,) = (item for item in section.items if isinstance(item, Warning))
            assert "stacked on k-mer ridge, <b> and c:" in warned.text
    (said,) = section.items
    assert isinstance(said, Text)
    assert said.paragraphs == [
        "m is stacked on k-mer ridge, <b> and c, and its network adds nothing to that: of the "
        "network there is nothing to explain."
    ]
    assert {path.name for path in layout.explanations.iterdir()} == {
        "explanations.json", "kmers.tsv",
    }  # fmt: skip
    assert "<b> and c" not in render(Page("t", "", [], [], [section], {}))
