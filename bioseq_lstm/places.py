"""Which paths of a configuration lead out of the folder in which Snakemake runs.

This module stays light: Snakemake reads it every time it starts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def leaves(path: str, outside: Iterable[str] = ()) -> bool:
    """Whether ``path`` leads neither into this folder nor into one of ``outside``.

    As it is written: a link inside the project was put there by its owner, and may lead anywhere.
    """
    place = _written(path)
    return not any(place.is_relative_to(_written(folder)) for folder in (".", *outside))


def _written(path: str) -> Path:
    return Path(os.path.normpath(Path.cwd() / path))
