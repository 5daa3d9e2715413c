"""`charlm translate`."""

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from charlm.cli.arguments import add_options, given_options
from charlm.cli.sample import printable
from charlm.plots import draw_alignment, plot_alignment
from charlm.run import Run, load
from charlm.text_translator import Decoding

DESCRIPTION = """\
Translates texts with a model that was trained with --task translate.

Without STRING, or with -, standard input is read, a text a line, and each line has its translation in its place.
"""
_LINES_AT_ONCE = 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("folder", metavar="RUN", help="a run's folder, or any folder with a bundle")
    parser.add_argument("strings", nargs="*", metavar="STRING", help="texts; standard input where there are none")
    parser.add_argument("--show-attention", action="store_true", help="draw where the model looked, in the terminal")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw where the model looked, as a picture")
    parser.add_argument("--json", action="store_true", help="print one JSON object a text, with the whole beam")
    add_options(parser, Decoding)


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    trained = load(options.folder)
    decoding = given_options(options, Decoding)
    texts = iter(options.strings) if options.strings not in ([], ["-"]) else _read_lines()
    at_once = 1 if sys.stdin.isatty() and not options.strings else _LINES_AT_ONCE
    while sources := list(itertools.islice(texts, at_once)):
        for source, found in zip(
            sources, trained.translations(sources, progress="translating", **decoding), strict=True
        ):
            if options.json:
                beam = [{"text": one.text, "score": one.score} for one in found]
                print(json.dumps({"source": source, "translations": beam}))
            else:
                print(printable(found[0].text))
            _show(trained, source, found[0].text, options)
        sys.stdout.flush()


def _read_lines() -> Iterator[str]:
    return (line.rstrip("\r\n") for line in sys.stdin)


def _show(trained: Run, source: str, target: str, options: argparse.Namespace) -> None:
    if not (options.show_attention or options.plot) or not source:
        return
    alignment = trained.align(source, target)
    if options.show_attention:
        print(draw_alignment(alignment))
    if options.plot:
        plot_alignment(alignment, options.plot)
