"""Small molecules: SMILES checked and made canonical by RDKit, fingerprints, similarity."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator
from rdkit.Chem.MolStandardize.rdMolStandardize import LargestFragmentChooser

from bioseq_lstm.data.delimited import read_delimited
from bioseq_lstm.data.records import (
    DUPLICATES,
    Parsed,
    Record,
    RecordError,
    Refusal,
    printable,
    resolve_duplicates,
)
from bioseq_lstm.data.tables import DRUG_ALIASES
from bioseq_lstm.data.text import text_lines
from bioseq_lstm.errors import UserError

MAX_LENGTH = 2_000
FINGERPRINT_BITS = 2048
ID_ALIASES = (*DRUG_ALIASES, "id", "molecule_id", "chembl_id", "name")
SMILES_ALIASES = ("smiles", "canonical_smiles", "isomeric_smiles", "compound_iso_smiles")
_ORGANIC = frozenset(("Cl", "Br", *"BCNOPSFIbcnops*"))  # atoms that need no brackets
UNNAMED = "molecules without a name, called after their line"


def read_molecules(path: str | Path, *, max_length: int = MAX_LENGTH) -> Parsed[Record]:
    """Read molecules from a table with columns for id and SMILES, or from a list (.smi).

    In a list each line holds a SMILES and, after a space or tab, the id. A record's ``sequence`` is
    RDKit's canonical SMILES of the largest fragment, its ``description`` the SMILES of the file.
    What RDKit cannot read is refused with its reason. Raises UserError for a table without such
    columns and for one id with two molecules.
    """
    records: list[Record] = []
    refusals: list[Refusal] = []
    notes: Counter[str] = Counter()
    for line, name, smiles in _entries(Path(path), notes):
        try:
            _check_name(name)
            sequence = canonical_smiles(smiles, notes, max_length=max_length)
        except RecordError as reason:
            refusals.append(Refusal(str(path), line, name, str(reason)))
        else:
            records.append(Record(name, sequence, str(path), line, smiles))
    if not records and not refusals:
        raise UserError("holds no molecule", file=path)
    records, notes[DUPLICATES] = resolve_duplicates(records)
    return Parsed(records, refusals, +notes)


def canonical_smiles(smiles: str, notes: Counter[str], *, max_length: int = MAX_LENGTH) -> str:
    """Canonical SMILES of the largest fragment; adds to ``notes`` what was left out.

    Raises RecordError with RDKit's reason when it is no valid molecule.
    """
    if not smiles:
        raise RecordError("no SMILES")
    if len(smiles) > max_length:
        raise RecordError(f"{len(smiles):,} characters are more than max_length {max_length:,}")
    with _rdkit_messages() as messages:
        molecule = Chem.MolFromSmiles(smiles)
        if molecule is None:
            raise RecordError(f"RDKit: {_reason(messages)}")
        if molecule.GetNumAtoms() == 0:
            raise RecordError("a molecule without atoms")
        if any(atom.GetAtomicNum() == 0 for atom in molecule.GetAtoms()):
            raise RecordError("a wildcard atom (*) stands for no atom in particular")
        if len(Chem.GetMolFrags(molecule)) > 1:
            molecule = LargestFragmentChooser(preferOrganic=True).choose(molecule)
            notes["salts and mixtures, largest fragment kept"] += 1
        return str(Chem.MolToSmiles(molecule))


def fingerprints(smiles: Sequence[str]) -> np.ndarray:
    """Morgan fingerprints (n, 2048) bool of radius 2 (Rogers and Hahn 2010, ECFP4)."""
    generator = _generator()
    rows = np.zeros((len(smiles), FINGERPRINT_BITS), bool)
    for row, text in zip(rows, smiles, strict=True):
        row[:] = generator.GetFingerprintAsNumPy(Chem.MolFromSmiles(text))
    return rows


def _generator() -> rdFingerprintGenerator.FingerprintGenerator64:
    return rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=FINGERPRINT_BITS)


def substructures(smiles: str) -> dict[int, list[frozenset[int]]]:
    """For each bit of a molecule's fingerprint the atoms of every place where it is set."""
    molecule = Chem.MolFromSmiles(smiles)
    more = rdFingerprintGenerator.AdditionalOutput()
    more.AllocateBitInfoMap()
    _generator().GetFingerprint(molecule, additionalOutput=more)
    return {
        bit: [_environment(molecule, *place) for place in places]
        for bit, places in more.GetBitInfoMap().items()
    }


