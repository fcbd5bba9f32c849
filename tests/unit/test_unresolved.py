"""Residues without coordinates become unknown at the shares that were counted."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture(scope="module")
def unresolved() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "workflow" / "scripts" / "unresolved.py"
    spec = importlib.util.spec_from_file_location("unresolved", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_structure_short_stretches_and_chains_of_blanks_stay(unresolved: ModuleType) -> None:
    states = "HHHLLLLLLEEESTLLLGGG"  # six blanks and three
    for name in map(str, range(200)):
        assert unresolved.without_unresolved(name, states, "L") == states
        assert unresolved.without_unresolved(name, "L" * 30, "L") == "L" * 30


def test_what_is_missing_is_in_one_piece_away_from_structure(unresolved: ModuleType) -> None:
    states = "L" * 9 + "HHHHH" + "L" * 20 + "EEEE" + "L" * 9
    seen = set()
    for name in map(str, range(300)):
        made = unresolved.without_unresolved(name, states, "L")
        seen |= {made}
        first, inner, last = made[:9], made[14:34], made[38:]
        assert made == first + "HHHHH" + inner + "EEEE" + last
        assert first == "." * first.count(".") + "L" * first.count("L")
        assert last == "L" * last.count("L") + "." * last.count(".")
        assert inner == inner[::-1]
        assert inner.strip("L") == "." * inner.count(".")
    assert len(seen) > 100


def test_each_place_is_known_at_its_share(unresolved: ModuleType) -> None:
    states = "L" * 15 + "HHHH" + "L" * 8 + "EE"
    names = map(str, range(4000))
    known = np.array(
        [[c != "." for c in unresolved.without_unresolved(n, states, "L")] for n in names]
    ).mean(axis=0)
    terminal, short = unresolved.RESOLVED[14], unresolved.RESOLVED[8]
    expected = [*[terminal[-1]] * 2, *terminal[::-1], *[1.0] * 4, *short, *short[::-1], 1.0, 1.0]
    # Four standard errors of a share of 4,000 are at most 3.2 points.
    np.testing.assert_allclose(known, expected, atol=0.032)


def test_a_chain_is_the_same_whenever_it_is_made(unresolved: ModuleType) -> None:
    states = "L" * 40 + "HHHH"
    # The first number of Python's random.Random("a") is .272: shares .94, .69, .45 and .30 are
    # above it, .21 is not.
    for _ in range(2):
        assert unresolved.without_unresolved("a", states, "L") == "." * 36 + "LLLL" + "HHHH"
