"""`charlm embed`."""

import argparse
import io
import logging
from pathlib import Path

import numpy as np

from charlm.cli.arguments import add_options, with_given
from charlm.cli.runs import add_run, open_run
from charlm.config import ReadingConfig
from charlm.datasets import find_sources, read_documents, read_lines
from charlm.errors import TextError
from charlm.files import replacing_file

log = logging.getLogger(__name__)

DESCRIPTION = """\
Turns the lines of a text into vectors, with a model that was trained with --task bidirectional or autoencode.

OUT is an array of NumPy, a row for each line, empty lines too (with --field a row for each record):
`numpy.load(OUT)`.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_run(parser)
    parser.add_argument("file", metavar="FILE", help="a text: a file, or - for standard input")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="the file to write")
    add_options(parser, ReadingConfig, defaults=False)


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    trained = open_run(options, "embed")
    reading = with_given(trained.config.reading, options)
    read = read_documents if reading.field else read_lines
    texts = [text for source in find_sources([options.file]) for text in read(source, reading)]
    if not texts:
        raise TextError(f"{options.file} is empty: there is nothing to embed.")
    vectors = trained.embed(texts, progress="embedding")
    array = io.BytesIO()  # as a pipe has no place that NumPy could ask for
    np.save(array, vectors)
    with replacing_file(options.output) as temporary:
        temporary.write_bytes(array.getbuffer())
    log.info("%s: %s vectors of %s numbers", options.output, f"{vectors.shape[0]:,}", f"{vectors.shape[1]:,}")
