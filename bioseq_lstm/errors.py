"""The exceptions that a user is meant to read."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class UserError(Exception):
    """Something only the user can mend, said in one line.

    The line names what is wrong, where it stands (file, line, record) and the mend.
    The command line prints it without a traceback and exits with ``status``.
    """

    status = 2

    def __init__(
        self, message: str, *, file: str | Path | None = None, line: int | None = None
    ) -> None:
        place = "" if file is None else f"{file}: " if line is None else f"{file}, line {line}: "
        super().__init__(" ".join(f"{place}{message}".split()))


class NothingPredictedError(UserError):
    """Everything was read and written, and there was nothing to predict in it.

    It has a status of its own: to the workflow, a folder of new files that is still empty is fine.
    """

    status = 3


def nearest(word: str, choices: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` for the closest of ``choices``, or nothing when none is close.

    A word that differs only in the case of its letters is as close as can be.
    """
    folded = {choice.casefold(): choice for choice in choices}
    close = get_close_matches(word.casefold(), folded, n=1)
    return f" (did you mean {folded[close[0]]!r}?)" if close else ""
