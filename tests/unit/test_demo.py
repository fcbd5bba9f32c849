"""The demo data are what the script makes of the pinned wheels, and fit together."""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "workflow" / "resources" / "demo"


@pytest.fixture(scope="module")
def rebuild_demo() -> ModuleType:
    path = ROOT / "workflow" / "scripts" / "rebuild_demo.py"
    spec = importlib.util.spec_from_file_location("rebuild_demo", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


def text_of(name: str) -> str:
    data = (DEMO / name).read_bytes()
    return (gzip.decompress(data) if name.endswith(".gz") else data).decode()


def rows_of(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text_of(name).splitlines(), delimiter="\t"))


def sequences_of(name: str) -> dict[str, str]:
    lines = text_of(name).splitlines()
    return {h[1:].split()[0]: s for h, s in zip(lines[::2], lines[1::2], strict=True)}


CHECKSUMS = {row["file"]: row["sha256_of_content"] for row in rows_of("checksums.tsv")}


@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_file_holds_what_its_checksum_says(name: str) -> None:
    assert hashlib.sha256(text_of(name).encode()).hexdigest() == CHECKSUMS[name]


def test_every_data_file_has_a_checksum_and_all_are_small() -> None:
    files = {str(path.relative_to(DEMO)): path for path in DEMO.rglob("*") if path.is_file()}
    assert set(files) - set(CHECKSUMS) == {
        "README.md",
        "checksums.tsv",
        "structure/chains.ids.txt",
    }
    assert sum(path.stat().st_size for path in files.values()) < 3_000_000


def test_gzip_headers_carry_neither_name_nor_time() -> None:
    packed = [name for name in CHECKSUMS if name.endswith(".gz")]
    assert packed
    for name in packed:
        header = (DEMO / name).read_bytes()[:8]
        assert header[3] == 0
        assert header[4:8] == b"\0\0\0\0"


def test_chains_have_a_state_for_every_residue() -> None:
    lines = text_of("structure/chains.3line.gz").splitlines()
    ids, sequences, states = lines[::3], lines[1::3], lines[2::3]
    assert [name[1:] for name in ids] == (DEMO / "structure/chains.ids.txt").read_text().split()
    assert len(set(ids)) == 1200
    assert [len(s) for s in sequences] == [len(s) for s in states]
    assert sum(map(len, states)) == 172_695
    assert set("".join(states)) == set("HBEGITSC")
    assert not set(sequences) & set(sequences_of("structure/new/example_proteins.fasta").values())


def test_genes_expression_and_positions_speak_of_the_same_genes() -> None:
    sequences = sequences_of("expression/genes.fasta.gz")
    genes, levels = rows_of("expression/genes.tsv.gz"), rows_of("expression/log2tpm.tsv.gz")
    assert list(sequences) == [g["gene_id"] for g in genes] == [r["gene_id"] for r in levels]
    assert not set(sequences) & set(sequences_of("expression/new/example_genes.fasta"))
    assert list(levels[0])[1:] == [row["id"] for row in rows_of("expression/conditions.tsv")]
    assert len(levels[0]) == 41
    for gene in genes:
        length = int(gene["end"]) - int(gene["start"])
        assert len(sequences[gene["gene_id"]]) == 150 + min(300, length)
        assert length % 3 == 0


def test_coding_begins_with_a_start_codon_after_150_bases() -> None:
    sequences = sequences_of("expression/genes.fasta.gz")
    starts = [sequence[150:153] for sequence in sequences.values()]
    # of the genes of K-12 83 % begin with ATG, 14 % with GTG, 3 % with TTG (Blattner et al. 1997,
    # doi:10.1126/science.277.5331.1453); later annotations have more ATG
    assert starts.count("ATG") / len(starts) > 0.83
    assert (starts.count("ATG") + starts.count("GTG") + starts.count("TTG")) / len(starts) > 0.99
    # thrA of NC_000913.3 begins at base 337: the first codons of aspartokinase I, M R V L K F G G
    assert sequences["b0002"][150:174] == "ATGCGAGTGTTGAAGTTCGGCGGT"


def test_pairs_name_known_drugs_and_targets_and_none_that_is_held_out() -> None:
    drugs = {row["drug"]: row["smiles"] for row in rows_of("affinity/drugs.tsv.gz")}
    targets = sequences_of("affinity/targets.fasta.gz")
    pairs = rows_of("affinity/affinities.tsv.gz")
    assert {row["drug"] for row in pairs} == set(drugs)
    assert {row["target"] for row in pairs} == set(targets)
    assert len({(row["drug"], row["target"]) for row in pairs}) == len(pairs) == 4908
    new = sequences_of("affinity/new/example_targets.fasta")
    assert set(new) - set(targets) == {"P00519"}
    known = {Chem.CanonSmiles(smiles) for smiles in drugs.values()}
    inhibitors = rows_of("affinity/new/example_drugs.tsv")
    assert not known & {Chem.CanonSmiles(row["smiles"]) for row in inhibitors}


def test_handwritten_inhibitors_have_the_formulas_of_pubchem() -> None:
    found = {
        row["drug"]: CalcMolFormula(Chem.MolFromSmiles(row["smiles"]))
        for row in rows_of("affinity/new/example_drugs.tsv")
    }
    assert found == {
        "imatinib": "C29H31N7O",
        "dasatinib": "C22H26ClN7O2S",
        "gefitinib": "C22H24ClFN4O3",
        "erlotinib": "C22H23N3O4",
        "sunitinib": "C22H27FN4O2",
    }


def test_a_gene_is_read_along_its_strand_and_around_the_circle(rebuild_demo: ModuleType) -> None:
    genome = "A" * 100 + "C" * 100 + "ATGAAATGA" + "G" * 100
    forward = rebuild_demo.Gene("x", "x", 200, 209, "+")
    assert forward.sequence(genome) == ("A" * 50 + "C" * 100 + "ATGAAATGA")
    backward = rebuild_demo.Gene("x", "x", 200, 209, "-")
    assert backward.sequence(genome) == "T" * 50 + "C" * 100 + "TCATTTCAT"
    assert rebuild_demo.Gene("x", "x", 0, 3, "+").sequence(genome).endswith("G" * 100 + "AAA")


def test_the_farthest_points_of_a_line_are_its_ends_then_its_middle(
    rebuild_demo: ModuleType,
) -> None:
    line = np.arange(9.0)[:, None]
    assert rebuild_demo.farthest_points(line, [0], 3) == [0, 8, 4]


def test_a_wheel_with_another_checksum_is_not_opened(
    rebuild_demo: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / rebuild_demo.PYMODULON.filename).write_bytes(b"something else")
    with pytest.raises(SystemExit, match="SHA-256 is"):
        rebuild_demo.obtain(rebuild_demo.PYMODULON, tmp_path)
