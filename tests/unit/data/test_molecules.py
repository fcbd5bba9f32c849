from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from bioseq_lstm.data.alphabets import SMILES
from bioseq_lstm.data.molecules import (
    atom_symbols,
    atoms_of_letters,
    canonical_smiles,
    fingerprints,
    read_molecules,
    substructures,
    tanimoto,
)
from bioseq_lstm.errors import UserError

Write = Callable[[str, str], Path]

IMATINIB = "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1"
GEFITINIB = "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1"
ERLOTINIB = "C#Cc1cccc(Nc2ncnc3cc(OCCOC)c(OCCOC)cc23)c1"
ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def one(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return one


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("d.tsv", "drug\tSMILES\nNA\tOCC\n007\tC(C)O\n"),
        ("d.csv", "smiles,x,Ligand_ID\r\nOCC,1,NA\r\nC(C)O,2,007\r\n"),
        ("d.smi", "OCC NA\nC(C)O\t007\n"),
        ("d.smi", "SMILES Name\n\nOCC NA\nC(C)O 007\n"),
        ("d.txt", "OCC NA\nC(C)O 007\n"),
        ("d.txt", "id\tsmiles\nNA\tOCC\n007\tC(C)O\n"),
    ],
)
def test_tables_and_lists_give_canonical_molecules(write: Write, name: str, text: str) -> None:
    found = read_molecules(write(name, text))
    assert [(r.id, r.sequence, r.description) for r in found.records] == [
        ("NA", "CCO", "OCC"),
        ("007", "CCO", "C(C)O"),
    ]
    assert (found.refusals, found.notes) == ([], {})


def test_a_list_without_names_calls_molecules_after_their_line(write: Write) -> None:
    found = read_molecules(write("d.smi", "\nCCO\nCCN ethyl amine\n"))
    assert [(r.id, r.line) for r in found.records] == [("line2", 2), ("ethyl amine", 3)]
    assert found.notes == {"molecules without a name, called after their line": 1}


def test_a_list_may_have_one_header_and_no_more(write: Write) -> None:
    found = read_molecules(write("d.txt", "smiles\nCCO\nsmiles\n"))
    assert [record.sequence for record in found.records] == ["CCO"]
    assert [refusal.line for refusal in found.refusals] == [3]


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("C1CC", "RDKit: SMILES Parse Error: unclosed ring for input: 'C1CC'"),
        ("CX", "RDKit: SMILES Parse Error: syntax error while parsing: CX"),
        ("F(C)C", "RDKit: Explicit valence for atom # 0 F, 2, is greater than permitted"),
        ("", "no SMILES"),
        ("*CC", "a wildcard atom (*) stands for no atom in particular"),
        ("C" * 41, "41 characters are more than max_length 40"),
    ],
)
def test_what_is_no_molecule_is_refused_with_line_and_reason(
    write: Write, smiles: str, reason: str
) -> None:
    path = write("d.tsv", f"id\tsmiles\ngood\tCCO\nbad\t{smiles}\n")
    found = read_molecules(path, max_length=40)
    assert [record.id for record in found.records] == ["good"]
    assert [(r.file, r.line, r.record, r.reason) for r in found.refusals] == [
        (str(path), 3, "bad", reason)
    ]


@pytest.mark.parametrize("name", ["", "a\x1bb"])
def test_a_molecule_without_a_printable_id_is_refused(write: Write, name: str) -> None:
    found = read_molecules(write("d.tsv", f"id\tsmiles\ngood\tCCO\n{name}\tCCO\n"))
    assert [(r.line, r.record) for r in found.refusals] == [(3, name)]


