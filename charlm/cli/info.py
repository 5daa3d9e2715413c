"""`charlm info`."""

import argparse
import json

from charlm.cli.runs import add_run
from charlm.run import load
from charlm.text import escape_controls

DESCRIPTION = """\
Tells what a run's bundle holds: the network, the text it was trained on, its loss, what it can do.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_run(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    info = load(options.folder).info
    if options.json:
        print(json.dumps(info))
        return
    for name, value in info.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else f"{value:,}" if type(value) is int else value
        print(escape_controls(f"{name.replace('_', ' '):32}{shown}"))
