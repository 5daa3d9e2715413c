"""`charlm fill`."""

import argparse
import json
import sys

from charlm.cli.arguments import add_options, given_options
from charlm.cli.runs import add_run, open_run
from charlm.cli.terminal import printable, read_texts
from charlm.filling import Filling, Gaps
from charlm.progress import Bar

DESCRIPTION = """\
Fills the gaps of a text with a model that was trained with --task bidirectional, which reads from both sides.

In STRING a mark stands for each hidden character, as in "The ___ fox"; {…} or {...} stands for some, and {8} for eight
at most. The answers are printed with their probabilities among those that were found. Without STRING, or with -,
standard input is read, a text a line.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_run(parser)
    parser.add_argument(
        "strings", nargs="*", metavar="STRING", help="texts with gaps; standard input where there are none"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per text")
    add_options(parser, Gaps)


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    trained = open_run(options, "fill")
    for texts, bar in read_texts(options.strings, progress="filling"):
        for text in texts:
            _print(text, trained.fill(text, **given_options(options, Gaps)), bar, as_json=options.json)
            bar.update()
            sys.stdout.flush()


def _print(text: str, answers: list[Filling], bar: Bar, *, as_json: bool) -> None:
    bar.clear()
    if as_json:
        found = [{"text": one.text, "gaps": one.gaps, "probability": one.probability} for one in answers]
        print(json.dumps({"source": text, "answers": found}))
        return
    for answer in answers:
        print(f"{answer.probability:7.2%}  {printable(answer.text)}")