def test_rdkit_says_nothing_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    for smiles in ("C1CC", "F(C)C", "[HH]", "not"):
        try:
            canonical_smiles(smiles, Counter())
        except Exception as refused:
            assert "RDKit" in str(refused)
    assert capfd.readouterr() == ("", "")
    # Afterwards RDKit talks to others as before.
    assert Chem.MolFromSmiles("C1CC") is None
    assert "unclosed ring" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("salt", "kept"),
    [
        ("CC(=O)[O-].[Na+]", "CC(=O)[O-]"),
        (f"Cl.{IMATINIB}", IMATINIB),
        ("CO.F[P-](F)(F)(F)(F)F", "CO"),
    ],
)
def test_of_salts_and_mixtures_the_largest_fragment_stays(salt: str, kept: str) -> None:
    notes: Counter[str] = Counter()
    assert canonical_smiles(salt, notes) == Chem.CanonSmiles(kept)
    assert notes == {"salts and mixtures, largest fragment kept": 1}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("d.tsv", "id\tstructure\na\tCC\n", "{}, line 1: no column for the SMILES "
         "(smiles, canonical_smiles, isomeric_smiles, compound_iso_smiles); it has: id, structure"),
        ("d.tsv", "id\tsmiles\n", "{}: holds no molecule"),
        ("d.smi", "", "{}: the file is empty"),
        ("d.smi", "smiles name\n", "{}: holds no molecule"),
        ("d.smi", "CCO a\nCCN a\n", "{0}, line 2: record 'a' differs from the one of the same id "
         "in {0}, line 1: rename or remove one of them"),
    ],
)  # fmt: skip
def test_a_wrong_file_of_molecules_stops_with_one_line(
    write: Write, name: str, text: str, message: str
) -> None:
    path = write(name, text)
    with pytest.raises(UserError) as error:
        read_molecules(path)
    assert str(error.value) == message.format(path)


def test_one_molecule_written_in_two_ways_under_one_id_is_taken_once(write: Write) -> None:
    found = read_molecules(write("d.smi", "CCO a\nOCC a\n"))
    assert len(found.records) == 1
    assert found.notes == {"records that repeat an earlier one word for word, left out": 1}


def test_tanimoto_is_that_of_rdkit() -> None:
    drugs = [IMATINIB, GEFITINIB, ERLOTINIB, ASPIRIN]
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    vectors = [generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in drugs]
    wanted = [DataStructs.BulkTanimotoSimilarity(vector, vectors) for vector in vectors]
    found = fingerprints(drugs)
    assert found.shape == (4, 2048) and found.dtype == bool
    similarity = tanimoto(found, found)
    assert similarity.dtype == np.float32
    np.testing.assert_allclose(similarity, wanted, atol=1e-7)
    np.testing.assert_array_equal(tanimoto(found[:1], found), similarity[:1])


def test_tanimoto_of_bits_counted_by_hand() -> None:
    a = np.array([[1, 1, 0, 0], [0, 0, 0, 0]], bool)
    b = np.array([[1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]], bool)
    np.testing.assert_allclose(tanimoto(a, b), [[1 / 3, 1, 0], [0, 0, 0]], atol=1e-7)


@pytest.mark.parametrize(
    ("smiles", "owners", "named"),
    [
        ("CC(=O)N", "0111223", "1100101"),
        ("C[C@@H](Cl)Br", "0111111223", "1111110101"),
        ("c1cc[nH]c1", "0012333344", "1011111110"),
    ],
)
def test_letters_of_a_smiles_belong_to_the_atoms_that_rdkit_counts(
    smiles: str, owners: str, named: str
) -> None:
    letters = [SMILES.decode(code[None]) for code in SMILES.encode(smiles)]
    found, own = atoms_of_letters(letters)
    assert "".join(map(str, found)) == owners
    assert "".join(str(int(name)) for name in own) == named
    for atom, symbol in enumerate(atom_symbols(smiles)):
        text = "".join(letters[place] for place in np.flatnonzero(own & (found == atom)))
        assert symbol.lower() in text.lower()


def test_substructures_are_the_bits_of_the_fingerprint_with_their_atoms() -> None:
    smiles = "CCO"
    found = substructures(smiles)
    assert set(found) == set(np.flatnonzero(fingerprints([smiles])[0]))
    around = {atoms for places in found.values() for atoms in places}
    # Radius 0: each atom; radius 1: its neighbours with it (both ends the same three or two).
    assert {frozenset({0}), frozenset({1}), frozenset({2}), frozenset({0, 1, 2})} <= around
