"""Which residues of a chain have no coordinates, where its labels do not tell them from coil.

SidechainNet writes one letter for DSSP's blank and for residues without coordinates. The masks of
NetSurfP-2.0 (Klausen et al. 2019, doi:10.1002/prot.25674) tell them apart, and 7,144 of its chains
have the very sequence of a chain here. There 6.5 % of all residues lack coordinates; 96 % of these
are blanks, and how likely a blank lacks them depends almost only on how far it is from the nearest
residue that is no blank, and, within a chain, on how long the stretch of blanks is: in a short one
nearly all are there. ``RESOLVED`` is what was counted.

To learn from a blank at this share is, on average over many, to learn from those alone that have
coordinates, which no rule for all of them would be: half of those three from the edge have them.
"""

from __future__ import annotations

import random
import re

UNKNOWN = "."

# Share of blanks with coordinates, by the length from which a stretch counts here, and by how many
# blanks lie between one and the nearest other residue; the last holds for all further ones.
# A stretch at an end of the chain counts as the longest: it has no residue on its other side.
RESOLVED: dict[int, tuple[float, ...]] = {
    7: (0.98, 0.88, 0.79, 0.76),
    8: (0.97, 0.83, 0.70, 0.64),
    9: (0.95, 0.76, 0.61, 0.53, 0.50),
    10: (0.94, 0.73, 0.56, 0.43, 0.38, 0.35),
    12: (0.97, 0.75, 0.53, 0.39, 0.31, 0.27, 0.20),
    14: (0.94, 0.69, 0.45, 0.30, 0.21, 0.15, 0.11, 0.09, 0.07, 0.06, 0.05, 0.04, 0.02),
}
LONGEST = max(RESOLVED)


def without_unresolved(name: str, states: str, blank: str) -> str:
    """``states`` with blanks made unknown, each as likely as such a one lacks coordinates.

    One number is drawn for each stretch, so that what is missing is in one piece. The draw hangs
    on the name of the chain alone. A chain of blanks only is left as it is: nothing in it says
    where they begin.
    """
    drawn = random.Random(name)
    labels = list(states)
    for stretch in re.finditer(f"{re.escape(blank)}+", states):
        first, end = stretch.span()
        at_first, at_last = first == 0, end == len(states)
        if at_first and at_last:
            return states
        length = LONGEST if at_first or at_last else end - first
        shares = RESOLVED.get(max((start for start in RESOLVED if start <= length), default=0))
        if shares is None:
            continue
        threshold = drawn.random()
        for place in range(first, end):
            before = len(states) if at_first else place - first
            after = len(states) if at_last else end - 1 - place
            if threshold >= shares[min(before, after, len(shares) - 1)]:
                labels[place] = UNKNOWN
    return "".join(labels)
