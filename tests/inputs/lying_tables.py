"""Tables and molecules that lie, and what is said of each, word for word."""

from __future__ import annotations

from lies import Lie

GENES = b">g\nACGT\n>h\nACCT\n"


def _expression(sequences: bytes, table: bytes) -> dict[str, bytes]:
    return {"sequences.fasta": sequences, "expression.tsv": table}


def _affinity(values: bytes, smiles: bytes = b"id\tsmiles\nd\tCCO\ne\tCCN\n") -> dict[str, bytes]:
    return {
        "drugs.tsv": smiles,
        "targets.fasta": b">t\nMKVL\n",
        "affinities.tsv": b"drug\ttarget\tvalue\n" + values,
    }


TABLES = (
    Lie(
        "columns of one name",
        "expression",
        b"id\tx\tx\ng\t1\t2\n",
        "e.tsv, line 1: 2 columns are called 'x': give each its own name",
    ),
    Lie(
        "a column without a name",
        "expression",
        b"id\tx\t\ng\t1\t2\n",
        "e.tsv, line 1: column 3 of the header has no name",
    ),
    Lie(
        "mixed separators",
        "expression",
        b"id\tx\ty\ng\t1\t2\nh,1,2\n",
        "e.tsv, line 3: 1 cells under a header of 3: part its columns by tabs as the "
        "header's, not commas",
    ),
    Lie(
        "decimal commas",
        "expression",
        b"id\tx\ty\ng\t1,5\t2\n",
        "e.tsv, line 2: column 'x': '1,5' has a decimal comma: write a point",
    ),
    Lie(
        "decimal commas between commas",
        "expression",
        b"id,x,y\ng,1,5,2,0\n",
        "e.tsv, line 2: 5 cells under a header of 3: write decimal points, or part the "
        "columns by semicolons",
    ),
    Lie(
        "`NA`",
        "expression",
        b"id\tx\ty\ng\tNA\t2\nh\t1\t2\n",
        "missing values: 1\ntaken: g, h",
    ),
    Lie(
        "a gene of `NA` alone",
        "expression",
        b"id\tx\ty\ng\tNA\tNA\nh\t1\t2\n",
        "line 2, 'g': the gene has no value at all\ntaken: h",
    ),
    Lie(
        "a condition of `NA` alone",
        "expression",
        b"id\tx\ty\ng\tNA\t2\nh\tNA\t2\n",
        "e.tsv: column 'x' has no value at all: remove it",
    ),
    Lie(
        "`inf`",
        "expression",
        b"id\tx\ty\ng\tinf\t2\n",
        "e.tsv, line 2: column 'x': 'inf' is infinite",
    ),
    Lie(
        "a number too large for a computer",
        "expression",
        b"id\tx\ty\ng\t1e999\t2\n",
        "e.tsv, line 2: column 'x': '1e999' is infinite",
    ),
    Lie(
        "text in a number column",
        "expression",
        b"id\tx\ty\ng\thigh\t2\n",
        "e.tsv, line 2: column 'x': 'high' is not a number",
    ),
    Lie(
        "a spreadsheet's error in a number column",
        "expression",
        b"id\tx\ty\ng\t#DIV/0!\t2\n",
        "e.tsv, line 2: column 'x': '#DIV/0!' is not a number",
    ),
    Lie(
        "a table without its header",
        "expression",
        b"g\t1.0\t2.5\nh\t2.0\t3.5\n",
        "e.tsv, line 1: the header holds numbers (1.0, …): put one above them, or, if "
        "these are names of conditions, call the first column 'id'",
    ),
    Lie(
        "a table of one column",
        "expression",
        b"id x y\ng 1 2\n",
        "e.tsv, line 1: one column only ('id x y'): columns are parted by tabs, commas "
        "or semicolons",
    ),
    Lie(
        "a header alone",
        "expression",
        b"id\tx\ty\n",
        "e.tsv: holds a header but no rows",
    ),
    Lie(
        "a gene twice with other values",
        "expression",
        b"id\tx\ty\ng\t1\t2\ng\t1\t3\n",
        "e.tsv, line 3: 'g' stands here with other values than on line 2: rename or "
        "remove one of them",
    ),
    Lie(
        "a gene twice with the same values",
        "expression",
        b"id\tx\ty\ng\t1\t2\ng\t1\t2\n",
        "rows that repeat an earlier one, left out: 1\ntaken: g",
    ),
    Lie(
        "a quote that does not close",
        "expression",
        b'id\tx\ty\ng\t"1\t2\nh\t1\t2\n',
        "e.tsv, line 2: the row cannot be read (unexpected end of data): check its quotes",
    ),
    Lie(
        "R's table without a name for its first column",
        "expression",
        b"x\ty\ng\t1\t2\n",
        "e.tsv, line 2: 3 cells under a header of 2: name the first column (R: "
        "write.table(..., col.names = NA))",
    ),
    Lie(
        "a negative position",
        "annotations",
        b"id\tstart\tend\tstrand\ng\t-5\t10\t+\n",
        "g.tsv, line 2: column 'start': '-5' is not a whole number of bases",
    ),
    Lie(
        "an end before its start",
        "annotations",
        b"id\tstart\tend\tstrand\ng\t50\t10\t+\n",
        "g.tsv, line 2: end 10 lies before start 50: positions count along the "
        "chromosome, the strand has its own column",
    ),
    Lie(
        "a strand that is none",
        "annotations",
        b"id\tstart\tend\tstrand\ng\t5\t10\tx\n",
        "g.tsv, line 2: strand 'x' is none of + - .",
    ),
    Lie(
        "a position with a decimal point",
        "annotations",
        b"id\tstart\tend\tstrand\ng\t5.5\t10\t+\n",
        "g.tsv, line 2: column 'start': '5.5' is not a whole number of bases",
    ),
    Lie(
        "ids that match nothing",
        "expression set",
        _expression(GENES, b"id\tx\ty\nq\t1\t2\n"),
        "expression.tsv: none of its ids ('q') is in sequences.fasta ('g', 'h'): the two "
        "files must name their records alike",
    ),
    Lie(
        "ids that match in another case only",
        "expression set",
        _expression(GENES, b"id\tx\ty\nG\t1\t2\n"),
        "expression.tsv: none of its ids ('G') is in sequences.fasta ('g', 'h'): they "
        "differ only in letter case",
    ),
    Lie(
        "an id of the table without a sequence",
        "expression set",
        _expression(GENES, b"id\tx\ty\ng\t1\t2\nh\t1\t2\nq\t1\t2\n"),
        "line 4, 'q': has no sequence in sequences.fasta\ntaken: g, h",
    ),
    Lie(
        "log2 TPM above what a million can be",
        "expression set",
        _expression(GENES, b"id\tx\ty\ng\t1520\t2\nh\t1\t2\n"),
        "expression.tsv, line 2: 1520 is no log2 TPM, which is at most 20: set `unit`, or mend it",
    ),
    Lie(
        "a negative TPM",
        "raw expression set",
        _expression(GENES, b"id\tx\ty\ng\t-1\t2\nh\t1\t2\n"),
        "expression.tsv, line 2: -1 is no TPM, which is at least 0: set `unit`, or mend it",
    ),
    Lie(
        "a SMILES that RDKit refuses",
        "molecules",
        b"id\tsmiles\nk\tCCO\na\tC1CC\n",
        "line 3, 'a': RDKit: SMILES Parse Error: unclosed ring for input: 'C1CC'\ntaken: k",
    ),
    Lie(
        "a SMILES with an impossible valence",
        "molecules",
        b"id\tsmiles\nk\tCCO\na\tC(C)(C)(C)(C)C\n",
        "line 3, 'a': RDKit: Explicit valence for atom # 0 C, 5, is greater than "
        "permitted\n"
        "taken: k",
    ),
    Lie(
        "a salt",
        "molecules",
        b"id\tsmiles\na\tCCN.Cl\n",
        "salts and mixtures, largest fragment kept: 1\ntaken: a",
    ),
    Lie(
        "a mixture",
        "molecules",
        b"id\tsmiles\na\tCCO.CCCCCN\n",
        "salts and mixtures, largest fragment kept: 1\ntaken: a",
    ),
    Lie(
        "an empty SMILES",
        "molecules",
        b"id\tsmiles\nk\tCCO\na\t\n",
        "line 3, 'a': no SMILES\ntaken: k",
    ),
    Lie(
        "a molecule without an id",
        "molecules",
        b"id\tsmiles\nk\tCCO\n\tCC\n",
        "line 3, '': the molecule has no id\ntaken: k",
    ),
    Lie(
        "one molecule's id twice, another SMILES",
        "molecules",
        b"id\tsmiles\na\tCCO\na\tCC\n",
        "m.tsv, line 3: record 'a' differs from the one of the same id in m.tsv, line 2: "
        "rename or remove one of them",
    ),
    Lie(
        "a wildcard atom",
        "molecules",
        b"id\tsmiles\nk\tCCO\na\tC*\n",
        "line 3, 'a': a wildcard atom (*) stands for no atom in particular\ntaken: k",
    ),
    Lie(
        "a bound instead of a value",
        "affinities",
        b"drug\ttarget\tvalue\nd\tt\t>5\nd\tu\t6\n",
        "line 2, 'd t': value '>5' is a bound, not a measured value\ntaken: d",
    ),
    Lie(
        "a pair without its target",
        "affinities",
        b"drug\ttarget\tvalue\nd\t\t5\nd\tu\t6\n",
        "line 2, 'd ': the target has no id\ntaken: d",
    ),
    Lie(
        "a missing column",
        "affinities",
        b"drug\tprotien\tvalue\nd\tt\t5\n",
        "a.tsv, line 1: no column for the target (target, target_id, prot_id, protein, "
        "protein_id, kinase); it has: drug, protien, value",
    ),
    Lie(
        "a pair measured twice",
        "affinities",
        b"drug\ttarget\tvalue\nd\tt\t5\nd\tt\t6\n",
        "pairs measured several times, their mean taken: 1\ntaken: d",
    ),
    Lie(
        "a Kd of 0",
        "Kd set",
        _affinity(b"d\tt\t0\ne\tt\t5\n"),
        "line 2, 'd t': a Kd of 0 is no concentration: leave the row out if nothing "
        "bound\n"
        "drugs without a measured pair: 1\n"
        "taken: e",
    ),
    Lie(
        "a negative Kd",
        "Kd set",
        _affinity(b"d\tt\t-3\ne\tt\t5\n"),
        "line 2, 'd t': a Kd of -3 is no concentration: leave the row out if nothing "
        "bound\n"
        "drugs without a measured pair: 1\n"
        "taken: e",
    ),
    Lie(
        "pKd that are nanomolar",
        "affinity set",
        _affinity(b"d\tt\t5200\n"),
        "affinities.tsv, line 2: 5200 is no pKd: if it is a concentration in nM, write 9 "
        "- log10 of it, else set `unit`",
    ),
    Lie(
        "pKd that are molar, wrong by 10^9",
        "affinity set",
        _affinity(b"d\tt\t0.0000000052\n"),
        "affinities.tsv, line 2: 5.2e-09 is no pKd, and no value is 0.01 or more: if "
        "these are concentrations in M, write -log10 of them, else set `unit`",
    ),
    Lie(
        "drugs that match in another case only",
        "affinity set",
        _affinity(b"D\tt\t5\n"),
        "affinities.tsv: none of its ids ('D') is in drugs.tsv ('d', 'e'): they differ "
        "only in letter case",
    ),
    Lie(
        "a target that is not there",
        "affinity set",
        _affinity(b"d\tt\t5\nd\tq\t5\n"),
        "line 3, 'd q': the target is not in targets.fasta\n"
        "drugs without a measured pair: 1\n"
        "taken: d",
    ),
    Lie(
        "no drug that can be read",
        "affinity set",
        _affinity(b"d\tt\t5\n", b"id\tsmiles\nd\tC1CC\n"),
        "drugs.tsv, line 2: all 1 records were refused, the first: RDKit: SMILES Parse "
        "Error: unclosed ring for input: 'C1CC'",
    ),
)
