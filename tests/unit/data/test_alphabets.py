from __future__ import annotations

import numpy as np
import pytest
from Bio.Seq import Seq
from hypothesis import given
from hypothesis import strategies as st

from bioseq_lstm.data.alphabets import DNA, DSSP8, PROTEIN, SMILES, Alphabet, reverse_complement

SINGLE = [PROTEIN, DNA, DSSP8]


@pytest.mark.parametrize("alphabet", [*SINGLE, SMILES], ids=lambda a: a.name)
def test_codes_run_from_one_in_the_order_of_the_letters_and_leave_zero_to_padding(
    alphabet: Alphabet,
) -> None:
    codes = [int(alphabet.encode(letter)[0]) for letter in alphabet.letters]
    assert codes == list(range(1, len(alphabet.letters) + 1))
    assert alphabet.unknown_code == len(alphabet.letters) + 1
    assert alphabet.size == len(alphabet.letters) + 2 <= 256


@pytest.mark.parametrize("alphabet", [*SINGLE, SMILES], ids=lambda a: a.name)
def test_decoding_gives_the_text_back(alphabet: Alphabet) -> None:
    @given(st.lists(st.sampled_from(alphabet.letters)).map("".join))
    def check(text: str) -> None:
        assert alphabet.decode(alphabet.encode(text)) == text

    check()


@pytest.mark.parametrize(
    ("alphabet", "text", "read_as"),
    [
        (PROTEIN, "ACBJOUXZ*a", "ACXXXXXXXX"),
        (DNA, "ACGTURYN", "ACGTTNNN"),
        (DSSP8, "HBEGITSC", "HBEGITSC"),
        (DSSP8, "- LC~P", "CCCCCC"),
        (DSSP8, ".?X", "..."),
        (PROTEIN, "AéC", "AXC"),
    ],
)
def test_other_letters_are_read_as_the_alphabet_says(
    alphabet: Alphabet, text: str, read_as: str
) -> None:
    assert alphabet.decode(alphabet.encode(text)) == read_as


@pytest.mark.parametrize("alphabet", [DNA, SMILES], ids=lambda a: a.name)
def test_many_texts_at_once_are_encoded_as_each_alone(alphabet: Alphabet) -> None:
    texts = ["CCN", "", "NOC"]
    together = alphabet.encode_all(texts)
    assert [codes.tolist() for codes in together] == [alphabet.encode(t).tolist() for t in texts]
    assert together.codes.dtype == np.uint8
    assert len(alphabet.encode_all([])) == 0


def test_atoms_of_two_characters_are_one_letter_of_smiles() -> None:
    assert SMILES.tokens("C[C@@H](Cl)Br") == [*"C[C", "@@", *"H](", "Cl", ")", "Br"]
    assert SMILES.unknown_code not in SMILES.encode("[Na+].[nH]1cc/C=C\\c%12[13C@H]1#N")


@pytest.mark.parametrize("wrong", [0, 22])
def test_padding_and_codes_out_of_range_are_not_decoded(wrong: int) -> None:
    with pytest.raises(ValueError, match="codes of protein lie between 1 and 21"):
        PROTEIN.decode(np.array([1, wrong]))


@given(st.text("ACGTRYSWKMBDHVNacgtn"))
def test_reverse_complement_is_that_of_biopython(sequence: str) -> None:
    assert reverse_complement(sequence) == str(Seq(sequence).reverse_complement())
