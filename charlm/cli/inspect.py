"""`charlm inspect`."""

import argparse
import dataclasses
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from charlm.cli.arguments import add_options, with_given
from charlm.cli.runs import add_run, open_run
from charlm.cli.terminal import has_colors
from charlm.config import ReadingConfig
from charlm.datasets import read_corpus
from charlm.errors import ConfigError, TextError
from charlm.inspection import FEATURES, Follower
from charlm.plots import draw_activity, plot_activity, visible
from charlm.run import Run
from charlm.text import join_chunks

DESCRIPTION = """\
Shows what a model does while it reads STRING: what each character cost, in bits, and what was expected in its place.

With --unit, the value of one unit after each character, as a strip of colours under the text, from blue (low) to red
(high); without a terminal, as figures from 0 to 9. With --find, the units of all layers are ranked by how well they
follow a feature of the text, by Pearson's correlation, and the best one is shown. Of a long text the first 800
characters are shown.

  charlm inspect runs/book "ROMEO: But, soft!"
  charlm inspect runs/book --file chapter.txt --find position --plot position.png
  charlm inspect runs/book "ROMEO: But, soft!" --unit 17 --part forget
"""
_ALTERNATIVES = 5
_RANKED = 5
_SHOWN = 800  #: characters of a text that are drawn


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_run(parser)
    parser.add_argument(
        "string", nargs="?", metavar="STRING", help="the text to read; standard input where it is left out, or -"
    )
    parser.add_argument("--file", metavar="FILE", help="read the text from a file, - for standard input")
    parser.add_argument("--unit", type=int, metavar="N", help="show this unit, counted from 0 (of --plot alone: 0)")
    parser.add_argument("--layer", type=int, metavar="N", help="of the unit, counted from 0 (default: 0)")
    parser.add_argument(
        "--part",
        metavar="P",
        help="state, or of an LSTM: cell, input, forget, output, candidate; of a GRU: update, reset, candidate "
        "(default: state)",
    )
    parser.add_argument("--find", choices=sorted(FEATURES), help="rank the units by how well they follow this")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the unit as a picture, FILE.png")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    add_options(parser, ReadingConfig, defaults=False)


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    trained = open_run(options, "inspect")
    documents = _read(options, with_given(trained.config.reading, options))
    unit: dict[str, Any] = {"layer": options.layer, "unit": options.unit, "part": options.part}
    given = {name: value for name, value in unit.items() if value is not None}
    if given and options.find:
        raise ConfigError(f"--find looks at all units. Leave out {', '.join(f'--{name}' for name in given)}.")
    if given and options.unit is None:
        raise ConfigError(f"Name the --unit too. Received: {', '.join(f'--{name}' for name in given)}.")
    text = "\n".join(documents)
    if options.find:
        best = _rank(trained, text, options)
        chosen: dict[str, Any] = {"layer": best.layer, "unit": best.unit, "part": best.part}
    elif options.unit is not None or options.plot:
        chosen = {"unit": 0} | given
    else:
        _show_surprise(trained, documents if options.json else list(_begin(documents)), as_json=options.json)
        return
    if options.plot or not options.json:
        activity = trained.watch(text[:_SHOWN], **chosen)
    if options.plot:
        plot_activity(activity, options.plot)
    if not options.json:
        print(f"{activity.name}:")
        print(draw_activity(activity, colors=has_colors()))
    elif not options.find:
        activity = trained.watch(text, **chosen)
        for piece, value in zip(activity.pieces, activity.values.tolist(), strict=True):
            print(json.dumps({"text": piece, "value": value}))


def _read(options: argparse.Namespace, config: ReadingConfig) -> list[str]:
    """Returns the documents to read."""
    if options.string is not None and options.file is not None:
        raise ConfigError("Give either STRING or --file.")
    file = "-" if options.string in (None, "-") and options.file is None else options.file
    documents = [options.string] if file is None else list(join_chunks(read_corpus([file], config)))
    if not any(documents):
        raise TextError("The text is empty: there is nothing to read.")
    return documents


def _begin(documents: Iterable[str]) -> Iterator[str]:
    """Yields documents, or the beginning of one, until as many characters are there as are shown."""
    left = _SHOWN
    for document in documents:
        if left > 0:
            yield document[:left]
        left -= len(document)


def _rank(trained: Run, text: str, options: argparse.Namespace) -> Follower:
    ranked = trained.find_units(text, options.find, progress="reading")[:_RANKED]
    for found in ranked:
        if options.json:
            print(json.dumps({"feature": options.find, **dataclasses.asdict(found)}))
        else:
            print(f"{found.correlation:+.3f}  layer {found.layer}, unit {found.unit}, {found.part}")
    return ranked[0]


def _show_surprise(trained: Run, documents: list[str], *, as_json: bool) -> None:
    surprise = trained.surprise(documents, alternatives=_ALTERNATIVES)
    for piece, bits, expected, shares in zip(
        surprise.pieces, surprise.bits, surprise.expected, surprise.probabilities, strict=True
    ):
        names = [trained.tokenizer.decode([int(token)]) for token in expected]
        likeliest = list(zip(names, shares.tolist(), strict=True))
        if as_json:
            others = [{"text": name, "probability": share} for name, share in likeliest]
            print(json.dumps({"text": piece, "bits": float(bits), "expected": others}))
        else:
            shown = "  ".join(f"{visible(name) or '∎'} {share:.0%}" for name, share in likeliest)
            print(f"{visible(piece):>4} {bits:6.2f} bits   {shown}")
