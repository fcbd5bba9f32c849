"""Building a component from settings that a user wrote: names and values are checked here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar, get_origin, get_type_hints

from bioseq_lstm.errors import UserError, nearest

Component = TypeVar("Component")
Count = Annotated[int, "from 0 on"]  # of what may also be done not at all; an int is a size


class Parameter(NamedTuple):
    """What an option may be, and whether it must be given."""

    kind: Any
    required: bool


def build(
    make: Callable[..., Component], where: str, options: Mapping[str, Any], **given: Any
) -> Component:
    """``make(**given, **options)``, after a check of the options against its signature.

    ``given`` is what the program knows (sizes of inputs); ``options`` is what the user may set.
    Raises ``UserError`` that begins with ``where`` for an option that does not exist, that is
    missing, or whose value cannot be right.
    """
    check(parameters_of(make, given), where, options)
    return make(**given, **options)


def parameters_of(make: Callable[..., Any], given: Collection[str] = ()) -> dict[str, Parameter]:
    """What a component's constructor takes, less what is ``given``."""
    made_by = make.__init__ if inspect.isclass(make) else make
    kinds = get_type_hints(made_by, include_extras=True)
    return {
        name: Parameter(kinds.get(name), parameter.default is parameter.empty)
        for name, parameter in inspect.signature(make).parameters.items()
        if name not in given
    }


def check(parameters: Mapping[str, Parameter], where: str, options: Mapping[str, Any]) -> None:
    """Raise ``UserError`` unless every option exists, is there if it must be, and can be right."""
    for name, value in options.items():
        if name not in parameters:
            raise UserError(
                f"{where}: no option {name!r}{nearest(name, parameters)}; "
                f"it takes {', '.join(parameters)}"
            )
        problem = _problem(value, parameters[name].kind)
        if problem:
            raise UserError(f"{where}: {name} is {value!r}: {problem}")
    for name, parameter in parameters.items():
        if parameter.required and name not in options:
            raise UserError(f"{where}: {name} is missing")


def _problem(value: Any, kind: Any) -> str | None:
    """What is wrong with a value: whole numbers are sizes, fractions probabilities of dropout."""
    if kind is bool:
        return None if isinstance(value, bool) else "write true or false"
    if get_origin(kind) is Sequence:
        whole = isinstance(value, list | tuple) and all(type(item) is int for item in value)
        return None if whole else "write a list of whole numbers, such as [9, 15]"
    if kind in (int, Count):
        least = 0 if kind == Count else 1
        if not (type(value) is int and value >= least):
            return f"write a whole number from {least} on"
    if kind is float and not (type(value) in (int, float) and 0 <= value < 1):
        return "write a probability from 0 to below 1"
    return None