def _environment(molecule: Chem.Mol, centre: int, radius: int) -> frozenset[int]:
    """The atoms within so many bonds of one."""
    atoms = {centre}
    for bond in Chem.FindAtomEnvironmentOfRadiusN(molecule, radius, centre) if radius else ():
        ends = molecule.GetBondWithIdx(bond)
        atoms |= {ends.GetBeginAtomIdx(), ends.GetEndAtomIdx()}
    return frozenset(atoms)


def atom_symbols(smiles: str) -> list[str]:
    """The elements of a molecule's atoms, in the order of its SMILES."""
    return [atom.GetSymbol() for atom in Chem.MolFromSmiles(smiles).GetAtoms()]


def atoms_of_letters(letters: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The atom that each letter of a SMILES belongs to, and whether the letter names it.

    ``letters`` are those of the alphabet: ``Cl`` is one, brackets are read letter by letter, and
    all that stands in them names their atom. Bonds, branches and rings belong to the atom before.
    """
    owners, names = [], []
    atom, bracket = -1, False
    for letter in letters:
        opens = letter == "["
        if opens or (not bracket and letter in _ORGANIC):
            atom += 1
        names.append(bracket or opens or letter in _ORGANIC)
        bracket = opens or (bracket and letter != "]")
        owners.append(max(atom, 0))
    return np.array(owners), np.array(names)


def tanimoto(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Tanimoto similarity (n, m) float32 of fingerprints (n, bits) and (m, bits).

    Shared bits over bits in either; 0 where neither has a bit.
    """
    # Counts up to 2048 are exact in float32, and a matrix product is the fastest way to them.
    left, right = a.astype(np.float32), b.astype(np.float32)
    shared = left @ right.T
    either = left.sum(axis=1)[:, None] + right.sum(axis=1)[None, :] - shared
    similarity: np.ndarray = shared / np.maximum(either, 1)
    return similarity


def _entries(path: Path, notes: Counter[str]) -> Iterator[tuple[int, str, str]]:
    """Line, id and SMILES of every molecule in a table or a list."""
    first = next((line for line in text_lines(path) if not line.isspace()), "")
    words = {word.strip(' #\n"').casefold() for word in re.split("[\t,;]", first)}
    named_as_list = bool({".smi", ".smiles"} & {suffix.casefold() for suffix in path.suffixes})
    named_as_table = bool({".tsv", ".csv"} & {suffix.casefold() for suffix in path.suffixes})
    if not named_as_list and (named_as_table or (len(words) > 1 and words & set(SMILES_ALIASES))):
        return _table_entries(path)
    return _list_entries(path, notes)


def _table_entries(path: Path) -> Iterator[tuple[int, str, str]]:
    table = read_delimited(path)
    name = table.column("id", ID_ALIASES)
    smiles = table.column("SMILES", SMILES_ALIASES)
    return ((line, cells[name], cells[smiles]) for line, cells in table.rows)


def _list_entries(path: Path, notes: Counter[str]) -> Iterator[tuple[int, str, str]]:
    header_may_follow = True
    for number, line in enumerate(text_lines(path), start=1):
        smiles, _, name = line.strip().replace("\t", " ").partition(" ")
        if not smiles:
            continue
        header = header_may_follow and smiles.casefold() in SMILES_ALIASES
        header_may_follow = False
        if header:
            continue
        if not name.strip():
            notes[UNNAMED] += 1
        yield number, name.strip() or f"line{number}", smiles


def _check_name(name: str) -> None:
    if not name:
        raise RecordError("the molecule has no id")
    if not name.isprintable():
        raise RecordError("the id holds a character that cannot be printed")


@contextmanager
def _rdkit_messages() -> Iterator[list[str]]:
    """Collect what RDKit would print to the terminal."""
    messages: list[str] = []
    collector = logging.Handler()
    collector.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("rdkit")
    handlers, logger.handlers = logger.handlers, [collector]
    propagate, logger.propagate = logger.propagate, False
    rdBase.LogToPythonLogger()
    try:
        yield messages
    finally:
        rdBase.LogToCppStreams()
        logger.handlers, logger.propagate = handlers, propagate


def _reason(messages: Sequence[str]) -> str:
    """The first of RDKit's messages in one short line, without time stamps and repetition."""
    lines = [line for message in messages for line in message.splitlines() if line.strip()]
    first = re.sub(r"^\[[\d:]+\]\s*", "", lines[0]) if lines else "not a valid SMILES"
    return printable(first)[:160]
