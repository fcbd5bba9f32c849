"""Nearest records: planted copies, reverse complements and kin are found, strangers are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bioseq_lstm.data import similarity
from bioseq_lstm.data.alphabets import reverse_complement
from bioseq_lstm.data.similarity import Entries, nearest, search
from bioseq_lstm.errors import UserError

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"


def random_sequences(count: int, length: int, letters: str, seed: int) -> list[str]:
    generator = np.random.default_rng(seed)
    return ["".join(row) for row in generator.choice(list(letters), (count, length))]


def mutated(sequence: str, places: range, letters: str) -> str:
    """The sequence with another letter at each of the places."""
    other = {letter: letters[(letters.index(letter) + 7) % len(letters)] for letter in letters}
    return "".join(other[c] if i in places else c for i, c in enumerate(sequence))


PROTEINS = random_sequences(12, 120, AMINO_ACIDS, seed=1)
GENES = random_sequences(12, 300, "ACGT", seed=2)


def proteins(sequences: list[str], prefix: str = "p") -> Entries:
    return Entries("protein", [f"{prefix}{i}" for i in range(len(sequences))], sequences)


def test_the_nearest_protein_of_a_planted_kin_is_its_parent_with_the_identity_by_hand() -> None:
    kin = mutated(PROTEINS[4], range(5, 115, 5), AMINO_ACIDS)  # 22 of 120 differ
    stranger = random_sequences(1, 120, AMINO_ACIDS, seed=99)[0]
    table = nearest(
        Entries("protein", ["kin", "stranger", "copy"], [kin, stranger, PROTEINS[7]]),
        proteins(PROTEINS),
    )
    assert table["query"].tolist() == ["kin", "stranger", "copy"]
    assert table["reference"][0] == "p4"
    assert table["identity"][0] == pytest.approx(98 / 120, abs=0.02)
    assert table["coverage"][0] > 0.95
    assert table.iloc[1, 1:].isna().all()
    assert table.iloc[2, 1:].tolist() == ["p7", 1.0, 1.0, 0.0]


def test_coverage_is_the_aligned_share_of_the_query() -> None:
    padded = random_sequences(1, 120, AMINO_ACIDS, seed=5)[0] + PROTEINS[0]
    table = nearest(Entries("protein", ["half"], [padded]), proteins(PROTEINS))
    assert table["reference"][0] == "p0"
    assert table["coverage"][0] == pytest.approx(0.5, abs=0.05)


def test_dna_is_found_on_both_strands() -> None:
    kin = mutated(reverse_complement(GENES[3]), range(0, 300, 20), "ACGT")  # 15 of 300 differ
    reference = Entries("dna", [f"g{i}" for i in range(12)], GENES)
    query = Entries("dna", ["copy", "kin"], [reverse_complement(GENES[8]), kin])
    table = nearest(query, reference)
    assert table["reference"].tolist() == ["g8", "g3"]
    assert table["identity"][0] == 1
    assert table["identity"][1] == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("sequence", ["MK", "Q" * 60, "X" * 30])
def test_an_exact_copy_is_found_where_a_search_passes_over_it(sequence: str) -> None:
    assert search([sequence], [sequence], "protein").empty
    table = nearest(Entries("protein", ["q"], [sequence]), Entries("protein", ["r"], [sequence]))
    assert table["identity"].tolist() == [1.0]


def test_hostile_ids_come_back_as_they_were() -> None:
    ids = ["$(touch x)", "a b\tc", ">", "", "007", "NA"]
    kin = [mutated(s, range(10, 110, 10), AMINO_ACIDS) for s in PROTEINS[:6]]
    table = nearest(Entries("protein", ids, kin), Entries("protein", ids, PROTEINS[:6]))
    assert table["query"].tolist() == ids
    assert table["reference"].tolist() == ids


def test_the_search_says_the_same_twice_and_with_two_threads() -> None:
    kin = [mutated(s, range(0, 120, 4), AMINO_ACIDS) for s in PROTEINS]
    once = nearest(proteins(kin, "q"), proteins(PROTEINS))
    assert once["reference"].tolist() == [f"p{i}" for i in range(12)]
    assert once.equals(nearest(proteins(kin, "q"), proteins(PROTEINS), threads=2))


def test_nothing_to_search_gives_empty_answers() -> None:
    nobody = proteins([])
    assert nearest(nobody, proteins(PROTEINS)).empty
    table = nearest(proteins(PROTEINS[:1]), nobody)
    assert table["reference"].isna().all()


def test_the_nearest_molecule_has_the_highest_tanimoto_coefficient() -> None:
    reference = Entries("molecule", ["ethanol", "propanol", "benzene"], ["CCO", "CCCO", "c1ccccc1"])
    query = Entries("molecule", ["butanol", "copy"], ["CCCCO", "CCO"])
    table = nearest(query, reference)
    assert table["reference"].tolist() == ["propanol", "ethanol"]
    assert table["identity"][1] == 1
    assert 0.4 < table["identity"][0] < 1
    assert table["coverage"].isna().all()


def test_of_stereoisomers_the_same_one_is_nearest() -> None:
    isomers = ["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"]
    table = nearest(
        Entries("molecule", ["q"], isomers[1:]), Entries("molecule", ["l", "d"], isomers)
    )
    assert table["reference"].tolist() == ["d"]


def test_an_mmseqs_that_the_processor_cannot_run_is_a_user_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "mmseqs"
    program.write_text("#!/bin/sh\nkill -ILL $$\n")
    program.chmod(0o755)
    monkeypatch.setenv("MMSEQS2_PATH", str(program))
    with pytest.raises(UserError, match="MMSEQS2_PATH"):
        search(["MKT"], ["MKT"], "protein")


def test_a_failing_mmseqs_crashes_with_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "mmseqs"
    program.write_text("#!/bin/sh\necho no space left >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(similarity, "get_mmseqs_binary", lambda: str(program))
    with pytest.raises(RuntimeError, match="no space left"):
        search(["MKT"], ["MKT"], "protein")
