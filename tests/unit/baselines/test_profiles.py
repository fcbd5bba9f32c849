from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel

from bioseq_lstm.baselines.affinity import Pairs, Similarities
from bioseq_lstm.baselines.kronecker import KroneckerRidge
from bioseq_lstm.baselines.pair_kernels import ROUGH, KernelForm, KnownPairs
from bioseq_lstm.baselines.profiles import MAX_ROUNDS, ProfileForm, ProfileRidge, gaussian

DRUGS, TARGETS, KINDS = 40, 30, 4
FORM = KernelForm(shared=0.1, drug_own=0.2, target_own=0.05)
NOTHING = Pairs(*(np.array([], dtype=int) for _ in range(3)))


def of(table: np.ndarray, cells: np.ndarray) -> Pairs:
    drugs, targets = cells // TARGETS, cells % TARGETS
    return Pairs(drugs, targets, table[drugs, targets])


@pytest.fixture
def hidden() -> tuple[Pairs, Pairs, Pairs, Similarities]:
    """Drugs and targets of a few kinds, that decide all and that no similarity tells of.

    Half of the pairs to train, a quarter to validate, a quarter to test.
    """
    generator = np.random.default_rng(0)
    kinds = generator.normal(size=(KINDS, KINDS))
    table = 7 + kinds[np.ix_(generator.integers(KINDS, size=DRUGS), np.arange(TARGETS) % KINDS)]
    table += 0.05 * generator.normal(size=table.shape)
    similar = []
    for size in table.shape:
        points = np.abs(generator.normal(size=(size, 6)))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        similar.append(points @ points.T)
    order = generator.permutation(DRUGS * TARGETS)
    train, validation, test = np.split(order, [len(order) // 2, len(order) * 3 // 4])
    return of(table, train), of(table, validation), of(table, test), Similarities(*similar)


def error(model: ProfileRidge | KroneckerRidge, part: Pairs) -> float:
    return part.error(model.predict(part.drugs, part.targets))


def test_the_kernel_is_gaussian_in_mean_squared_distances_of_training_members() -> None:
    profiles = np.random.default_rng(1).normal(size=(9, 5))
    members = np.array([0, 2, 3, 7])
    gamma = 1 / (0.3 * pdist(profiles[members], "sqeuclidean").mean())
    np.testing.assert_allclose(gaussian(profiles, members, 0.3), rbf_kernel(profiles, gamma=gamma))


def test_equal_profiles_are_wholly_alike() -> None:
    np.testing.assert_array_equal(
        gaussian(np.full((3, 2), 0.1), np.arange(3), 1.0), np.ones((3, 3))
    )
    np.testing.assert_array_equal(
        gaussian(np.full((3, 2), 0.1), np.arange(1), 1.0), np.ones((3, 3))
    )


def dense_round(
    table: np.ndarray, form: ProfileForm, train: Pairs, similar: Similarities
) -> np.ndarray:
    """One round with the kernel between all pairs written down; ``FORM`` has no powers."""
    sides = []
    for kernel, profiles, members, share, own in (
        (similar.drugs, table, train.drugs, form.drug_share, FORM.drug_own),
        (similar.targets, table.T, train.targets, form.target_share, FORM.target_own),
    ):
        known = np.unique(members)
        gamma = 1 / (form.width * pdist(profiles[known], "sqeuclidean").mean())
        mixed = (1 - share) * kernel + share * rbf_kernel(profiles, gamma=gamma)
        sides.append(mixed + FORM.shared + own * np.eye(len(kernel)))
    everything = np.kron(*sides)
    at = train.drugs * TARGETS + train.targets
    ridge = KernelRidge(alpha=form.strength, kernel="precomputed")
    ridge.fit(everything[np.ix_(at, at)], train.values - train.values.mean())
    predicted = ridge.predict(everything[:, at]) + train.values.mean()
    return predicted.reshape(DRUGS, TARGETS)


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_round_is_dense_kernel_ridge_on_the_profiles_of_the_round_before(hidden, rounds) -> None:
    train, _, _, similar = hidden
    form = ProfileForm(0.7, drug_share=0.4, target_share=0.8, strength=0.3, rounds=rounds)
    ridge = KroneckerRidge(FORM, 0.3)
    model = ProfileRidge(ridge, form).fit(train, NOTHING, similar)
    expected = ridge.table
    for _ in range(rounds):
        expected = dense_round(expected, form, train, similar)
    np.testing.assert_allclose(model.table, expected, atol=2e-3 * train.values.std())


def test_kinds_that_no_similarity_shows_are_found_in_the_affinities(hidden) -> None:
    train, validation, test, similar = hidden
    model = ProfileRidge().fit(train, validation, similar)
    assert model.form is not None
    assert 1 <= model.form.rounds <= MAX_ROUNDS
    assert error(model, test) < 0.5 * error(model.ridge, test)


def test_no_choice_is_worse_on_the_validation_part_than_the_ridge_alone(hidden) -> None:
    train, validation, _, similar = hidden
    noise = np.random.default_rng(2).permutation(validation.values)
    shuffled = Pairs(validation.drugs, validation.targets, noise)
    for held in (validation, shuffled):
        model = ProfileRidge().fit(train, held, similar)
        assert error(model, held) <= error(model.ridge, held) * 1.001  # chosen on rougher solutions


def test_without_a_better_round_it_is_the_kronecker_ridge(hidden) -> None:
    train, _, test, similar = hidden
    model = ProfileRidge().fit(train, NOTHING, similar)
    assert model.form is not None
    assert model.form.rounds == 0
    ridge = KroneckerRidge().fit(train, NOTHING, similar)
    np.testing.assert_array_equal(
        model.predict(test.drugs, test.targets), ridge.predict(test.drugs, test.targets)
    )


def test_choices_that_are_given_lead_to_the_same_fit(hidden) -> None:
    train, validation, test, similar = hidden
    first = ProfileRidge().fit(train, validation, similar)
    again = ProfileRidge.with_choices(first.choices).fit(train, NOTHING, similar)
    assert again.choices == first.choices
    np.testing.assert_array_equal(
        again.predict(test.drugs, test.targets), first.predict(test.drugs, test.targets)
    )


def test_a_prediction_does_not_depend_on_what_else_is_asked_about(hidden) -> None:
    train, _, test, similar = hidden
    known = [np.unique(numbers) for numbers in (train.drugs, train.targets)]
    assert [len(side) for side in known] == [DRUGS, TARGETS]
    model = ProfileRidge(KroneckerRidge(FORM, 0.3), ProfileForm(strength=0.3, rounds=2))
    alone = model.fit(train, NOTHING, similar).predict(test.drugs, test.targets)
    more = []
    for kernel in (similar.drugs, similar.targets):
        size = len(kernel)
        grown = np.eye(size + 3)
        grown[:size, :size] = kernel
        grown[size:, :size], grown[:size, size:] = 0.2, 0.2
        more.append(grown)
    beside = model.fit(train, NOTHING, Similarities(*more)).predict(test.drugs, test.targets)
    np.testing.assert_allclose(beside, alone, atol=1e-6)


def test_rounds_that_were_not_solved_are_not_chosen(hidden, monkeypatch) -> None:
    train, validation, _, similar = hidden
    solve = KnownPairs.predictions

    def unsolved_while_choosing(self, kernels, strengths, tolerance):
        return iter(()) if tolerance == ROUGH else solve(self, kernels, strengths, tolerance)

    monkeypatch.setattr(KnownPairs, "predictions", unsolved_while_choosing)
    model = ProfileRidge(KroneckerRidge(FORM, 0.3)).fit(train, validation, similar)
    assert model.form is not None
    assert model.form.rounds == 0
