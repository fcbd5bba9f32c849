"""Groups of records that must stay on one side of a split.

A group is a connected component: whoever is similar to a member belongs to it, and so on. So no
two records that the search finds similar lie in different groups. That is stricter than clusters
around representatives, whose members may be similar to those of the next cluster; the price is
that chains of kin (all kinases at 25 % identity) may become one group that no split can divide.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from bioseq_lstm.data.molecules import fingerprints, tanimoto
from bioseq_lstm.data.similarity import MOLECULES_AT_ONCE, Entries, search

# Genes on one strand with at most so many bases between them are likely one operon; of pairs
# within operons of E. coli most lie closer (Salgado et al. 2000, doi:10.1073/pnas.110147297).
OPERON_GAP = 100


def identical_groups(entries: Entries) -> np.ndarray:
    """Number of the group of exact copies (for DNA on either strand) of each entry, (entries,)."""
    return numbered(entries.canonical())


def homology_clusters(
    entries: Entries, identity: float, coverage: float, threads: int = 1
) -> np.ndarray:
    """Number of the cluster of each protein or DNA sequence, (entries,).

    Two sequences are linked when MMseqs2 aligns them with at least ``identity`` over at least
    ``coverage`` of the shorter one (so a fragment joins its whole), both 0 to 1; exact copies
    always are. Clusters are the connected components of these links.
    """
    copies = identical_groups(entries)
    _, first = np.unique(copies, return_index=True)
    one, other = _linked(entries.take(first), entries.take(first), identity, coverage, threads)
    return _components(one, other, len(first))[copies]


def relatives(
    entries: Entries, others: Entries, identity: float, coverage: float, threads: int = 1
) -> np.ndarray:
    """Whether each sequence, (entries,), is linked as above to one of ``others``, or a copy of it.

    ``entries`` are searched for in ``others``: MMseqs2's E-value grows with the set that is
    searched, so a small set of tests finds more in this direction than in the other.
    """
    near = np.isin(entries.canonical(), others.canonical())
    near[_linked(entries, others, identity, coverage, threads)[0]] = True
    return near


def _linked(
    entries: Entries, others: Entries, identity: float, coverage: float, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of ``entries`` and of ``others`` whose alignment is long and identical enough."""
    hits = search(entries.sequences, others.sequences, entries.kind, threads)
    one, other = hits["query"].to_numpy(), hits["reference"].to_numpy()
    own, their = (np.array([len(s) for s in e.sequences], int) for e in (entries, others))
    shorter = own[one] <= their[other]
    covered = np.where(shorter, hits["query_coverage"], hits["reference_coverage"])
    linked = (hits["identity"].to_numpy() >= identity) & (covered >= coverage)
    return one[linked], other[linked]


def molecule_clusters(entries: Entries, similarity: float) -> np.ndarray:
    """Cluster of each molecule; links are Tanimoto coefficients of at least ``similarity``."""
    prints = fingerprints(entries.sequences)
    links = [np.zeros((2, 0), int)]
    for start in range(0, len(entries), MOLECULES_AT_ONCE):
        similar = tanimoto(prints[start : start + MOLECULES_AT_ONCE], prints) >= similarity
        one, other = np.nonzero(similar)
        links.append(np.stack([one + start, other]))
    one, other = np.concatenate(links, axis=1)
    return merged(_components(one, other, len(entries)), identical_groups(entries))


def clusters(entries: Entries, identity: float, coverage: float, threads: int = 1) -> np.ndarray:
    """Clusters of entries of any kind; for molecules ``identity`` is the Tanimoto coefficient."""
    if entries.kind == "molecule":
        return molecule_clusters(entries, identity)
    return homology_clusters(entries, identity, coverage, threads)


def chromosome_blocks(
    chromosome: Sequence[str],
    start: np.ndarray,
    block_length: int,
    end: np.ndarray | None = None,
    strand: Sequence[str] | None = None,
) -> np.ndarray:
    """Number of the block of ``block_length`` bases in which each gene starts, (genes,).

    Where ends and strands are given, a block's border does not cut a likely operon: a run of genes
    on one strand with gaps of at most ``OPERON_GAP`` bases belongs to the block of its first gene.
    Coordinates count along the forward strand. A circle is cut at its origin.
    """
    genes = pd.DataFrame({"chromosome": list(chromosome), "start": np.asarray(start)})
    genes["end"] = genes["start"] if end is None else np.asarray(end)
    genes["strand"] = "" if strand is None else list(strand)
    ordered = genes.sort_values(["chromosome", "start", "end"], kind="stable")
    before = ordered.shift()
    follows = (ordered["chromosome"] == before["chromosome"]) & (
        ordered["strand"] == before["strand"]
    )
    if end is None or strand is None:
        follows[:] = False
    reached = ordered.groupby("chromosome", sort=False)["end"].cummax().shift()
    continues = follows & (ordered["start"] - reached <= OPERON_GAP)
    run_start = ordered["start"].where(~continues).ffill()
    block = (run_start // block_length).astype(int)
    names = ordered["chromosome"].astype(str) + ":" + block.astype(str)
    return numbered(names.sort_index().tolist())


def merged(groups: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The finest grouping (entries,) in which nothing that either grouping joins is apart."""
    rows = np.arange(len(groups))
    one, other = [], []
    for grouping in (groups, others):
        _, first, inverse = np.unique(grouping, return_index=True, return_inverse=True)
        one.append(rows)
        other.append(first[inverse])
    return _components(np.concatenate(one), np.concatenate(other), len(groups))


def numbered(names: Sequence[object]) -> np.ndarray:
    """Equal names get equal numbers, counted from 0 in the order of first appearance."""
    return pd.factorize(pd.Series(list(names), dtype=object))[0].astype(np.int64)


def _components(one: np.ndarray, other: np.ndarray, count: int) -> np.ndarray:
    graph = coo_array((np.ones(len(one), bool), (one, other)), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    return numbered(labels.tolist())
