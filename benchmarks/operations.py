"""How many multiply-adds the matrix products of one step of each recurrence need."""

from __future__ import annotations

HEADS = 4  # exponential, matrix
CHUNK = 64  # matrix
ROUNDS = 4  # dynamic
RULES, FEATURES = 3, 8  # fuzzy
LEVELS = 2  # hierarchical
KERNEL = 3  # convlstm


def multiply_adds(name: str, inputs: int, hidden: int) -> int:
    """Of one layer in one direction, per token, with the options that are default.

    Products of matrices alone: what is done feature by feature (gates, peepholes, normalisation)
    is left out, for every cell alike. A gradient needs twice as many again, one product for the
    input and one for the weights.
    """
    both = inputs + hidden
    lstm = 4 * hidden * both
    width = hidden // HEADS
    counts = {
        "lstm": lstm,
        "peephole": lstm,
        "coupled": 3 * hidden * both,
        "layer_norm": lstm,
        # The state of a head goes to that head's gates alone.
        "exponential": 4 * hidden * (inputs + width),
        # Query, key, value and output gate, two gates a head; then per head scores and values
        # within a chunk, and reading from and writing to the memory, which has a column more.
        "matrix": (4 * hidden + 2 * HEADS) * inputs
        + HEADS * (CHUNK * (2 * width + 1) + 2 * width * (width + 1)),
        # The state through its own matrix, the input through another, before the gates.
        "multiplicative": 5 * hidden * both,
        "dynamic": lstm + ROUNDS * hidden * inputs,
        # Copied steps are computed too.
        "skip": lstm,
        "fuzzy": (4 * hidden * RULES + FEATURES) * both,
        "hierarchical": _hierarchical(inputs, hidden),
        "convlstm": KERNEL * lstm,
    }
    return counts[name]


def _hierarchical(inputs: int, hidden: int) -> int:
    """As if no level ever copied; and the output of gated levels."""
    total = 0
    for level in range(LEVELS):
        top = level == LEVELS - 1
        below, above = hidden if level else inputs, 0 if top else hidden
        total += (4 * hidden + (not top)) * (below + hidden + above)
    return total + (LEVELS + hidden) * LEVELS * hidden
