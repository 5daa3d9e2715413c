"""`charlm score`."""

import argparse
import dataclasses
import itertools
import json
import logging
from collections.abc import Iterable
from pathlib import Path

from charlm.cli.arguments import add_options, with_given
from charlm.cli.runs import add_run, open_run
from charlm.cli.terminal import has_colors, printable
from charlm.config import ReadingConfig
from charlm.datasets import find_sources, read_documents
from charlm.errors import ConfigError, TextError
from charlm.plots import color_surprise, number_surprise, write_surprise
from charlm.run import Run
from charlm.surprise import READINGS, Surprise, rank_lines
from charlm.text import escape_controls

DESCRIPTION = """\
Tells how many bits texts cost under a model. They are read as the training text was, unless told otherwise.

A long text is cut into rows that run in parallel, each warmed on the 1,024 ids before it; training computes its
validation loss in the same way. A character that the model does not know is charged as `<unk>` plus 21 bits.
"""
_ALTERNATIVES = 5

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_run(parser)
    parser.add_argument("files", nargs="+", metavar="FILE", help="texts: files, folders, globs, - or names")
    parser.add_argument("--json", action="store_true", help="print one JSON object per file, line or character")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--per-line", action="store_true", help="rank the lines, the most surprising first")
    way.add_argument("--per-character", action="store_true", help="show the text coloured by surprise")
    parser.add_argument(
        "--reading",
        choices=READINGS,
        default="forward",
        help="for --per-line, --per-character and --html; all but forward need --task bidirectional (default: forward)",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write --per-character as a page, with alternatives")
    add_options(parser, ReadingConfig, defaults=False)


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    trained = open_run(options, "score")
    config = with_given(trained.config.reading, options)
    files = find_sources(options.files)
    if options.html and (options.per_line or len(files) > 1):
        raise ConfigError("--html writes a page of one text, by characters. Name one FILE, without --per-line.")
    show = _show_lines if options.per_line else _show_characters if options.per_character or options.html else _score
    if show is _score and options.reading != "forward":
        raise ConfigError(
            "--reading is for --per-line, --per-character and --html; without them all readings are told."
        )
    empty = []
    for file in files:
        texts = read_documents(file, config)
        first = next(filter(None, texts), None)
        if first is None:
            empty.append(file)
        else:
            if show is not _score and len(files) > 1 and not options.json:
                print(f"{printable(file)}:")
            show(trained, file, itertools.chain([first], texts), options)
    if len(empty) == len(files):
        raise TextError(f"There is nothing to score: {', '.join(empty)} is empty.")
    if empty:
        log.warning("Left out, as they are empty: %s.", ", ".join(empty))


def _score(trained: Run, file: str, texts: Iterable[str], options: argparse.Namespace) -> None:
    scores = trained.scores(texts, progress=escape_controls(file))
    score = scores.pop("forward")
    if options.json:
        names = ("characters", "bytes", "bits", "bits_per_character", "bits_per_byte", "nats_per_character")
        figures = {name: getattr(score, name) for name in names}
        figures |= {f"{name}_bits_per_character": other.bits_per_character for name, other in scores.items()}
        print(json.dumps({"file": file} | figures))
        return
    shown = printable(file)
    print(
        f"{shown}: {score.bits_per_character:.4f} bits per character, {score.bits_per_byte:.4f} bits per byte, "
        f"{score.nats_per_character:.4f} nats per character ({score.characters:,} characters)"
    )
    for name, other in scores.items():
        print(f"{shown}: {other.bits_per_character:.4f} bits per character {name}, {READINGS[name]}")


def _read(trained: Run, texts: Iterable[str], options: argparse.Namespace, *, alternatives: int = 0) -> Surprise:
    return trained.surprise(list(texts), reading=options.reading, alternatives=alternatives)


def _show_lines(trained: Run, file: str, texts: Iterable[str], options: argparse.Namespace) -> None:
    for line in rank_lines(_read(trained, texts, options)):
        if options.json:
            print(json.dumps({"file": file, **dataclasses.asdict(line)}))
        else:
            print(f"{line.bits_per_character:6.2f} bits per character  {line.number:>6}: {printable(line.text)}")


def _show_characters(trained: Run, file: str, texts: Iterable[str], options: argparse.Namespace) -> None:
    surprise = _read(trained, texts, options, alternatives=_ALTERNATIVES)
    if options.html:
        write_surprise(surprise, trained.tokenizer, options.html, title=f"{Path(file).name}, {options.reading}")
    if options.json:
        for piece, bits in zip(surprise.pieces, surprise.bits.tolist(), strict=True):
            print(json.dumps({"file": file, "text": piece, "bits": bits}))
    elif options.per_character:
        print(color_surprise(surprise) if has_colors() else number_surprise(surprise))
