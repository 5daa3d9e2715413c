"""`charlm classify`."""

import argparse
import json
import sys

from charlm.cli.runs import add_run, open_run
from charlm.cli.terminal import printable, read_texts

DESCRIPTION = """\
Tells the label of texts, with a model that was trained with --task classify, and how sure it is.

Without STRING, or with -, standard input is read, a text a line, and each line has its label in its place. Of a text
that is longer than the run's --max-length, the beginning is read.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_run(parser)
    parser.add_argument("strings", nargs="*", metavar="STRING", help="texts; standard input where there are none")
    parser.add_argument("--json", action="store_true", help="print one JSON object per text, with all probabilities")


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    trained = open_run(options, "classify")
    labels = trained.labels
    for texts, bar in read_texts(options.strings, progress="classifying"):
        probabilities = trained.probabilities(texts, progress=bar)
        bar.clear()
        for text, row in zip(texts, probabilities, strict=True):
            label = labels[row.argmax()]
            if options.json:
                shares = dict(zip(labels, row.tolist(), strict=True))
                print(json.dumps({"text": text, "label": label, "probabilities": shares}))
            else:
                print(f"{printable(label)}\t{row.max():.1%}")
        sys.stdout.flush()
