from __future__ import annotations

from pathlib import Path

import pytest

from bioseq_lstm.data.alphabets import DNA, PROTEIN
from bioseq_lstm.data.variants import Variant, read_variants
from bioseq_lstm.errors import UserError

GENES = {"g1": "ACGTACGT", "007": "TTTTC"}
HEADER = "id\tposition\tref\talt\n"
VCF = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "variants.txt"
    path.write_text(text)
    return path


def test_a_table_gives_one_variant_a_row(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + "g1\t2\tC\tG\n007\t5\tc\tu\n")
    assert read_variants(path, DNA, GENES) == [
        Variant("g1", 2, "C", "G", 2),
        Variant("007", 5, "C", "T", 3),
    ]


def test_a_vcf_gives_one_variant_an_alternative(tmp_path: Path) -> None:
    path = write(tmp_path, VCF + "g1\t3\trs1\tGT\tG,GTT\t50\n")
    found = read_variants(path, DNA, GENES)
    assert [variant.alt for variant in found] == ["G", "GTT"]
    assert [variant.applied(GENES["g1"]) for variant in found] == ["ACGACGT", "ACGTTACGT"]


def test_a_deletion_is_a_dash(tmp_path: Path) -> None:
    (variant,) = read_variants(write(tmp_path, HEADER + "g1\t1\tAC\t-\n"), DNA, GENES)
    assert variant.applied(GENES["g1"]) == "GTACGT"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (HEADER + "g1\t2\tG\tA\n", r"line 2: ref is G, but 'g1' has C at 2; positions seem to "
                                   r"count from 0: add 1"),
        (HEADER + "g1\t2\tA\tG\n", r"has C at 2; positions seem to be 1 too high"),
        (HEADER + "g1\t2\tT\tG\n", r"has C at 2; name the FASTA that the variants were called on"),
        (HEADER + "g1\t2\tC\tG\ng1\t9\tA\tC\n", r"line 3: 'g1' ends at position 8"),
        (HEADER + "g2\t2\tC\tG\n", r"line 2: there is no sequence 'g2': name the FASTA"),
        (HEADER + "g1\t0\tA\tC\n", r"position '0' is no whole number: the first letter has"),
        (HEADER + "g1\t2\tC\t<DEL>\n", r"alt '<DEL>' is not made of letters of DNA: write"),
        (HEADER + "007\t1\tTTTTC\t-\n", r"nothing is left of '007'"),
        (HEADER, r"holds no variant"),
        (VCF + "g1\t2\n", r"line 3: this row of a VCF has too few columns"),
        ("##fileformat=VCFv4.2\ng1\t2\t.\tC\tG\n", r"line 2: .* stands before the line #CHROM"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_line_and_mend(
    tmp_path: Path, rows: str, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        read_variants(write(tmp_path, rows), DNA, GENES)


def test_proteins_keep_their_own_letters(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + "p\t2\tK\tW\n")
    assert read_variants(path, PROTEIN, {"p": "MKV"})[0].applied("MKV") == "MWV"
