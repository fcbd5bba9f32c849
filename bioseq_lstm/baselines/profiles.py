"""Kernel ridge regression that also knows who behaves alike, not only who looks alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from bioseq_lstm.baselines.affinity import Choosing, Pairs, Similarities
from bioseq_lstm.baselines.kronecker import KroneckerRidge
from bioseq_lstm.baselines.pair_kernels import ROUGH, KernelForm, Kernels, KnownPairs, raised

MAX_ROUNDS = 4
_BETTER = 0.999  # what is chosen has at most so many times the error of what it takes the place of
_ROUNDING = 1e-10  # of the largest square: nearer profiles are equal


@dataclass(frozen=True)
class ProfileForm:
    """How profiles enter: their shares of both kernels, the rest being similarity as before.

    ``width`` is that of the Gaussian between profiles, in mean squared distances of training
    members; ``strength`` that of the ridge. With 0 ``rounds`` the other ridge stays as it is.
    """

    width: float = 1.0
    drug_share: float = 0.0
    target_share: float = 0.0
    strength: float = 1.0
    rounds: int = 0


_SHARES = (0.5, 0.8, 1.0)
# One after another, the others as they are by then; shares again when the rest has been chosen.
# Strengths are multiples of the other ridge's.
_CHOICES: tuple[tuple[str, tuple[float, ...]], ...] = (
    ("target_share", _SHARES),
    ("drug_share", _SHARES),
    ("strength", (3.0, 10.0)),
    ("width", (0.3, 3.0)),
    ("target_share", (0.0, *_SHARES)),
    ("drug_share", (0.0, *_SHARES)),
)


class ProfileRidge(Choosing):
    """The Kronecker ridge, fitted again with kernels that also compare interaction profiles.

    Two drugs that act alike on the same targets are alike, whatever their structures say (the
    Gaussian interaction profile kernel of van Laarhoven, Nabuurs & Marchiori 2011, Bioinformatics
    27, 3036-3043). The profile of a drug is here what the Kronecker ridge predicts for it with
    every training target, so that one exists where few pairs or none were measured; a target has
    its own with every training drug. Predictions of one round are the profiles of the next, as long
    as the validation pairs are predicted better, at most ``MAX_ROUNDS`` times; if they never are,
    this is the Kronecker ridge. All choices are made on the validation pairs, or they are given.

    It gains most where drug and target are both known from other pairs. Of a new one the profile is
    itself a prediction, and the errors in it are believed twice.
    """

    about: ClassVar[str] = (
        "The Kronecker ridge, fitted again with kernels that also compare what drugs, and "
        "targets, are predicted to do; where that does not help on the validation part, it is "
        "that ridge."
    )

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
        known = KnownPairs.of(train)
        base = Kernels.between(raised(similar, self.ridge.form), known)
        mixing = _Mixing(known, base, self.ridge.form)
        if self.form is None:
            self.form = self._chosen(mixing, validation)
        self.table = self.ridge.table
        for _ in range(self.form.rounds):
            kernels = mixing.kernels(mixing.profiles(self.table), self.form)
            self.table = known.solved(kernels, self.form.strength)
        return self

    def _chosen(self, mixing: _Mixing, validation: Pairs) -> ProfileForm:
        """The form with the least squared error on the validation pairs."""
        own = self.ridge.strength
        assert own is not None
        form = ProfileForm(strength=own)
        if not len(validation.values):
            return form
        profiles = mixing.profiles(self.ridge.table)
        error, table = mixing.trial(profiles, form, validation)  # the ridge, solved as roughly
        for name, values in _CHOICES:
            now = form
            for value in values:
                asked = value * own if name == "strength" else value
                tried = replace(now, **{name: asked}, rounds=1)
                found, predicted = mixing.trial(profiles, tried, validation)
                if found < _BETTER * error:
                    form, error, table = tried, found, predicted
        if form.drug_share == form.target_share == 0:
            return ProfileForm(strength=own)
        while form.rounds < MAX_ROUNDS:
            found, table = mixing.trial(mixing.profiles(table), form, validation)
            if not found < _BETTER * error:
                break
            form, error = replace(form, rounds=form.rounds + 1), found
        return form

    def predict(self, drugs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """``(pairs,)``."""
        predicted: np.ndarray = self.table[drugs, targets]
        return predicted


@dataclass(frozen=True)
class _Mixing:
    """What all rounds share: the training pairs, and kernels that know no profiles."""

    known: KnownPairs
    base: Kernels
    form: KernelForm

    def profiles(self, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far apart those of a ``table`` of predictions ``(drugs, targets)`` are, by side."""
        return (
            squared_distances(table[:, self.known.targets], self.known.drugs),
            squared_distances(table[self.known.drugs].T, self.known.targets),
        )

    def kernels(self, profiles: tuple[np.ndarray, np.ndarray], form: ProfileForm) -> Kernels:
        drugs, targets = (
            (1 - share) * base + share * np.exp(-distances / form.width) if share else base
            for base, distances, share in (
                (self.base.drugs, profiles[0], form.drug_share),
                (self.base.targets, profiles[1], form.target_share),
            )
        )
        return Kernels(drugs, targets).completed(self.form, self.known)

    def trial(
        self, profiles: tuple[np.ndarray, np.ndarray], form: ProfileForm, validation: Pairs
    ) -> tuple[float, np.ndarray]:
        """Squared error of the validation pairs after one round, and what the round predicts.

        An infinite error, and nothing, where conjugate gradients did not converge.
        """
        kernels = self.kernels(profiles, form)
        for _, predicted in self.known.predictions(kernels, (form.strength,), ROUGH):
            error = validation.error(predicted[validation.drugs, validation.targets])
            if np.isfinite(error):
                return error, predicted
        return np.inf, np.array([])


def squared_distances(profiles: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Of ``(all, values)`` to ``members``, the training ones: ``(all, members)``.

    In units of the mean between members, which so does not depend on what else is asked about. Of
    members that are all alike, or of one alone, there is no such mean, and all distances are 0.
    """
    centred = profiles - profiles[members].mean(axis=0)
    squares = np.square(centred).sum(axis=1)
    distances = squares[:, None] + squares[members] - 2 * centred @ centred[members].T
    # Rounding would else be blown up to a distance like any other by the division below.
    distances[distances < _ROUNDING * np.square(profiles).sum(axis=1).max()] = 0.0
    mean = distances[members].sum() / max(len(members) * (len(members) - 1), 1)
    return distances / mean if mean > 0 else np.zeros_like(distances)
