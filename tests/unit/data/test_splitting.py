"""Splits: whole groups, each tested once, sizes near what was asked, the same for the same seed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_entries import all_pairs, drugs, genes, given_words, targets

from bioseq_lstm.data.alphabets import reverse_complement
from bioseq_lstm.data.assignment import PARTS, assign, folds_of
from bioseq_lstm.data.similarity import Entries
from bioseq_lstm.data.splitting import (
    SplitSettings,
    split_around_test,
    split_pairs,
    split_records,
)
from bioseq_lstm.errors import UserError

FRACTIONS = (0.7, 0.15, 0.15)


def sides_of(table: pd.DataFrame, group: str, fold: str = "fold0") -> int:
    """The largest number of parts (unused apart) that one group lies in."""
    used = table[table[fold] != "unused"]
    return int(used.groupby(group)[fold].nunique().max())


# Six groups or more, none above a quarter of all: one that is larger may be a fold by itself, and
# what another fold leaves cannot be shared out then.
grouped = st.lists(st.integers(0, 30), min_size=1, max_size=200).filter(
    lambda names: len(set(names)) >= 6 and 4 * max(Counter(names).values()) <= len(names)
)


@given(grouped, st.integers(2, 5), st.integers(0, 3))
def test_over_the_folds_each_group_is_tested_once_and_never_on_two_sides(
    names: list[int], folds: int, seed: int
) -> None:
    groups = np.array(names)
    tested: Counter[int] = Counter()
    for parts in folds_of(groups, FRACTIONS, folds, seed):
        sides = {group: set(parts[groups == group]) for group in set(names)}
        assert all(len(parts_of_group) == 1 for parts_of_group in sides.values())
        assert set(parts) == set(PARTS)
        tested.update(group for group, side in sides.items() if side == {"test"})
    assert tested == Counter(set(names))


@given(st.lists(st.integers(1, 9), min_size=3, max_size=60), st.integers(0, 3))
def test_each_part_misses_its_share_by_no_more_than_the_largest_group(
    sizes: list[int], seed: int
) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    part = assign(groups, FRACTIONS, np.random.default_rng(seed))
    filled = np.bincount(part, minlength=3)
    assert (filled > 0).all()
    if len(sizes) > 20:
        wanted = np.array(FRACTIONS) * len(groups)
        assert (np.abs(filled - wanted) <= 2 * max(sizes)).all()


def test_a_group_of_half_the_samples_leaves_a_fold_of_two_without_validation() -> None:
    groups = np.array([0, 1, 2, 2, 2, 2, 2, 3, 4, 5])
    with pytest.raises(UserError, match="the validation part is empty: 10 samples lie in 6 groups"):
        list(folds_of(groups, FRACTIONS, 2, seed=0))


def test_three_groups_of_unlike_size_fill_three_parts() -> None:
    groups = np.repeat([0, 1, 2], [90, 5, 5])
    (parts,) = folds_of(groups, FRACTIONS, 1, seed=0)
    assert Counter(parts)["train"] == 90
    assert Counter(parts)["validation"] == Counter(parts)["test"] == 5


def test_the_same_seed_splits_the_same_and_another_seed_otherwise() -> None:
    positions = pd.DataFrame({"start": np.arange(200) * 1_000})
    tables = [
        split_records(SplitSettings("group", seed=seed, block_length=4_000), genes(200), positions)
        for seed in (1, 1, 2)
    ]
    assert tables[0].equals(tables[1])
    assert (tables[0]["fold0"] != tables[2]["fold0"]).any()


def test_random_splits_go_by_record_but_keep_copies_together() -> None:
    some = genes(100)
    copies = [reverse_complement(some.sequences[0]), *some.sequences[1:4]]
    entries = Entries("dna", [*some.ids, "a", "b", "c", "d"], [*some.sequences, *copies])
    for seed in range(5):
        table = split_records(SplitSettings("random", seed=seed), entries)
        assert table["group"].nunique() == 100
        assert sides_of(table, "group") == 1
        assert table["fold0"].value_counts()["test"] == pytest.approx(15, abs=3)


def parent_and_mutant(count: int) -> Entries:
    """Each protein twice, the second time with four residues cut out."""
    parents = targets(count).sequences
    mutants = [s[:20] + s[24:] for s in parents]
    return Entries("protein", [f"p{i}" for i in range(2 * count)], [*parents, *mutants])


@pytest.mark.parametrize("strategy", ["random", "given"])
def test_relatives_are_one_unit_of_resampling_however_the_parts_are_drawn(strategy: str) -> None:
    words = pd.DataFrame({"set": [*["train"] * 20, *["validation"] * 5, *["test"] * 15]})
    asked = SplitSettings(strategy, column="set", identity=0.8)  # type: ignore[arg-type]
    table = split_records(asked, parent_and_mutant(20), words)
    assert table["group"].tolist() == [*range(20), *range(20)]
    assert list(table.columns) == ["id", "group", "fold0"]
    assert sides_of(table, "group") > 1  # relatives may lie on both sides of these splits


@pytest.mark.parametrize("strategy", ["random", "given", "homology"])
def test_genes_with_positions_are_resampled_by_blocks_of_the_chromosome(strategy: str) -> None:
    entries = genes(40)
    entries = Entries("dna", entries.ids, [*entries.sequences[:39], entries.sequences[0]])
    annotations = pd.DataFrame(
        {"start": np.arange(40) * 1_000, "set": ["train", "test", "dev", "train"] * 10}
    )
    annotations.loc[39, "set"] = "train"
    asked = SplitSettings(strategy, column="set", block_length=10_000)  # type: ignore[arg-type]
    blocks = split_records(asked, entries, annotations)["group"]
    # The last gene is a copy of the first, so their blocks are one unit.
    assert blocks.tolist() == np.repeat([0, 1, 2, 0], 10).tolist()
    annotations.loc[5, "start"] = None
    clusters = split_records(asked, entries, annotations)["group"]
    assert clusters.tolist() == [*range(39), 0]


def test_random_pairs_of_equal_drug_and_equal_target_share_a_part() -> None:
    drug, target = drugs(12), targets(6)
    twin_drugs = Entries("molecule", [*drug.ids, "twin"], [*drug.sequences, drug.sequences[0]])
    twin_targets = Entries(
        "protein", [*target.ids, "twin"], [*target.sequences, *target.sequences[:1]]
    )
    pairs = all_pairs(twin_drugs, twin_targets)
    for seed in range(10):
        table = split_pairs(SplitSettings("random", seed=seed), pairs, twin_drugs, twin_targets)
        table["copy"] = table["drug"].replace("twin", "d0") + table["target"].replace("twin", "t0")
        assert sides_of(table, "copy") == 1
        assert table["fold0"].value_counts()["test"] == pytest.approx(0.15 * len(pairs), abs=5)


def test_homology_keeps_mutants_with_their_parent() -> None:
    asked = SplitSettings("homology", identity=0.8, folds=3)
    table = split_records(asked, parent_and_mutant(30))
    group = table["group"].to_numpy()
    assert (group[:30] == group[30:]).all()
    assert len(set(group)) == 30
    for fold in ("fold0", "fold1", "fold2"):
        assert sides_of(table, "group", fold) == 1
    assert (table.filter(like="fold") == "test").sum(axis=1).eq(1).all()


def test_a_column_groups_and_copies_join_its_groups() -> None:
    entries = genes(6)
    entries = Entries("dna", entries.ids, [*entries.sequences[:5], entries.sequences[0]])
    families = pd.DataFrame({"family": ["a", "b", "c", "d", "e", "b"]})
    table = split_records(SplitSettings("group", column="family"), entries, families)
    assert table["group"].tolist() == [0, 0, 1, 2, 3, 0]


@pytest.mark.parametrize("cold, unseen", [("drugs", ["drug"]), ("targets", ["target"])])
def test_cold_on_one_side_leaves_nothing_of_it_on_both_sides(cold: str, unseen: list[str]) -> None:
    pairs = all_pairs(drugs(30), targets(12))
    settings_ = SplitSettings("cold", cold=cold, folds=3)  # type: ignore[arg-type]
    table = split_pairs(settings_, pairs, drugs(30), targets(12))
    assert table[["drug", "target"]].equals(pairs)
    for fold in ("fold0", "fold1", "fold2"):
        assert set(table[fold]) == set(PARTS)
        assert all(sides_of(table, column, fold) == 1 for column in unseen)
        assert all(sides_of(table, f"{column}_group", fold) == 1 for column in unseen)
    assert (table.filter(like="fold") == "test").sum(axis=1).eq(1).all()


def test_cold_on_both_sides_does_not_use_pairs_that_straddle() -> None:
    pairs = all_pairs(drugs(30), targets(12))
    fractions = (0.5, 0.25, 0.25)
    settings_ = SplitSettings("cold", cold="both", fractions=fractions)
    table = split_pairs(settings_, pairs, drugs(30), targets(12))
    assert sides_of(table, "drug") == sides_of(table, "target") == 1
    counts = table["fold0"].value_counts()
    assert counts["unused"] == len(table) - counts["train"] - counts["validation"] - counts["test"]
    # of a full matrix .5² + .25² + .25² lies in the blocks on the diagonal
    assert counts["unused"] / len(table) == pytest.approx(1 - 0.375, abs=0.1)


def test_alike_drugs_share_a_group() -> None:
    smiles = ["CC(=O)Oc1ccccc1C(=O)O", "CC(=O)Oc1ccccc1C(=O)OC", "CCN", "CCN", "c1ccncc1", "CCl"]
    entries = Entries("molecule", list("abcdef"), smiles)
    table = split_pairs(
        SplitSettings("cold", tanimoto=0.6), all_pairs(entries, targets(4)), entries, targets(4)
    )
    group = table.drop_duplicates("drug").set_index("drug")["drug_group"]
    assert group["a"] == group["b"]
    assert group["c"] == group["d"]
    assert group.nunique() == 4


def noisy(sequence: str, share: float, seed: int) -> str:
    """The sequence with ``share`` of its residues replaced by others."""
    generator = np.random.default_rng(seed)
    letters = list("ACDEFGHIKLMNPQRSTVWY")
    changed = set(generator.permutation(len(sequence))[: round(share * len(sequence))].tolist())
    return "".join(
        str(generator.choice([x for x in letters if x != c])) if i in changed else c
        for i, c in enumerate(sequence)
    )


def around_test() -> tuple[Entries, np.ndarray]:
    """30 strangers, kin of the two test chains (a copy, 20 % changed, a fragment), the tests."""
    strangers = targets(30, seed=5).sequences
    one, two = (texts * 3 for texts in targets(2, seed=6).sequences)
    kin = [one, noisy(one, 0.2, 1), two[20:110]]
    sequences = [*strangers, *kin, one, two]
    tested = np.arange(len(sequences)) >= 33
    return Entries("protein", [f"c{i}" for i in range(35)], sequences), tested


@pytest.mark.parametrize("strategy", ["homology", "random"])
def test_kin_of_an_external_test_set_are_put_aside_and_strangers_are_shared_out(
    strategy: str,
) -> None:
    entries, tested = around_test()
    how = SplitSettings(strategy, fractions=(0.6, 0.2, 0.2))  # type: ignore[arg-type]
    table = split_around_test(how, entries, pd.DataFrame(index=range(35)), tested)
    assert table["id"].tolist() == list(entries.ids)
    assert table["fold0"][30:33].tolist() == ["unused"] * 3
    assert table["fold0"][33:].tolist() == ["test", "test"]
    assert Counter(table["fold0"][:30]) == pytest.approx({"train": 22, "validation": 8}, abs=1)
    assert table["group"].nunique() == 35  # nobody who is left is kin of anybody


def test_how_alike_is_too_alike_can_be_said() -> None:
    entries, tested = around_test()
    how = SplitSettings("random", identity=0.9, coverage=0.95)
    table = split_around_test(how, entries, pd.DataFrame(index=range(35)), tested)
    assert table["fold0"][30] == "unused"  # the copy
    assert table["fold0"][31] != "unused"  # 80 % alike
    assert table["fold0"][32] == "unused"  # all of the fragment lies in the test chain


def test_a_column_may_share_out_what_stands_beside_an_external_test_set() -> None:
    entries, tested = around_test()
    words = ["train"] * 20 + ["val"] * 5 + ["unused"] * 5 + ["train"] * 3 + [None] * 2
    how = SplitSettings("given", column="set")
    table = split_around_test(how, entries, given_words(*words), tested)
    assert Counter(table["fold0"]) == {"train": 20, "validation": 5, "unused": 8, "test": 2}
    words[3] = "test"
    with pytest.raises(UserError, match=r"known: train, validation, unused; what is tested stands"):
        split_around_test(how, entries, given_words(*words), tested)


def test_nothing_left_beside_an_external_test_set_is_said() -> None:
    chains = targets(2)
    entries = Entries("protein", ["a", "b"], [chains.sequences[0]] * 2)
    with pytest.raises(UserError, match=r"all 1 records to learn from are similar"):
        split_around_test(
            SplitSettings("homology"), entries, pd.DataFrame(index=[0, 1]), np.array([False, True])
        )


FAULTS = {
    "too few groups for the folds": (
        SplitSettings("group", column="set", folds=3),
        given_words("a", "a", "b"),
        "3 folds need as many groups, and there are 2",
    ),
    "too few groups for three parts": (
        SplitSettings("group", column="set"),
        given_words("a", "a", "b"),
        "part is empty: 3 samples lie in 2 groups, the largest of 2",
    ),
    "no positions": (
        SplitSettings("group"),
        given_words("a", "b", "c"),
        "needs a `column`, or a table of annotations",
    ),
    "a position is missing": (
        SplitSettings("group"),
        pd.DataFrame({"start": [1, None, 3]}),
        "record 'g1' has no position (start)",
    ),
    "cold without pairs": (
        SplitSettings("cold"),
        None,
        "'cold' is for pairs of drug and target: use 'homology'",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_split_that_cannot_be_made_says_why(name: str) -> None:
    asked, annotations, message = FAULTS[name]
    with pytest.raises(UserError) as caught:
        split_records(asked, genes(3), annotations)
    assert message in str(caught.value)


def test_homology_of_pairs_is_refused_with_the_mend() -> None:
    pairs = all_pairs(drugs(4), targets(3))
    with pytest.raises(UserError, match="use 'cold' for pairs"):
        split_pairs(SplitSettings("homology"), pairs, drugs(4), targets(3))


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_blocks_of_a_chromosome_stay_whole(seed: int) -> None:
    generator = np.random.default_rng(seed)
    start = np.sort(generator.integers(0, 10**6, 300))
    annotations = pd.DataFrame(
        {"start": start, "end": start + 800, "strand": generator.choice(["+", "-"], 300)}
    )
    asked = SplitSettings("group", seed=seed, block_length=20_000)
    table = split_records(asked, genes(300), annotations)
    assert sides_of(table, "group") == 1
    close = (annotations["strand"] == annotations["strand"].shift()).to_numpy()
    gap = start - np.r_[0, np.maximum.accumulate(start + 800)[:-1]]
    changes = table["fold0"].to_numpy()[1:] != table["fold0"].to_numpy()[:-1]
    assert not (changes & (close & (gap <= 100))[1:]).any()
