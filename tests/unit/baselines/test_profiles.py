from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel

from bioseq_lstm.baselines import profiles as profiles_module
from bioseq_lstm.baselines.affinity import Pairs, Similarities
from bioseq_lstm.baselines.kronecker import KroneckerRidge
from bioseq_lstm.baselines.pair_kernels import FINE, ROUGH, KernelForm, KnownPairs
from bioseq_lstm.baselines.profiles import ProfileForm, ProfileRidge, squared_distances
from bioseq_lstm.baselines.similarity_kernels import positive_part

DRUGS, TARGETS, KINDS = 40, 30, 4
FORM = KernelForm(drug_power=2.0, target_power=1.5, shared=0.1, drug_own=0.2, target_own=0.05)
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


def test_distances_are_in_mean_squared_distances_of_training_members() -> None:
    profiles = np.random.default_rng(1).normal(3, 1, size=(9, 5))
    members = np.array([0, 2, 3, 7])
    expected = cdist(profiles, profiles[members], "sqeuclidean")
    expected /= pdist(profiles[members], "sqeuclidean").mean()
    np.testing.assert_allclose(squared_distances(profiles, members), expected, atol=1e-12)


@pytest.mark.parametrize("size", [1, 3])
def test_profiles_that_differ_by_rounding_are_equal(size) -> None:
    noise = 1e-13 * np.random.default_rng(2).normal(size=(4, 20))
    np.testing.assert_array_equal(squared_distances(7.0 + noise, np.arange(size)), 0)


def dense_round(
    table: np.ndarray, form: ProfileForm, train: Pairs, similar: Similarities
) -> np.ndarray:
    """One round of the ridge with ``FORM``, the kernel between all pairs written down."""
    sides = []
    for kernel, profiles, members, others, share, own in (
        (similar.drugs**2, table, train.drugs, train.targets, form.drug_share, FORM.drug_own),
        (
            positive_part(similar.targets**1.5),
            table.T,
            train.targets,
            train.drugs,
            form.target_share,
            FORM.target_own,
        ),
    ):
        known, values = np.unique(members), profiles[:, np.unique(others)]
        gamma = 1 / (form.width * pdist(values[known], "sqeuclidean").mean())
        mixed = (1 - share) * kernel + share * rbf_kernel(values, gamma=gamma)
        sides.append(mixed + FORM.shared + own * np.eye(len(kernel)))
    everything = np.kron(*sides)
    at = train.drugs * TARGETS + train.targets
    ridge = KernelRidge(alpha=form.strength, kernel="precomputed")
    ridge.fit(everything[np.ix_(at, at)], train.values - train.values.mean())
    predicted = ridge.predict(everything[:, at]) + train.values.mean()
    return predicted.reshape(DRUGS, TARGETS)


def cut(part: Pairs, kept: np.ndarray) -> Pairs:
    return Pairs(part.drugs[kept], part.targets[kept], part.values[kept])


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_round_is_dense_kernel_ridge_on_the_profiles_of_the_round_before(hidden, rounds) -> None:
    whole, _, _, similar = hidden
    train = cut(whole, (whole.drugs > 4) & (whole.targets > 2))  # of some nothing is known
    form = ProfileForm(0.7, drug_share=0.4, target_share=0.8, strength=0.3, rounds=rounds)
    model = ProfileRidge(KroneckerRidge(FORM, 0.3), form).fit(train, NOTHING, similar)
    expected = model.ridge.table
    for _ in range(rounds):
        expected = dense_round(expected, form, train, similar)
    np.testing.assert_allclose(model.table, expected, atol=2e-3 * train.values.std())


def test_kinds_that_no_similarity_shows_are_found_in_the_affinities(hidden) -> None:
    train, validation, test, similar = hidden
    model = ProfileRidge().fit(train, validation, similar)
    assert error(model, test) < 0.5 * error(model.ridge, test)


def searched(errors: Callable[[ProfileForm], float], own: float) -> ProfileForm:
    """The search as it is described, with the error of any form at hand."""

    def better(tried: ProfileForm, form: ProfileForm) -> ProfileForm:
        return tried if errors(tried) < 0.999 * errors(form) else form

    form, shares = ProfileForm(strength=own), (0.5, 0.8, 1.0)
    for again in (False, True):
        for side in ("target_share", "drug_share"):
            now = form
            for share in (0.0, *shares) if again else shares:
                form = better(replace(now, **{side: share}, rounds=1), form)
        if not again:
            now = form
            for strength in (3 * own, 10 * own):
                form = better(replace(now, strength=strength, rounds=1), form)
            now = form
            for width in (0.3, 3.0):
                form = better(replace(now, width=width, rounds=1), form)
    while form.rounds < 4:
        more = replace(form, rounds=form.rounds + 1)
        if better(more, form) is form:
            break
        form = more
    return form


@pytest.mark.parametrize(("size", "noise", "rounds"), [(60, 0.5, 1), (600, 0.5, 3), (300, 1.0, 4)])
def test_each_choice_is_the_best_on_the_validation_part(
    hidden, size, noise, rounds, monkeypatch
) -> None:
    whole, validation, _, similar = hidden
    noisy = whole.values + noise * np.random.default_rng(7).normal(size=len(whole.values))
    train = cut(Pairs(whole.drugs, whole.targets, noisy), np.arange(len(noisy)) < size)
    monkeypatch.setattr(profiles_module, "ROUGH", FINE)  # as the fits that are compared here
    model = ProfileRidge(KroneckerRidge(FORM, 0.1)).fit(train, validation, similar)

    @cache
    def errors(form: ProfileForm) -> float:
        given = ProfileRidge(KroneckerRidge(FORM, 0.1), form)
        return error(given.fit(train, NOTHING, similar), validation)

    assert model.form == searched(errors, 0.1)
    assert model.form.rounds == rounds


def test_without_a_better_round_it_is_the_kronecker_ridge(hidden) -> None:
    train, validation, _, similar = hidden
    noise = np.random.default_rng(3).permutation(validation.values)
    for held in (NOTHING, Pairs(validation.drugs, validation.targets, noise)):
        ridge = KroneckerRidge(FORM, 100.0 if len(held.values) else 0.1)
        model = ProfileRidge(ridge).fit(train, held, similar)
        assert model.form is not None
        assert model.form.rounds == 0
        np.testing.assert_array_equal(model.table, ridge.table)


def test_one_training_target_has_no_profile_to_compare(hidden) -> None:
    whole, validation, _, similar = hidden
    train, held = (cut(part, part.targets == 0) for part in (whole, validation))
    model = ProfileRidge().fit(train, held, similar)
    assert model.form is not None
    assert model.form.target_share == 0
    assert np.isfinite(model.table).all()


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
    whole = replace(FORM, target_power=1.0)  # other powers are mended with all there is
    form = ProfileForm(1.0, 0.5, 0.5, strength=0.3, rounds=2)
    model = ProfileRidge(KroneckerRidge(whole, 0.3), form)
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
