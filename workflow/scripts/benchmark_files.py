"""Public benchmark files in the forms that the pipeline reads; the rules are in benchmarks.smk.

    python workflow/scripts/benchmark_files.py chains TABLE OUT.3line.gz
    python workflow/scripts/benchmark_files.py sidechainnet ANNOTATIONS.json IDS OUT.3line.gz
    python workflow/scripts/benchmark_files.py promoters TABLE OUT.fasta.gz OUT.tsv.gz PARTS.tsv.gz
    python workflow/scripts/benchmark_files.py ecoli GENOME.fasta GENOME.gff3 LOG_TPM.csv \
        SAMPLES.csv OUT.fasta.gz OUT.tsv.gz GENES.tsv.gz

chains: columns id, seq, ss8 and, if there is one, mask (1: the residue counts; 0: unresolved). What
the mask leaves out gets the label ``.``, which is neither learned nor scored. promoters: columns
sequence, expression, split; they have no ids, so rows are numbered from 1 in their order. ecoli:
files of pymodulon; 150 bases before each gene and all of it, means over replicates.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from rebuild_demo import coding_genes, condition_means

from bioseq_lstm.data.delimited import read_delimited
from bioseq_lstm.data.text import text_lines
from bioseq_lstm.errors import UserError, nearest
from bioseq_lstm.files import replacing

UNKNOWN = "."


def chains(table: str, out: str) -> None:
    """A table of labelled chains as 3-line file."""
    found = read_delimited(table)
    name, sequence, states = (found.column(role, (role,)) for role in ("id", "seq", "ss8"))
    mask = found.column("mask", ("mask",), required=False)
    records = []
    for line, cells in found.rows:
        labels = cells[states]
        if mask >= 0:
            if len(cells[mask]) != len(labels):
                raise UserError("mask and ss8 differ in length", file=table, line=line)
            pairs = zip(labels, cells[mask], strict=True)
            labels = "".join(UNKNOWN if known == "0" else label for label, known in pairs)
        records.append(f">{cells[name]}\n{cells[sequence]}\n{labels}\n")
    write(out, records)


def sidechainnet(annotations: str, ids: str, out: str) -> None:
    """Some chains of SidechainNet's annotations as 3-line file; its L, DSSP's blank, becomes C."""
    with Path(annotations).open(encoding="utf-8") as handle:
        known = json.load(handle)
    records = []
    for line, text in enumerate(text_lines(ids), start=1):
        name = text.strip()
        if name not in known:
            raise UserError(f"chain {name!r} is not in {annotations}", file=ids, line=line)
        chain = known[name]
        records.append(f">{name}\n{chain['Sequence']}\n{chain['DSSP'].replace('L', 'C')}\n")
    write(out, records)


def promoters(table: str, genes: str, values: str, parts: str) -> None:
    """A table of promoters as FASTA, table of expression, and table of the parts of the split."""
    found = read_delimited(table)
    columns = [found.column(role, (role,)) for role in ("sequence", "expression", "split")]
    rows = [[cells[column] for column in columns] for _, cells in found.rows]
    ids = [f"promoter_{number}" for number in range(1, len(rows) + 1)]
    named = list(zip(ids, rows, strict=True))
    write(genes, (f">{name}\n{row[0]}\n" for name, row in named))
    write(values, ["id\texpression\n", *(f"{name}\t{row[1]}\n" for name, row in named)])
    write(parts, ["id\tsplit\n", *(f"{name}\t{row[2]}\n" for name, row in named)])


def ecoli(
    genome: str, gff: str, levels: str, samples: str, genes: str, values: str, annotations: str
) -> None:
    """Genes of E. coli under all conditions with two replicates or more, as the demo has some."""
    header, letters = Path(genome).read_text(encoding="utf-8").split("\n", 1)
    letters, chromosome = letters.replace("\n", ""), header[1:].split()[0]
    rows = _rows(levels)
    means = condition_means(rows, _rows(samples))
    measured = {row[""] for row in rows}
    known = coding_genes(Path(gff).read_text(encoding="utf-8"))
    kept = [gene for gene in known if gene.id in measured]
    write(
        genes, (f">{gene.id}\n{gene.sequence(letters, gene.end - gene.start)}\n" for gene in kept)
    )
    lines = ("\t".join([g.id, *(f"{own[g.id]:.4f}" for own in means.values())]) for g in kept)
    write(values, ["\t".join(["id", *means]) + "\n", *(f"{line}\n" for line in lines)])
    places = (f"{g.id}\t{chromosome}\t{g.start}\t{g.end}\t{g.strand}\n" for g in kept)
    write(annotations, ["id\tchromosome\tstart\tend\tstrand\n", *places])


def _rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def write(path: str, texts: Iterable[str]) -> None:
    """Gzipped, the same bytes every time: the header has neither name nor time."""
    with (
        replacing(path) as temporary,
        temporary.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed,
    ):
        packed.write("".join(texts).encode())


FORMS = {
    "chains": chains,
    "sidechainnet": sidechainnet,
    "promoters": promoters,
    "ecoli": ecoli,
}


def main(arguments: list[str]) -> None:
    """Run the form that the first argument names with the files that follow."""
    name = arguments[0] if arguments else ""
    try:
        if name not in FORMS:
            raise UserError(f"no form {name!r}{nearest(name, FORMS)}; known: {', '.join(FORMS)}")
        FORMS[name](*arguments[1:])
    except UserError as error:
        print(f"benchmark_files: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
