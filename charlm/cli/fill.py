"""`charlm fill`."""

import argparse
import json

from charlm.cli.arguments import add_options, given_options
from charlm.cli.terminal import printable
from charlm.filling import Gaps
from charlm.run import load

DESCRIPTION = """\
Fills the gaps of a text with a model that was trained with --task bidirectional, which reads from both sides.

In STRING a mark stands for each hidden character, as in "The ___ fox"; {…} or {...} stands for some, and {8} for eight
at most. The answers are printed with their probabilities among those that were found.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("folder", metavar="RUN", help="a run's folder, or any folder with a bundle")
    parser.add_argument("strings", nargs="+", metavar="STRING", help="texts with gaps")
    parser.add_argument("--json", action="store_true", help="print one JSON object a text")
    add_options(parser, Gaps)


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    trained = load(options.folder)
    for text in options.strings:
        answers = trained.fill(text, **given_options(options, Gaps))
        if options.json:
            found = [{"text": one.text, "gaps": one.gaps, "probability": one.probability} for one in answers]
            print(json.dumps({"source": text, "answers": found}))
            continue
        for answer in answers:
            print(f"{answer.probability:7.2%}  {printable(answer.text)}")
