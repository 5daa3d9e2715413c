"""What depends on whether standard input and output are terminals."""

import io
import itertools
import logging
import os
import sys
from collections.abc import Iterator

from charlm.errors import TextError
from charlm.progress import Bar, open_bar
from charlm.text import escape_controls

log = logging.getLogger(__name__)

_LINES_AT_ONCE = 1024


def printable(text: str) -> str:
    """Returns a text with its control characters escaped where stdout is a terminal."""
    return escape_controls(text) if sys.stdout.isatty() else text


def has_colors() -> bool:
    """Tells whether to write in colours: to a terminal whose user has not set `NO_COLOR` (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def read_texts(strings: list[str], *, progress: str) -> Iterator[tuple[list[str], Bar]]:
    """Yields some texts at a time: those given, or the lines of standard input, which a terminal gives one by one.

    With them comes a progress bar for them all; there is none for what somebody types.

    Raises:
        TextError: standard input is to be read, and is closed.
    """
    reads = strings in ([], ["-"])
    if reads and sys.stdin is None:
        raise TextError("Standard input is closed. Give texts as STRING.")
    texts = _read_lines() if reads else iter(strings)
    is_typed = reads and sys.stdin.isatty()
    with open_bar(None if is_typed else progress, unit="text", total=None if reads else len(strings)) as bar:
        while some := list(itertools.islice(texts, 1 if is_typed else _LINES_AT_ONCE)):
            yield some, bar


def _read_lines() -> Iterator[str]:
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="replace", newline="\n")
    is_whole = True
    for number, line in enumerate(sys.stdin, 1):
        if is_whole and "\ufffd" in line:
            is_whole = False
            log.warning("Line %s of standard input holds U+FFFD, which stands for bytes that are not UTF-8.", number)
        yield line.rstrip("\r\n")
