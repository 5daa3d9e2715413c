"""`charlm score`."""

import argparse
import json

from charlm.errors import TextError
from charlm.run import load
from charlm.text import find_files, read_text

DESCRIPTION = """\
Tells what texts cost under a model. A long text is read in parallel rows, each warmed on the 1,024 characters
before it; training's validation loss is the same number. A character that the model does not know is charged
as `<unk>` plus 21 bits.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("folder", metavar="RUN", help="a run's folder, or any folder with a bundle")
    parser.add_argument("files", nargs="+", metavar="FILE", help="text files, or - for standard input")
    parser.add_argument("--encoding", default="utf-8", help="encoding of the files (default: utf-8)")
    parser.add_argument("--errors", choices=("strict", "replace"), default="strict", help="what an invalid byte does")
    parser.add_argument("--json", action="store_true", help="print one JSON object a file")


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    trained = load(options.folder)
    for file in find_files(options.files):
        text = "".join(chunk.text for chunk in read_text(file, encoding=options.encoding, errors=options.errors))
        if not text:
            raise TextError(f"{file} is empty: there is nothing to score.")
        score = trained.score(text, progress=file)
        if options.json:
            names = ("characters", "bytes", "bits", "bits_per_character", "bits_per_byte", "nats_per_character")
            print(json.dumps({"file": file} | {name: getattr(score, name) for name in names}))
        else:
            print(
                f"{file}: {score.bits_per_character:.4f} bits per character, {score.bits_per_byte:.4f} bits per byte, "
                f"{score.nats_per_character:.4f} nats per character ({score.characters:,} characters)"
            )
