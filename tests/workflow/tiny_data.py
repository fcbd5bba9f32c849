"""A few records of the demo data for each task, as a user would hand them in."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "workflow" / "resources" / "demo"

CONDITIONS = 3
GENES_APART = 40  # so that the genes lie in many blocks of the chromosome
DRUGS, TARGETS = 25, 12
TARGET_LENGTH = 120


def demo_lines(name: str) -> list[str]:
    return gzip.decompress((DEMO / name).read_bytes()).decode().splitlines()


def demo_chains(count: int, longest: int = 70) -> list[tuple[str, str, str]]:
    """Id, sequence and states of the first ``count`` chains of at most ``longest`` residues."""
    lines = demo_lines("structure/chains.3line.gz")
    chains = zip(lines[::3], lines[1::3], lines[2::3], strict=True)
    return [(i[1:], s, states) for i, s, states in chains if len(s) <= longest][:count]


def three_line(chains: list[tuple[str, str, str]]) -> str:
    return "".join(f">{name}\n{sequence}\n{states}\n" for name, sequence, states in chains)


def fasta(sequences: dict[str, str]) -> str:
    return "".join(f">{name}\n{sequence}\n" for name, sequence in sequences.items())


def write(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def write_structure(folder: Path) -> None:
    """60 chains to learn from, two to predict."""
    *chains, one, two = demo_chains(62)
    new = fasta({"new_1": one[1], "new_2": two[1].lower()})
    write(folder, {"chains.3line": three_line(chains), "new/proteins.fasta": new})


def write_expression(folder: Path) -> None:
    """80 genes under 3 conditions with positions, two genes to predict."""
    lines = demo_lines("expression/genes.fasta.gz")
    genes = {
        header[1:].split()[0]: sequence[:240]
        for header, sequence in zip(lines[::2], lines[1::2], strict=True)
    }
    chosen = list(genes)[::GENES_APART][:82]
    learnt, new = chosen[:80], chosen[80:]

    def rows(name: str, columns: int) -> str:
        head, *body = (line.split("\t")[:columns] for line in demo_lines(f"expression/{name}.gz"))
        kept = [head, *(row for row in body if row[0] in set(learnt))]
        return "".join("\t".join(row) + "\n" for row in kept)

    write(
        folder,
        {
            "genes.fasta": fasta({name: genes[name] for name in learnt}),
            "log2tpm.tsv": rows("log2tpm.tsv", 1 + CONDITIONS),
            "genes.tsv": rows("genes.tsv", 6),
            "new/genes.fasta": fasta({name: genes[name] for name in new}),
        },
    )


def write_affinity(folder: Path) -> None:
    """25 drugs x 12 targets (those with most pairs), one more of each to predict."""
    head, *pairs = (line.split("\t") for line in demo_lines("affinity/affinities.tsv.gz"))
    lines = demo_lines("affinity/targets.fasta.gz")
    targets = {h[1:]: s[:TARGET_LENGTH] for h, s in zip(lines[::2], lines[1::2], strict=True)}
    smiles_head, *smiles = (line.split("\t") for line in demo_lines("affinity/drugs.tsv.gz"))
    often = [name for name, _ in Counter(target for _, target, _ in pairs).most_common()]
    chosen, new_target = often[:TARGETS], often[TARGETS]
    ranked = Counter(drug for drug, target, _ in pairs if target in chosen).most_common()
    drugs, new_drug = [name for name, _ in ranked[:DRUGS]], ranked[DRUGS][0]
    kept = [head, *(row for row in pairs if row[0] in drugs and row[1] in chosen)]

    def molecules(names: list[str]) -> str:
        rows = [smiles_head, *(row for row in smiles if row[0] in names)]
        return "".join("\t".join(row) + "\n" for row in rows)

    write(
        folder,
        {
            "drugs.tsv": molecules(drugs),
            "targets.fasta": fasta({name: targets[name] for name in chosen}),
            "affinities.tsv": "".join("\t".join(row) + "\n" for row in kept),
            "new/drugs.tsv": molecules([new_drug]),
            "new/targets.fasta": fasta({new_target: targets[new_target]}),
        },
    )
