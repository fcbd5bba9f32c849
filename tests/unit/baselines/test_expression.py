from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from bioseq_lstm.baselines.expression import (
    CodonRidge,
    Genes,
    KmerBoosting,
    KmerRidge,
    MeanExpression,
    SequenceFeatures,
    filled,
    split_at,
)
from bioseq_lstm.data.alphabets import DNA

UPSTREAM, CODING = 40, 90


@pytest.fixture(scope="module")
def parts() -> list[Genes]:
    """Genes whose level follows their A upstream, and their second condition their AAA codons."""
    generator = np.random.default_rng(0)
    made = []
    for count in (300, 80, 120):
        texts = [
            "".join(generator.choice(list("ACGT"), size=UPSTREAM + CODING)) for _ in range(count)
        ]
        level = np.array([text[:UPSTREAM].count("A") for text in texts]) / 4.0
        codons = [[text[i : i + 3] for i in range(UPSTREAM, len(text), 3)] for text in texts]
        response = np.array([c.count("AAA") for c in codons], float)
        values = np.column_stack([level, level + response, level - 1])
        made.append(Genes(DNA.encode_all(texts), values + generator.normal(0, 0.1, values.shape)))
    return made


def r2(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return 1 - np.square(truth - predicted).mean(axis=0) / truth.var(axis=0)


def test_the_mean_is_that_of_the_known_values() -> None:
    values = np.array([[1.0, np.nan], [3.0, 5.0]])
    genes = Genes(DNA.encode_all(["A", "C"]), values)
    np.testing.assert_array_equal(
        MeanExpression().fit(genes).predict(DNA.encode_all(["G"])), [[2, 5]]
    )


def test_the_ridge_finds_what_kmers_and_codons_tell(parts) -> None:
    train, validation, test = parts
    predicted = KmerRidge(UPSTREAM, k=2).fit(train, validation).predict(test.sequences)
    assert r2(test.values, predicted).min() > 0.8


def test_codons_alone_tell_only_what_codons_tell(parts) -> None:
    train, validation, test = parts
    predicted = CodonRidge(UPSTREAM).fit(train, validation).predict(test.sequences)
    change = np.diff(predicted[:, :2])[:, 0]
    assert np.corrcoef(change, np.diff(test.values[:, :2])[:, 0])[0, 1] > 0.8
    assert r2(test.values, predicted)[0] < 0.2


def test_boosting_finds_more_than_the_mean(parts) -> None:
    train, validation, test = parts
    model = KmerBoosting(UPSTREAM, k=1, components=2, trees=60).fit(train, validation)
    assert r2(test.values, model.predict(test.sequences)).min() > 0.5


def test_boosting_begins_from_the_ridge_where_validation_bears_it_out(parts) -> None:
    test = parts[2]
    # The second condition follows one codon among 64 in a straight line.
    change = [Genes(part.sequences, np.diff(part.values[:, :2])) for part in parts]
    whole = KmerBoosting(UPSTREAM, k=1, components=1, trees=60).fit(*change[:2])
    trees = KmerBoosting(None, k=1, components=1, trees=60).fit(*change[:2])
    ridge = CodonRidge(UPSTREAM).fit(*change[:2])
    found, alone, straight = (
        r2(change[2].values, model.predict(test.sequences))[0] for model in (whole, trees, ridge)
    )
    assert found > straight - 0.01 > 0.8
    assert alone < 0.5
    # The first follows the letters upstream alone, of which codons only bring noise.
    level = [Genes(part.sequences, part.values[:, :1]) for part in parts]
    of_level = KmerBoosting(UPSTREAM, k=1, components=1, trees=60).fit(*level[:2])
    assert r2(level[2].values, of_level.predict(test.sequences))[0] > 0.9


def test_without_a_coding_part_boosting_is_trees_alone(parts) -> None:
    upstream = [Genes(split_at(p.sequences, UPSTREAM)[0], p.values[:, :1]) for p in parts]
    predicted = KmerBoosting(None, k=1, components=1, trees=60).fit(*upstream[:2])
    assert r2(upstream[2].values, predicted.predict(upstream[2].sequences))[0] > 0.5


def test_the_ridge_is_that_of_scikit_learn_at_the_best_strength(parts) -> None:
    train, _, test = parts
    # One condition: no deviations from a gene's level, so one strength decides.
    one = [Genes(part.sequences, part.values[:, :1]) for part in parts]
    predicted = KmerRidge(UPSTREAM, k=2).fit(one[0], one[1]).predict(test.sequences)
    features = SequenceFeatures(2, UPSTREAM)
    scaler = StandardScaler().fit(features(train.sequences))
    x, held, asked = (scaler.transform(features(part.sequences)) for part in parts)
    models = [Ridge(alpha).fit(x, one[0].values.ravel()) for alpha in np.logspace(0, 6, 19)]
    errors = [np.square(m.predict(held) - one[1].values.ravel()).mean() for m in models]
    expected = models[int(np.argmin(errors))].predict(asked)
    np.testing.assert_allclose(predicted, expected.reshape(-1, 1), rtol=1e-6)


def test_a_missing_value_is_filled_with_the_condition_and_the_gene() -> None:
    values = np.array([[1.0, 2.0], [3.0, np.nan], [np.nan, np.nan]])
    # Means 2 and 2; the second gene lies 1 above the mean where it is known.
    np.testing.assert_array_equal(filled(values), [[1, 2], [3, 3], [2, 2]])


def test_the_ridge_bears_missing_values(parts) -> None:
    train, validation, test = parts
    holes = np.random.default_rng(1).random(train.values.shape) < 0.2
    with_holes = Genes(train.sequences, np.where(holes, np.nan, train.values))
    predicted = KmerRidge(UPSTREAM, k=1).fit(with_holes, validation).predict(test.sequences)
    assert r2(test.values, predicted)[0] > 0.5


def test_sequences_are_split_at_the_start_codon() -> None:
    upstream, coding = split_at(DNA.encode_all(["CCATG", "GG"]), 2)
    assert [DNA.decode(codes) for codes in upstream] == ["CC", "GG"]
    assert coding is not None
    assert [DNA.decode(codes) for codes in coding] == ["ATG", ""]
    assert split_at(upstream, None) == (upstream, None)
