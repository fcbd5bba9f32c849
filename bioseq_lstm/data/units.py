"""Values that their unit cannot have: unlogged under a logarithm's name, or wrong by 10^9."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

_LOGARITHM = re.compile(r"p(kd|ki|ka|ic50|ec50|ac50)", re.IGNORECASE)
_CONCENTRATION = re.compile(r"(kd|ki|ic50|ec50|ac50)", re.IGNORECASE)
# A Kd of 1e-20 M is far below biotin and avidin's (1e-15 M); water itself is 55 M.
_LEAST, _MOST = -3.0, 20.0
_MOLAR = 0.01  # values that are all smaller are no logarithms of concentrations
# TPM and CPM are parts of a million: of their logarithm the most is known too.
_EXPRESSION = {
    "log2 tpm": (-np.inf, 20.0),
    "log2 cpm": (-np.inf, 20.0),
    "log10 tpm": (-np.inf, 6.0),
    "tpm": (0.0, 1e6),
    "cpm": (0.0, 1e6),
    "fpkm": (0.0, np.inf),
    "rpkm": (0.0, np.inf),
    "counts": (0.0, np.inf),
}


@dataclass(frozen=True)
class Implausible:
    """The first value (at ``row``) that shows that not all is well, and what to do."""

    row: int
    reason: str


def wrong_affinity(values: np.ndarray, unit: str) -> Implausible | None:
    """Whether affinities (n,) cannot be in ``unit``; units of another kind are not judged."""
    word = (unit.split() or [""])[0]
    if not len(values) or not _LOGARITHM.fullmatch(word):
        return None
    outside = (values < _LEAST) | (values > _MOST)
    if outside.any():
        row = int(outside.argmax())
        return Implausible(
            row,
            f"{values[row]:g} is no {word}: if it is a concentration in nM, write "
            "9 - log10 of it, else set `unit`",
        )
    if (np.abs(values) < _MOLAR).all():
        return Implausible(
            0,
            f"{values[0]:g} is no {word}, and no value is {_MOLAR:g} or more: if these are "
            "concentrations in M, write -log10 of them, else set `unit`",
        )
    return None


def no_concentration(value: float, unit: str) -> str:
    """Why a value cannot be in ``unit``, where that is a concentration; else nothing."""
    word = (unit.split() or [""])[0]
    if value > 0 or not _CONCENTRATION.fullmatch(word):
        return ""
    return f"a {word} of {value:g} is no concentration: leave the row out if nothing bound"


def wrong_expression(values: np.ndarray, unit: str) -> Implausible | None:
    """The same for expression (genes, conditions); NaN is right in every unit."""
    low, high = _EXPRESSION.get(" ".join(unit.casefold().split()), (-np.inf, np.inf))
    outside = (values < low) | (values > high)
    if not outside.any():
        return None
    row = int(outside.any(axis=1).argmax())
    value = values[row][outside[row]][0]
    bound = f"least {low:g}" if value < low else f"most {high:g}"
    return Implausible(row, f"{value:g} is no {unit}, which is at {bound}: set `unit`, or mend it")
