"""`charlm score`."""

import argparse
import dataclasses
import json

from charlm.cli.arguments import add_options, given_options
from charlm.config import ReadingConfig
from charlm.datasets import find_sources, read_source
from charlm.errors import TextError
from charlm.run import load
from charlm.text import join_chunks

DESCRIPTION = """\
Tells what texts cost under a model. They are read as the training text was, unless told otherwise.

A long text is cut into rows that run in parallel, each warmed on the 1,024 ids before it; training's validation loss
is the same number. A character that the model does not know is charged as `<unk>` plus 21 bits.
"""

READINGS = {"backward": "backward, each from those after it", "cloze": "cloze, each from all the others"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("folder", metavar="RUN", help="a run's folder, or any folder with a bundle")
    parser.add_argument("files", nargs="+", metavar="FILE", help="texts: files, folders, globs, - or names")
    parser.add_argument("--json", action="store_true", help="print one JSON object a file")
    add_options(parser, ReadingConfig, defaults=False)


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    trained = load(options.folder)
    config = dataclasses.replace(trained.config.reading, **given_options(options, ReadingConfig))
    for file in find_sources(options.files):
        scores = trained.scores(join_chunks(read_source(file, config)), progress=file)
        score = scores.pop("forward")
        if not score.characters:
            raise TextError(f"{file} is empty: there is nothing to score.")
        if options.json:
            names = ("characters", "bytes", "bits", "bits_per_character", "bits_per_byte", "nats_per_character")
            figures = {name: getattr(score, name) for name in names}
            figures |= {f"{name}_bits_per_character": other.bits_per_character for name, other in scores.items()}
            print(json.dumps({"file": file} | figures))
        else:
            print(
                f"{file}: {score.bits_per_character:.4f} bits per character, {score.bits_per_byte:.4f} bits per byte, "
                f"{score.nats_per_character:.4f} nats per character ({score.characters:,} characters)"
            )
            for name, other in scores.items():
                print(f"{file}: {other.bits_per_character:.4f} bits per character {READINGS[name]}")
