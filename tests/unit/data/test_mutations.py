from __future__ import annotations

import pytest

from bioseq_lstm.data.mutations import (
    APPLIED,
    DOMAIN,
    MISFIT,
    PHOSPHORYLATION,
    SHIFTED,
    UNKNOWN,
    apply_mutations,
    mutate,
    read_name,
    shift_of,
)
from bioseq_lstm.data.records import Record

#           123456789012
SEQUENCE = "MEFTGLKDWVSA"


def mutant(name: str) -> str:
    return mutate(SEQUENCE, read_name(name).changes)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("X(F3I)", "MEITGLKDWVSA"),
        ("X(F3I)p", "MEITGLKDWVSA"),
        ("X(F3I)-nonphosphorylated", "MEITGLKDWVSA"),
        ("X(F3IK7R)", "MEITGLRDWVSA"),
        ("X(F3I-K7R)", "MEITGLRDWVSA"),
        ("X(T4K7del)", "MEFDWVSA"),
        ("X(T4-K7del)", "MEFDWVSA"),
        ("X(T4K7del,V10A)", "MEFDWASA"),
        ("X(KinDom2S11G)", "MEFTGLKDWVGA"),
        ("X", SEQUENCE),
    ],
)
def test_a_name_is_put_into_the_sequence(name, expected) -> None:
    assert mutant(name) == expected


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("ABL1(F317I)p", (PHOSPHORYLATION,)),
        ("ABL1(F317I)-nonphosphorylated", (PHOSPHORYLATION,)),
        ("ABL1-phosphorylated", (PHOSPHORYLATION,)),
        ("JAK1(JH1domain-catalytic)", (DOMAIN,)),
        ("RPS6KA4(KinDom.1-N-terminal)", (DOMAIN,)),
        ("GCN2(KinDom2S808G)", (DOMAIN,)),
        ("FLT3(ITD)", (UNKNOWN,)),
        ("PFPK5(Pfalciparum)", (UNKNOWN,)),
        ("CDK4-cyclinD1", ()),
        ("KIT(V559D-T670I)", ()),
    ],
)
def test_what_changes_nothing_is_recognised(name, marks) -> None:
    assert read_name(name).marks == marks


def test_a_closing_p_is_phosphorylation_only_where_the_name_without_it_stands() -> None:
    assert read_name("ABL1p", {"ABL1", "ABL1p"}).marks == (PHOSPHORYLATION,)
    assert read_name("Ickap", {"Ickap"}).marks == ()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("X(G3I)", "F stands at 3, not G"),
        ("X(F3I-W90A)", "nothing stands at 90, not W"),
        ("X(T4L7del)", "K stands at 7, not L"),
        ("X(F0I)", "nothing stands at 0, not F"),
    ],
)
def test_a_letter_that_is_not_wild_type_is_no_place_to_mutate(name, reason) -> None:
    with pytest.raises(ValueError, match=reason):
        mutant(name)


ISOFORM = "MWWP" + SEQUENCE  # counts four more


def test_mutants_that_all_count_along_another_isoform_are_put_where_all_fit() -> None:
    names = ["X(F3I)", "X(T4A)", "X(K7RW9A)"]
    records, notes = apply_mutations([Record(name, ISOFORM, "f", 1) for name in names])
    assert [record.sequence[4:] for record in records] == [
        *("MEITGLKDWVSA", "MEFAGLKDWVSA", "MEFTGLRDAVSA"),
    ]
    assert notes == {APPLIED: 3, f"{SHIFTED}: X(F3I) (+4), X(T4A) (+4), X(K7RW9A) (+4)": 3}


@pytest.mark.parametrize(
    ("sequence", "wild"),
    [
        (SEQUENCE, [(3, "F"), (4, "T"), (7, "K"), (9, "W")]),  # fits as it is
        (ISOFORM, [(3, "F"), (4, "T"), (7, "K")]),  # too few to tell
        (ISOFORM + SEQUENCE, [(3, "F"), (4, "T"), (7, "K"), (9, "W")]),  # fits twice
        (ISOFORM, [(3, "F"), (4, "T"), (7, "K"), (9, "V")]),  # fits nowhere
    ],
)
def test_there_is_no_shift_where_chance_cannot_be_ruled_out(sequence, wild) -> None:
    assert shift_of(sequence, wild) == 0


def test_everything_is_counted_and_what_was_not_applied_is_named() -> None:
    names = ["X", "X(F3I)", "X(F3IG4A)", "X(F3L)p", "X(JH2domain)", "X(ITD)", "Xp"]
    records, notes = apply_mutations([Record(name, SEQUENCE, "f", 1) for name in names])
    assert [r.sequence for r in records] == [
        *(SEQUENCE, "MEITGLKDWVSA", SEQUENCE, "MELTGLKDWVSA"),
        *(SEQUENCE, SEQUENCE, SEQUENCE),
    ]
    assert notes == {
        APPLIED: 2,
        f"{MISFIT}: X(F3IG4A) (T stands at 4, not G)": 1,
        f"{PHOSPHORYLATION}: X(F3L)p, Xp": 2,
        f"{DOMAIN}: X(JH2domain)": 1,
        f"{UNKNOWN}: X(ITD)": 1,
    }
