"""Documented, validated dataclass fields: each is a flag, a TOML key and a keyword argument at once."""

import dataclasses
import difflib
import math
import numbers
import os
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from charlm.errors import ConfigError

Made = typing.TypeVar("Made")


def option(
    default: Any,
    help: str,
    *,
    choices: Sequence[str] | None = None,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    below: float | None = None,
    metavar: str | None = None,
    tasks: Collection[str] = (),
    chosen: bool = False,
) -> Any:
    """Declares a dataclass field with its one line of help and the values it may take.

    Args:
        default: the value where none is given.
        help: one line, shown by `--help`.
        choices: the strings that are allowed.
        minimum, above: lower bounds, inclusive and exclusive.
        maximum, below: upper bounds, inclusive and exclusive.
        metavar: what `--help` calls the value.
        tasks: those that it is for, where it is not for all.
        chosen: whether `--minutes` chooses it where the user leaves it open.
    """
    limits = {"at least": minimum, "above": above, "at most": maximum, "below": below}
    return dataclasses.field(
        default=default,
        metadata={
            "help": help,
            "choices": choices,
            "limits": {words: bound for words, bound in limits.items() if bound is not None},
            "metavar": metavar,
            "tasks": tasks,
            "chosen": chosen,
        },
    )


def value_type(cls: type, field: "dataclasses.Field[Any]") -> type:
    """Returns the type of a field's value, leaving out `None`: `int | None` gives `int`."""
    hint = typing.get_type_hints(cls)[field.name]
    if isinstance(hint, types.UnionType):
        (hint,) = (member for member in typing.get_args(hint) if member is not types.NoneType)
    return typing.cast(type, hint)


_ACCEPTED: dict[type, tuple[type, ...]] = {
    bool: (bool,),
    int: (numbers.Integral,),
    float: (numbers.Real,),
    str: (str, os.PathLike),
}
_MADE_PLAIN: dict[type, Callable[[Any], Any]] = {bool: bool, int: int, float: float, str: os.fspath}
_SATISFIES = {
    "at least": lambda value, bound: value >= bound,
    "above": lambda value, bound: value > bound,
    "at most": lambda value, bound: value <= bound,
    "below": lambda value, bound: value < bound,
}


def validate(instance: Any) -> None:
    """Checks every field of a dataclass made with `option`; meant for `__post_init__`.

    Raises:
        ConfigError: a value has the wrong type or lies outside the field's limits.
    """
    for field in dataclasses.fields(instance):
        value: Any = getattr(instance, field.name)
        if value is None and field.default is None:
            continue
        expected = value_type(type(instance), field)
        if not isinstance(value, _ACCEPTED[expected]) or isinstance(value, bool) != (expected is bool):
            _refuse(field.name, f"of type {expected.__name__}", value)
        try:
            value = _MADE_PLAIN[expected](value)
        except OverflowError:  # an integer beyond the numbers
            _refuse(field.name, "finite", value)
        object.__setattr__(instance, field.name, value)
        if expected is float and not math.isfinite(value):
            _refuse(field.name, "finite", value)
        choices = field.metadata["choices"]
        if choices is not None and value not in choices:
            _refuse(field.name, "one of " + ", ".join(choices), value)
        for words, bound in field.metadata["limits"].items():
            if not _SATISFIES[words](value, bound):
                _refuse(field.name, f"{words} {bound}", value)


def make(cls: type[Made], given: Mapping[str, Any]) -> Made:
    """Makes a dataclass of options by name.

    Raises:
        ConfigError: there is no such option, or its value is out of range.
    """
    known = [field.name for field in dataclasses.fields(typing.cast(Any, cls))]
    for name in given.keys() - set(known):
        raise unknown_name(name, known, noun="option")
    return cls(**given)


def _refuse(name: str, expected: str, value: Any) -> typing.NoReturn:
    raise ConfigError(f"`{name}` must be {expected}. Received: {name}={value!r}.")


def unknown_name(name: str, known: Sequence[str], *, noun: str = "setting") -> ConfigError:
    """Returns the error for a name that is not among `known`, with the nearest one as a hint."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else "Known: " + ", ".join(known) + "."
    return ConfigError(f"There is no {noun} '{name}'. {hint}")
