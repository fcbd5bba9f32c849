from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge

from bioseq_lstm.baselines import pair_kernels
from bioseq_lstm.baselines.affinity import (
    DrugOnly,
    DrugTargetMean,
    NearestPair,
    NeighbourMean,
    Pairs,
    Similarities,
    TargetOnly,
)
from bioseq_lstm.baselines.kronecker import KroneckerRidge
from bioseq_lstm.baselines.pair_kernels import KnownPairs
from bioseq_lstm.baselines.similarity_kernels import positive_part

DRUGS, TARGETS = 30, 12


@pytest.fixture
def similar() -> Similarities:
    """Cosines of random points: kernels, 1 on the diagonal."""
    generator = np.random.default_rng(0)
    kernels = []
    for size in (DRUGS, TARGETS):
        points = np.abs(generator.normal(size=(size, 4)))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        kernels.append(points @ points.T)
    return Similarities(*kernels)


def pairs(drugs: np.ndarray, targets: np.ndarray, table: np.ndarray) -> Pairs:
    return Pairs(drugs, targets, table[drugs, targets])


def parts(table: np.ndarray) -> tuple[Pairs, Pairs, Pairs]:
    """Every pair once, 60 % to train, 20 % to validate, 20 % to test."""
    order = np.random.default_rng(1).permutation(DRUGS * TARGETS)
    cuts = np.split(order, [len(order) * 6 // 10, len(order) * 8 // 10])
    first, second, third = (pairs(cut // TARGETS, cut % TARGETS, table) for cut in cuts)
    return first, second, third


def smooth_table(similar: Similarities) -> np.ndarray:
    """Affinities that follow both similarities, and not the sum of two effects."""
    noise = np.random.default_rng(2).normal(size=(DRUGS, TARGETS))
    return 11 + similar.drugs @ noise @ similar.targets / 3


def relative_error(model, test: Pairs) -> float:
    return test.error(model.predict(test.drugs, test.targets)) / float(test.values.var())


def test_two_effects_are_found_and_added(similar) -> None:
    generator = np.random.default_rng(3)
    table = 11 + generator.normal(size=(DRUGS, 1)) + generator.normal(size=(1, TARGETS))
    train, validation, test = parts(table)
    assert relative_error(DrugTargetMean().fit(train, validation, similar), test) < 1e-3


def test_the_effects_are_those_of_a_ridge_on_indicators(similar) -> None:
    train, validation, test = parts(smooth_table(similar))
    predicted = DrugTargetMean().fit(train, validation, similar).predict(test.drugs, test.targets)

    def indicators(part: Pairs) -> np.ndarray:
        return np.hstack([np.eye(DRUGS)[part.drugs], np.eye(TARGETS)[part.targets]])

    mean = train.values.mean()
    models = [
        Ridge(alpha, fit_intercept=False).fit(indicators(train), train.values - mean)
        for alpha in np.logspace(-2, 3, 16)
    ]
    errors = [validation.error(model.predict(indicators(validation)) + mean) for model in models]
    expected = models[int(np.argmin(errors))].predict(indicators(test)) + mean
    np.testing.assert_allclose(predicted, expected, atol=1e-4)


def test_a_pair_of_unseen_drug_and_unseen_target_gets_the_mean(similar) -> None:
    table = smooth_table(similar)
    train = pairs(np.arange(10), np.arange(10) % 5, table)
    model = DrugTargetMean().fit(train, train, similar)
    predicted = model.predict(np.array([20, 3]), np.array([9, 3]))
    assert predicted[0] == pytest.approx(train.values.mean())
    assert predicted[1] != pytest.approx(train.values.mean())


@pytest.mark.parametrize("side", ["drugs", "targets"])
def test_one_side_is_kernel_ridge_over_all_pairs(similar, side) -> None:
    train, validation, test = parts(smooth_table(similar))
    model = {"drugs": DrugOnly, "targets": TargetOnly}[side]().fit(train, validation, similar)
    kernel, mean = getattr(similar, side), train.values.mean()
    rows = {name: getattr(part, side) for name, part in (("t", train), ("v", validation))}
    candidates = [
        KernelRidge(alpha=alpha, kernel="precomputed").fit(
            kernel[np.ix_(rows["t"], rows["t"])], train.values - mean
        )
        for alpha in np.logspace(-2, 3, 16)
    ]
    held = kernel[np.ix_(rows["v"], rows["t"])]
    best = min(candidates, key=lambda c: validation.error(mean + c.predict(held)))
    expected = mean + best.predict(kernel[np.ix_(getattr(test, side), rows["t"])])
    np.testing.assert_allclose(model.predict(test.drugs, test.targets), expected, rtol=1e-6)


def test_the_nearest_pair_is_nearest_on_both_sides_together() -> None:
    drugs = np.array([[1, 0.9, 0.5], [0.9, 1, 0.5], [0.5, 0.5, 1]])
    targets = np.array([[1, 0.2], [0.2, 1]])
    train = Pairs(np.array([1, 2, 2]), np.array([1, 0, 1]), np.array([10.0, 20.0, 30.0]))
    model = NearestPair().fit(train, train, Similarities(drugs, targets))
    # Drug 0, target 0: .9 x .2 and .5 x .2 against .5 x 1. Drug 0, target 1: .9 x 1 wins.
    np.testing.assert_array_equal(model.predict(np.array([0, 0]), np.array([0, 1])), [20, 10])


def test_equally_near_pairs_share_the_answer() -> None:
    same = np.ones((2, 2))
    train = Pairs(np.array([0, 1]), np.array([0, 0]), np.array([10.0, 13.0]))
    model = NearestPair().fit(train, train, Similarities(same, same))
    assert model.predict(np.array([0]), np.array([1])) == [11.5]


def test_neighbours_are_weighted_by_the_chosen_power_of_similarity(similar) -> None:
    train, validation, test = parts(smooth_table(similar))
    predicted = NeighbourMean().fit(train, validation, similar).predict(test.drugs, test.targets)
    candidates = []
    for power in (0.5, 1, 2, 4, 8):
        means = []
        for part in (validation, test):
            alike = similar.drugs[part.drugs][:, train.drugs]
            alike = (alike * similar.targets[part.targets][:, train.targets]) ** power
            means.append(alike @ train.values / alike.sum(axis=1))
        candidates.append((validation.error(means[0]), means[1]))
    np.testing.assert_allclose(predicted, min(candidates, key=lambda c: c[0])[1])


def test_a_target_that_is_like_none_has_the_mean_of_its_drug_and_of_similar_drugs() -> None:
    similar = Similarities(np.array([[1, 0.5], [0.5, 1]]), np.eye(3))
    train = Pairs(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([5.0, 7.0, 9.0]))
    asked = Pairs(np.array([0]), np.array([2]), np.array([6.0]))
    fitted = NeighbourMean(power=2).fit(train, asked, similar)
    expected = (5 + 7 + 0.25 * 9) / (1 + 1 + 0.25)
    assert fitted.predict(asked.drugs, asked.targets) == pytest.approx(expected)


def test_neighbours_may_include_the_validation_pairs_once_the_power_is_chosen(similar) -> None:
    train, validation, test = parts(smooth_table(similar))
    chosen = NeighbourMean().fit(train, validation, similar)
    both = chosen.on_both(train, validation, similar)
    assert both.power == chosen.power
    known = [np.concatenate(two) for two in zip(*map(columns, (train, validation)), strict=True)]
    alike = similar.drugs[test.drugs][:, known[0]] * similar.targets[test.targets][:, known[1]]
    expected = alike**chosen.power @ known[2] / (alike**chosen.power).sum(axis=1)
    np.testing.assert_allclose(both.predict(test.drugs, test.targets), expected)


def columns(own: Pairs) -> tuple[np.ndarray, ...]:
    return own.drugs, own.targets, own.values


def dense_solution(model: KroneckerRidge, train: Pairs, test: Pairs, similar) -> np.ndarray:
    """Kernel ridge with the kernel between all pairs written down."""

    def kernel(a: Pairs, b: Pairs) -> np.ndarray:
        form = model.form
        sides = (
            (similar.drugs, a.drugs, b.drugs, form.drug_power, form.drug_own),
            (similar.targets, a.targets, b.targets, form.target_power, form.target_own),
        )
        product = 1.0
        for similarity, rows, columns, power, own in sides:
            side = similarity**power
            if power % 1:
                side = positive_part(side)
            itself = rows[:, None] == columns[None, :]
            product = product * (side[np.ix_(rows, columns)] + form.shared + own * itself)
        return product

    mean = train.values.mean()
    ridge = KernelRidge(alpha=model.strength, kernel="precomputed")
    return mean + ridge.fit(kernel(train, train), train.values - mean).predict(kernel(test, train))


def test_kronecker_ridge_of_observed_pairs_is_dense_kernel_ridge(similar) -> None:
    train, validation, test = parts(smooth_table(similar))
    model = KroneckerRidge().fit(train, validation, similar)
    np.testing.assert_allclose(
        model.predict(test.drugs, test.targets),
        dense_solution(model, train, test, similar),
        atol=1e-3 * test.values.std(),
    )


def test_kronecker_ridge_of_a_complete_table_is_dense_kernel_ridge(similar) -> None:
    table = smooth_table(similar)
    d, t = (axis.ravel() for axis in np.meshgrid(np.arange(20), np.arange(8), indexing="ij"))
    order = np.random.default_rng(4).permutation(len(d))
    train = pairs(d[order], t[order], table)
    test = pairs(np.arange(20, 30), np.array([8, 9, 10, 11, 0, 1, 2, 3, 4, 5]), table)
    model = KroneckerRidge().fit(train, test, similar)
    np.testing.assert_allclose(
        model.predict(test.drugs, test.targets), dense_solution(model, train, test, similar)
    )


def test_kronecker_ridge_sees_what_two_effects_cannot(similar) -> None:
    train, validation, test = parts(smooth_table(similar))
    both = relative_error(KroneckerRidge().fit(train, validation, similar), test)
    added = relative_error(DrugTargetMean().fit(train, validation, similar), test)
    assert both < 0.01
    assert added > 2 * both


def own_table() -> np.ndarray:
    """Affinities of which every target has a part of its own, that its relatives do not share."""
    generator = np.random.default_rng(5)
    return 11 + generator.normal(size=(DRUGS, 1)) * 0.3 + generator.normal(size=(1, TARGETS))


def test_what_a_target_has_of_its_own_is_learnt_where_it_is_known(similar) -> None:
    train, validation, test = parts(own_table())
    chosen = KroneckerRidge().fit(train, validation, similar)
    assert chosen.form is not None
    assert chosen.form.target_own > 0
    without = replace(chosen.form, target_own=0.0, drug_own=0.0)
    blind = KroneckerRidge(without, chosen.strength).fit(train, validation, similar)
    assert relative_error(chosen, test) < relative_error(blind, test)


def test_choices_that_are_given_are_kept_and_lead_to_the_same_fit(similar) -> None:
    train, validation, test = parts(smooth_table(similar))
    first = KroneckerRidge().fit(train, validation, similar)
    nothing = Pairs(*(np.array([], dtype=int) for _ in range(3)))
    again = KroneckerRidge(first.form, first.strength).fit(train, nothing, similar)
    np.testing.assert_allclose(
        again.predict(test.drugs, test.targets), first.predict(test.drugs, test.targets)
    )


def test_a_strength_that_was_not_solved_is_not_chosen(similar, monkeypatch) -> None:
    train, validation, _ = parts(smooth_table(similar))
    free = KroneckerRidge().fit(train, validation, similar)
    solutions = KnownPairs.solutions

    def unsolved(*arguments):
        return (found for found in solutions(*arguments) if found[0] != free.strength)

    monkeypatch.setattr(KnownPairs, "solutions", unsolved)
    model = KroneckerRidge().fit(train, validation, similar)
    assert model.strength != free.strength


def test_kronecker_ridge_that_is_never_solved_says_so(similar, monkeypatch) -> None:
    monkeypatch.setattr(pair_kernels, "_MAX_STEPS", 1)
    train, validation, _ = parts(smooth_table(similar))
    with pytest.raises(RuntimeError, match="did not converge"):
        KroneckerRidge().fit(train, validation, similar)
