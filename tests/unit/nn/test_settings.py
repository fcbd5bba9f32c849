from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.settings import Count, build


class Part:
    def __init__(
        self,
        given: int,
        size: int,
        dropout: float = 0.0,
        gated: bool = False,
        kernels: Sequence[int] = (3,),
        rounds: Count = 2,
    ) -> None:
        self.values = (given, size, dropout, gated, kernels, rounds)


def test_what_is_given_and_what_is_set_come_together() -> None:
    options = {"size": 2, "dropout": 0, "gated": True, "kernels": [3, 5], "rounds": 0}
    assert build(Part, "part", options, given=1).values == (1, 2, 0, True, [3, 5], 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "part: size is missing"),
        (
            {"size": 2, "given": 3},
            "part: no option 'given'; it takes size, dropout, gated, kernels, rounds",
        ),
        ({"size": 0}, "part: size is 0: write a whole number from 1 on"),
        ({"size": 64.0}, "part: size is 64.0: write a whole number from 1 on"),
        ({"size": True}, "part: size is True: write a whole number from 1 on"),
        ({"size": "64"}, "part: size is '64': write a whole number from 1 on"),
        ({"size": 2, "rounds": -1}, "part: rounds is -1: write a whole number from 0 on"),
        ({"size": 2, "rounds": False}, "part: rounds is False: write a whole number from 0 on"),
        ({"size": 2, "dropout": 1}, "part: dropout is 1: write a probability from 0 to below 1"),
        (
            {"size": 2, "dropout": float("nan")},
            "part: dropout is nan: write a probability from 0 to below 1",
        ),
        ({"size": 2, "gated": "yes"}, "part: gated is 'yes': write true or false"),
        (
            {"size": 2, "kernels": 9},
            "part: kernels is 9: write a list of whole numbers, such as [9, 15]",
        ),
        (
            {"size": 2, "kernels": [9, "15"]},
            "part: kernels is [9, '15']: write a list of whole numbers, such as [9, 15]",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        build(Part, "part", options, given=1)
    assert str(error.value) == message
