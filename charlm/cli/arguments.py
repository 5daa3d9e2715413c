"""Flags made from the fields of a config dataclass."""

import argparse
import dataclasses
import typing
from typing import Any, TypeVar

from charlm.options import value_type

Options = TypeVar("Options")


def add_options(parser: argparse.ArgumentParser, config: type, *, defaults: bool = True) -> None:
    """Adds a flag for each field of a dataclass made with `option`; flags that are not given leave no trace.

    Args:
        parser: where to add them.
        config: the dataclass; its docstring is the title of the group.
        defaults: whether the help names the fields' defaults.
    """
    title = (config.__doc__ or "").splitlines()[0].rstrip(".").lower()
    group = parser.add_argument_group(title)
    for field in dataclasses.fields(config):
        kind = value_type(config, field)
        help = field.metadata["help"].replace("%", "%%")
        if defaults and field.default is not None:
            shown = ("on" if field.default else "off") if kind is bool else field.default
            chosen = ", with --epochs or --steps; else it is chosen" if field.metadata["chosen"] else ""
            help += f" (default: {shown}{chosen})"
        flag = "--" + field.name.replace("_", "-")
        if kind is bool:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=help)
            continue
        choices = field.metadata["choices"]
        metavar = field.metadata["metavar"] or ("|".join(choices) if choices else kind.__name__.upper())
        group.add_argument(flag, type=kind, default=argparse.SUPPRESS, metavar=metavar, help=help)


def given_options(options: argparse.Namespace, config: type) -> dict[str, Any]:
    """Returns the fields of a dataclass that were given as flags."""
    names = [field.name for field in dataclasses.fields(config)]
    return {name: getattr(options, name) for name in names if hasattr(options, name)}


def with_given(config: Options, options: argparse.Namespace) -> Options:
    """Returns a config with those of its fields that were given as flags."""
    changed: Options = dataclasses.replace(typing.cast(Any, config), **given_options(options, type(config)))
    return changed
