"""Public benchmark files become the forms that the pipeline reads."""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
from pathlib import Path

import pytest

from bioseq_lstm.data.labels import read_labelled_chains
from bioseq_lstm.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location(
    "benchmark_files", ROOT / "workflow" / "scripts" / "benchmark_files.py"
)
assert SPEC is not None
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))
assert SPEC.loader is not None
benchmark_files = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(benchmark_files)


def text(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


def test_what_a_mask_leaves_out_is_unknown_in_the_three_line_form(tmp_path: Path) -> None:
    table, out = tmp_path / "t.tsv", tmp_path / "o.3line.gz"
    table.write_text("id\tseq\tss8\tss3\tmask\na\tMKTAY\tHHHCC\tHHHCC\t01110\nb\tGA\tCE\tCE\t11\n")
    benchmark_files.chains(str(table), str(out))
    assert text(out) == ">a\nMKTAY\n.HHC.\n>b\nGA\nCE\n"
    assert [chain.labels for chain in read_labelled_chains(out).records] == [".HHC.", "CE"]


def test_a_table_without_mask_is_taken_as_it_is(tmp_path: Path) -> None:
    table, out = tmp_path / "t.tsv", tmp_path / "o.3line.gz"
    table.write_text("id\tseq\tss8\tcluster30\na\tMKTAY\tHHHCC\t7\n")
    benchmark_files.chains(str(table), str(out))
    assert text(out) == ">a\nMKTAY\nHHHCC\n"


def test_a_mask_of_another_length_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "t.tsv"
    table.write_text("id\tseq\tss8\tmask\na\tMKTAY\tHHHCC\t0111\n")
    with pytest.raises(UserError, match=r"line 2: mask and ss8 differ in length"):
        benchmark_files.chains(str(table), str(tmp_path / "o.gz"))


def test_only_the_listed_chains_are_taken_with_their_blanks_as_coil(tmp_path: Path) -> None:
    annotations, ids, out = tmp_path / "a.json", tmp_path / "ids.txt", tmp_path / "o.3line.gz"
    known = {
        "1A_1_A": {"Sequence": "MK", "DSSP": "LL"},
        "2B_1_A": {"Sequence": "GAV", "DSSP": "LHE"},
    }
    annotations.write_text(json.dumps(known))
    ids.write_text("2B_1_A\n")
    benchmark_files.sidechainnet(str(annotations), str(ids), str(out))
    assert text(out) == ">2B_1_A\nGAV\nCHE\n"
    ids.write_text("2B_1_A\n3C_1_A\n")
    with pytest.raises(UserError, match=r"ids.txt, line 2: chain '3C_1_A' is not in"):
        benchmark_files.sidechainnet(str(annotations), str(ids), str(out))


def test_promoters_get_ids_values_and_parts(tmp_path: Path) -> None:
    table = tmp_path / "t.tsv"
    table.write_text("sequence\texpression\tsplit\nACGT\t1.5\ttrain\nTTTT\t2\ttest_published\n")
    outs = [tmp_path / name for name in ("g.gz", "v.gz", "p.gz")]
    benchmark_files.promoters(str(table), *map(str, outs))
    assert [text(out) for out in outs] == [
        ">promoter_1\nACGT\n>promoter_2\nTTTT\n",
        "id\texpression\npromoter_1\t1.5\npromoter_2\t2\n",
        "id\tsplit\npromoter_1\ttrain\npromoter_2\ttest_published\n",
    ]


def test_the_committed_list_has_each_training_chain_once() -> None:
    ids = text(ROOT / "workflow/resources/benchmarks/scn95.ids.txt.gz").split()
    assert len(ids) == len(set(ids)) == 33_423


def test_genes_of_a_genome_get_their_sequence_place_and_means(tmp_path: Path) -> None:
    gene = "ATG" + "AAA" * 400 + "TAA"
    genome = "AC" * 100 + gene + "GT" * 100
    (tmp_path / "g.fasta").write_text(f">chr1 a genome\n{genome}\n")
    start = 201  # GFF counts from 1
    line = f"chr1\tx\tCDS\t{start}\t{start + len(gene) - 1}\t.\t+\t0\tlocus_tag=b1;gene=abc"
    (tmp_path / "g.gff3").write_text(f"{line}\n")
    (tmp_path / "l.csv").write_text(",s1,s2,s3\nb1,1.0,2.0,9.0\nb2,0.0,0.0,0.0\n")
    (tmp_path / "s.csv").write_text("Sample ID,project,condition\ns1,p,c\ns2,p,c\ns3,p,alone\n")
    names = ("g.fasta", "g.gff3", "l.csv", "s.csv", "o.fasta.gz", "o.tsv.gz", "o.genes.tsv.gz")
    benchmark_files.ecoli(*(str(tmp_path / name) for name in names))
    assert text(tmp_path / "o.fasta.gz") == f">b1\n{genome[50 : 200 + len(gene)]}\n"
    assert text(tmp_path / "o.tsv.gz") == "id\tp__c\nb1\t1.5000\n"
    assert text(tmp_path / "o.genes.tsv.gz").splitlines()[1] == "b1\tchr1\t200\t1406\t+"
