"""`charlm correct`."""

import argparse
import codecs
import dataclasses
import json
from pathlib import Path

from charlm.cli.arguments import add_options, given_options
from charlm.cli.runs import add_run, open_run
from charlm.cli.terminal import printable
from charlm.correction import Correcting, apply
from charlm.errors import ConfigError, TextError
from charlm.files import replacing_file
from charlm.text import STANDARD_INPUT, standard_input

DESCRIPTION = """\
Finds likely typing errors: characters substituted, missing, superfluous or swapped.

A model that was trained with --task bidirectional sees most.

FILE is read as UTF-8. Each error is printed with its line and column, and with the odds that it is one: how many times
likelier the text is with the suggestion, divided by the number of ways in which the error can have come about.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_run(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="a text, or - for standard input")
    parser.add_argument("--write", action="store_true", help="write the corrected text into FILE")
    parser.add_argument("--json", action="store_true", help="print one JSON object per error")
    add_options(parser, Correcting)


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    trained = open_run(options, "correct")
    is_input = str(options.file) == STANDARD_INPUT
    if is_input and options.write:
        raise ConfigError("--write needs a file to write into. Name it in the place of -.")
    try:
        content = standard_input().read() if is_input else options.file.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise TextError(f"{options.file} cannot be read: {error.strerror}. Name a text file.") from None
    except UnicodeDecodeError as error:
        raise TextError(f"{options.file} cannot be read as UTF-8: {error}. Convert it to UTF-8.") from None
    corrections = trained.correct(text, progress="correcting", **given_options(options, Correcting))
    if options.write and corrections:
        with replacing_file(options.file) as temporary:
            has_mark = content.startswith(codecs.BOM_UTF8)
            temporary.write_bytes(apply(text, corrections).encode("utf-8-sig" if has_mark else "utf-8"))
    for one in corrections:
        if options.json:
            print(json.dumps(dataclasses.asdict(one)))
            continue
        place = f"{options.file}:{one.line}:{one.column}"
        print(printable(f"{place}: {one.kind} {one.found!r} → {one.suggestion!r}, odds {one.odds:,.0f}:1"))
