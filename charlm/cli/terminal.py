"""What depends on whether standard input and output are terminals."""

import codecs
import io
import logging
import os
import sys
import typing
from collections.abc import Iterator

from charlm.errors import TextError
from charlm.progress import Bar, open_bar
from charlm.text import escape_controls, lines_by_piece

log = logging.getLogger(__name__)

_LINES_AT_ONCE = 1024
_BLOCK = 1 << 16  #: bytes


def printable(text: str) -> str:
    """Returns a text with its control characters escaped where stdout is a terminal."""
    return escape_controls(text) if sys.stdout.isatty() else text


def has_colors() -> bool:
    """Tells whether to write in colours: to a terminal whose user has not set `NO_COLOR` (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def read_texts(strings: list[str], *, progress: str) -> Iterator[tuple[list[str], Bar]]:
    """Yields some texts at a time: those given, or the lines of standard input, as many as have arrived.

    With them comes a progress bar for them all; there is none for what somebody types.

    Raises:
        TextError: standard input is to be read, and is closed.
    """
    reads = strings in ([], ["-"])
    if reads and sys.stdin is None:
        raise TextError("Standard input is closed. Give texts as STRING.")
    is_typed = reads and sys.stdin.isatty()
    with open_bar(None if is_typed else progress, unit="text", total=None if reads else len(strings)) as bar:
        for texts in _read_lines() if reads else [strings]:
            for begin in range(0, len(texts), _LINES_AT_ONCE):
                yield texts[begin : begin + _LINES_AT_ONCE], bar


def _read_lines() -> Iterator[list[str]]:
    """Yields the lines of standard input that have arrived: who writes one at a time has each answered at once."""
    done, is_whole = 0, True
    for lines in lines_by_piece(_read_pieces()):
        for number, line in enumerate(lines, done + 1):
            if is_whole and "\ufffd" in line:
                is_whole = False
                log.warning(
                    "Line %s of standard input holds U+FFFD, which stands for bytes that are not UTF-8.", number
                )
        done += len(lines)
        yield [line.rstrip("\r") for line in lines]


def _read_pieces() -> Iterator[str]:
    source = typing.cast(io.BufferedReader, sys.stdin.buffer)  # not all that a `BinaryIO` may be has `read1`
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
    while block := source.read1(_BLOCK):
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)
