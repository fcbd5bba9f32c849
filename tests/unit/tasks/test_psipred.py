"""PSIPRED's formats, read back by parsers written from their description, not from our writer."""

from __future__ import annotations

import re

import numpy as np
import pytest

from bioseq_lstm.metrics.structure import best_three, three_probabilities
from bioseq_lstm.tasks.structure.psipred import horizontal, vertical

RNG = np.random.default_rng(0)


def read_ss2(text: str) -> list[tuple[str, str, list[list[float]]]]:
    """Sequence, states and columns C, H, E of each chain: one line a residue, numbered from 1."""
    chains = []
    for block in re.split(r"^# PSIPRED VFORMAT.*$", text, flags=re.MULTILINE)[1:]:
        rows = [line.split() for line in block.splitlines() if line.strip()]
        assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
        assert all(len(row) == 6 for row in rows)
        states = "".join(row[2] for row in rows)
        chains.append(
            ("".join(row[1] for row in rows), states, [[float(x) for x in row[3:]] for row in rows])
        )
    return chains


def read_horiz(text: str, key: str) -> str:
    return "".join(re.findall(rf"^ *{key}: (\S+)$", text, flags=re.MULTILINE))


def chain(length: int) -> tuple[str, np.ndarray]:
    sequence = "".join(RNG.choice(list("ACDEFGHIKLMNPQRSTVWYX"), length))
    return sequence, RNG.dirichlet([1, 1, 1], length)


def test_eight_states_are_summed_to_three() -> None:
    eight = np.array([[0.1, 0.05, 0.2, 0.15, 0.05, 0.1, 0.05, 0.3]])  # H B E G I T S C
    np.testing.assert_allclose(three_probabilities(eight), [[0.3, 0.25, 0.45]])  # H E C


@pytest.mark.parametrize("length", [1, 59, 60, 61, 1200])
def test_both_formats_are_read_back(length: int) -> None:
    sequence, probabilities = chain(length)
    expected = "".join("HEC"[k] for k in probabilities.argmax(axis=1))
    ((letters, states, columns),) = read_ss2(vertical("x", sequence, probabilities))
    assert (letters, states) == (sequence, expected)
    np.testing.assert_allclose(columns, probabilities[:, [2, 0, 1]], atol=5.001e-4)
    text = horizontal("x", sequence, probabilities)
    assert read_horiz(text, "AA") == sequence
    assert read_horiz(text, "Pred") == expected == best_three(probabilities)
    assert len(read_horiz(text, "Conf")) == length


def test_the_lines_are_those_of_psipred() -> None:
    sure, unsure = [0.0, 0.0, 1.0], [0.55, 0.34, 0.11]  # helix, strand, coil
    probabilities = np.array([sure] * 9 + [unsure])
    assert vertical("p1", "MKVLAAGIVG", probabilities).splitlines()[1:4] == [
        *("", "   1 M C   1.000  0.000  0.000", "   2 K C   1.000  0.000  0.000"),
    ]
    lines = horizontal("p1", "MKVLAAGIVG", probabilities).splitlines()
    assert re.fullmatch(r"# PSIPRED HFORMAT \(bioseq_lstm \S+\) p1", lines[0])
    assert lines[1:6] == [
        *("", "Conf: 9999999992", "Pred: CCCCCCCCCH", "  AA: MKVLAAGIVG", "              10"),
    ]


def test_chains_follow_one_another_in_a_file() -> None:
    first, second = chain(70), chain(3)
    text = vertical("a", *first) + vertical("b", *second)
    assert [found[0] for found in read_ss2(text)] == [first[0], second[0]]
    assert re.findall(r"^# PSIPRED.*\) (\S+)$", text, flags=re.MULTILINE) == ["a", "b"]
