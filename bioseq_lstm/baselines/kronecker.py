"""Kronecker kernel ridge regression: drugs and targets together, in closed form.

Pahikkala et al. (2015), Briefings in Bioinformatics 16, 325-337.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, ClassVar, Self

import numpy as np

from bioseq_lstm.baselines.affinity import Choosing, Pairs, Similarities
from bioseq_lstm.baselines.pair_kernels import (
    ROUGH,
    KernelForm,
    Kernels,
    KnownPairs,
    unsolved,
)

_STRENGTHS = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
_RISEN = 1.02  # an error of so many times the best ends the search for a strength

# One after another, the others as they are by then.
_CHOICES: dict[str, tuple[float, ...]] = {
    "target_own": (0.0, 0.05, 0.2),
    "drug_own": (0.0, 0.05, 0.2),
    "target_power": (0.75, 1.0, 1.5),
    "drug_power": (1.0, 2.0),
    "shared": (0.03, 0.1, 0.3),
}


class KroneckerRidge(Choosing):
    """Kernel ridge regression with the product of drug and target similarity as kernel.

    On public kinase benchmarks it is as good as most published networks, which makes it a floor
    that a network has to reach. The strength of the ridge, the form of the kernels and then the
    strength once more are the best on the validation pairs, among those whose system of equations
    was solved; or they are given, and only the weights are fitted.
    """

    about: ClassVar[str] = (
        "Kernel ridge regression on pairs, which are as alike as their drugs times their "
        "targets; it also learns what all pairs of a drug, or of a target, have in common."
    )

    def __init__(self, form: KernelForm | None = None, strength: float | None = None) -> None:
        """Both, as an earlier fit chose them, or neither."""
        self.form, self.strength = form, strength

    @property
    def choices(self) -> dict[str, Any]:
        assert self.form is not None
        return {"form": asdict(self.form), "strength": self.strength}

    @classmethod
    def with_choices(cls, choices: Mapping[str, Any]) -> Self:
        return cls(KernelForm(**choices["form"]), choices["strength"])

    def fit(self, train: Pairs, validation: Pairs, similar: Similarities) -> Self:
        """Raises RuntimeError when conjugate gradients converged for no form or no strength.

        Afterwards ``table`` holds what is predicted for every drug with every target,
        ``(drugs, targets)``.
        """
        known = KnownPairs.of(train)
        if self.form is None or self.strength is None:
            self._choose(known, validation, similar)
        assert self.form is not None
        assert self.strength is not None
        kernels = Kernels.of(similar, self.form, known)
        self.table = known.solved(kernels, self.strength)
        return self

    def _choose(self, known: KnownPairs, validation: Pairs, similar: Similarities) -> None:
        """Set ``form`` and ``strength``: one choice after another, each by the validation pairs."""
        self.form = KernelForm()
        errors = _errors(known, validation, similar, self.form, _STRENGTHS)
        if not errors:
            raise unsolved("any strength")
        strength = min(errors, key=lambda s: errors[s])
        best = errors[strength]
        for name, values in _CHOICES.items():
            now = self.form
            for value in values:
                form = replace(now, **{name: value})
                if form == now:
                    continue
                found = _errors(known, validation, similar, form, (strength,))
                if found.get(strength, np.inf) < best:
                    best, self.form = found[strength], form
        errors = {strength: best, **_errors(known, validation, similar, self.form, _STRENGTHS)}
        self.strength = min(errors, key=lambda s: errors[s])

    def predict(self, drugs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """``(pairs,)``."""
        predicted: np.ndarray = self.table[drugs, targets]
        return predicted


def _errors(
    known: KnownPairs,
    validation: Pairs,
    similar: Similarities,
    form: KernelForm,
    strengths: tuple[float, ...],
) -> dict[float, float]:
    """Squared error on the validation pairs, for each strength that was solved and tried."""
    kernels = Kernels.of(similar, form, known)
    found = {}
    for strength, table in known.predictions(kernels, strengths, ROUGH):
        error = validation.error(table[validation.drugs, validation.targets])
        if np.isfinite(error):
            found[strength] = error
        if error > _RISEN * min(found.values(), default=np.inf):
            break  # a weaker ridge fits noise, and takes longest
    return found
