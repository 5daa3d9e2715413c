"""`charlm translate`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from charlm.cli.arguments import add_options, given_options
from charlm.cli.runs import add_run, open_run
from charlm.cli.terminal import printable, read_texts
from charlm.errors import ConfigError, TextError
from charlm.plots import draw_alignment, plot_alignment
from charlm.text_translator import Alignment, Decoding, Translation

DESCRIPTION = """\
Translates texts with a model that was trained with --task translate; one of --task autoencode rebuilds them.

Without STRING, or with -, standard input is read, a text a line, and each line has its translation in its place.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_run(parser)
    parser.add_argument("strings", nargs="*", metavar="STRING", help="texts; standard input where there are none")
    parser.add_argument("--show-attention", action="store_true", help="draw where the model looked, in the terminal")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw where the model looked, as a picture")
    parser.add_argument("--json", action="store_true", help="print one JSON object per text, with the whole beam")
    add_options(parser, Decoding)


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    trained = open_run(options, "translate")
    decoding = given_options(options, Decoding)
    if options.plot and (len(options.strings) != 1 or options.strings == ["-"]):
        raise ConfigError("--plot draws one text. Give it alone, as STRING.")
    done = 0
    for sources, bar in read_texts(options.strings, progress="translating"):
        translations = trained.translations(sources, first=done, progress=bar, **decoding)
        done += len(sources)
        bar.clear()
        for source, found in zip(sources, translations, strict=True):
            looks = (options.show_attention or options.plot) and source and found[0].text
            if options.plot and not looks:
                raise TextError(f"There is no translation to plot. Received: {source!r}.")
            alignment = trained.align(source, found[0].text) if looks else None
            (_print_json if options.json else _print)(source, found, alignment if options.show_attention else None)
            if alignment and options.plot:
                plot_alignment(alignment, options.plot)
        sys.stdout.flush()


def _print(source: str, found: list[Translation], alignment: Alignment | None) -> None:
    print(printable(found[0].text))
    if alignment:
        print(draw_alignment(alignment))


def _print_json(source: str, found: list[Translation], alignment: Alignment | None) -> None:
    result: dict[str, Any] = {"source": source}
    result["translations"] = [{"text": one.text, "score": one.score} for one in found]
    if alignment:
        weights = alignment.weights.round(4).tolist()
        result["attention"] = {"source": alignment.source, "target": alignment.target, "weights": weights}
    print(json.dumps(result))
