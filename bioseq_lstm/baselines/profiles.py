"""Kernel ridge regression that also knows who behaves alike, not only who looks alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from scipy.spatial.distance import cdist

from bioseq_lstm.baselines.affinity import Choosing, Pairs, Similarities
from bioseq_lstm.baselines.kronecker import KroneckerRidge
from bioseq_lstm.baselines.pair_kernels import ROUGH, KernelForm, Kernels, KnownPairs, raised

MAX_ROUNDS = 4


@dataclass(frozen=True)
class ProfileForm:
    """How profiles enter: their shares of both kernels, the rest being similarity as before.

    ``width`` is that of the Gaussian between profiles, in mean squared distances of training
    members; ``strength`` that of the ridge. With 0 ``rounds`` nothing is done.
    """

    width: float = 1.0
    drug_share: float = 0.5
    target_share: float = 0.5
    strength: float = 1.0
    rounds: int = 1


# One after another, the others as they are by then.
_CHOICES: dict[str, tuple[Any, ...]] = {
    "width": (0.3, 1.0, 3.0),
    "drug_share": (0.0, 0.5, 0.8, 1.0),
    "target_share": (0.0, 0.5, 0.8, 1.0),
}
# At last strengths, in multiples of the Kronecker ridge's own, the first from the beginning.
_STRENGTHS = (3.0, 10.0, 1.0)


class ProfileRidge(Choosing):
    """The Kronecker ridge, fitted again with kernels that also compare interaction profiles.

    Two drugs that act alike on the same targets are alike, whatever their structures say (the
    Gaussian interaction profile kernel of van Laarhoven, Nabuurs & Marchiori 2011, Bioinformatics
    27, 3036-3043). The profile of a drug is here what the Kronecker ridge predicts for it with
    every training target, so that one exists where few pairs or none were measured; a target has
    its own with every training drug. Predictions of one round are the profiles of the next, as long
    as the validation pairs are predicted better, at most ``MAX_ROUNDS`` times; if they never are,
    this is the Kronecker ridge. All choices are made on the validation pairs, or they are given.
    """

    def __init__(
        self, ridge: KroneckerRidge | None = None, form: ProfileForm | None = None
    ) -> None:
        """A ridge with choices and a form, as an earlier fit chose them, or neither."""
        self.ridge, self.form = ridge or KroneckerRidge(), form

    @property
    def choices(self) -> dict[str, Any]:
        assert self.form is not None
        return {"ridge": self.ridge.choices, "form": asdict(self.form)}

    @classmethod
    def with_choices(cls, choices: Mapping[str, Any]) -> Self:
        return cls(KroneckerRidge.with_choices(choices["ridge"]), ProfileForm(**choices["form"]))

    def fit(self, train: Pairs, validation: Pairs, similar: Similarities) -> Self:
        """Raises RuntimeError as the Kronecker ridge does."""
        self.ridge.fit(train, validation, similar)
        assert self.ridge.form is not None
        rounds = _Rounds(KnownPairs.of(train), raised(similar, self.ridge.form), self.ridge.form)
        if self.form is None:
            self.form = self._chosen(rounds, validation)
        self.table = self.ridge.table
        for _ in range(self.form.rounds):
            kernels = rounds.kernels(self.table, self.form)
            self.table = rounds.known.solved(kernels, self.form.strength)
        return self

    def _chosen(self, rounds: _Rounds, validation: Pairs) -> ProfileForm:
        """The form with the least squared error on the validation pairs."""
        assert self.ridge.strength is not None
        table, own = self.ridge.table, self.ridge.strength
        strengths = tuple(own * times for times in _STRENGTHS)
        form = ProfileForm(strength=strengths[0])
        error, best = rounds.trial(table, form, validation)
        for name, values in {**_CHOICES, "strength": strengths}.items():
            now = form
            for value in values:
                tried = replace(now, **{name: value})
                if tried == now:
                    continue
                found, predicted = rounds.trial(table, tried, validation)
                if found < error:
                    form, error, best = tried, found, predicted
        if not error < validation.error(table[validation.drugs, validation.targets]):
            return replace(form, rounds=0)
        while form.rounds < MAX_ROUNDS:
            found, best = rounds.trial(best, form, validation)
            if not found < error:
                break
            form, error = replace(form, rounds=form.rounds + 1), found
        return form

    def predict(self, drugs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """``(pairs,)``."""
        predicted: np.ndarray = self.table[drugs, targets]
        return predicted


@dataclass(frozen=True)
class _Rounds:
    """What all rounds share: the training pairs, and the kernels that know no profiles."""

    known: KnownPairs
    similar: Similarities
    form: KernelForm

    def kernels(self, table: np.ndarray, form: ProfileForm) -> Kernels:
        """With profiles from a ``table`` of predictions, ``(drugs, targets)``."""
        of_drugs, of_targets = table[:, self.known.targets], table[self.known.drugs].T
        drugs = gaussian(of_drugs, self.known.drugs, form.width)
        targets = gaussian(of_targets, self.known.targets, form.width)
        mixed = Similarities(
            (1 - form.drug_share) * self.similar.drugs + form.drug_share * drugs,
            (1 - form.target_share) * self.similar.targets + form.target_share * targets,
        )
        return Kernels.of(mixed, self.form, self.known)

    def trial(
        self, table: np.ndarray, form: ProfileForm, validation: Pairs
    ) -> tuple[float, np.ndarray]:
        """Squared error of the validation pairs after one round, and what the round predicts.

        An infinite error, and the table as it was, where conjugate gradients did not converge.
        """
        kernels = self.kernels(table, form)
        for _, predicted in self.known.predictions(kernels, (form.strength,), ROUGH):
            error = validation.error(predicted[validation.drugs, validation.targets])
            if np.isfinite(error):
                return error, predicted
        return np.inf, table


def gaussian(profiles: np.ndarray, members: np.ndarray, width: float) -> np.ndarray:
    """``exp(-distance² / (width mean))`` of ``(all, values)``, as ``(all, all)``.

    The mean is that of squared distances between ``members``, the training ones, so that no kernel
    depends on what else is asked about.
    """
    distances = cdist(profiles, profiles, "sqeuclidean")
    known = distances[np.ix_(members, members)]
    mean = known.sum() / max(len(members) * (len(members) - 1), 1)
    kernel: np.ndarray = np.exp(-distances / (width * max(mean, np.finfo(float).tiny)))
    return kernel
