"""What depends on whether standard output is a terminal."""

import os
import sys

from charlm.text import escape_controls


def printable(text: str) -> str:
    """Returns a text with its control characters escaped where stdout is a terminal."""
    return escape_controls(text) if sys.stdout.isatty() else text


def has_colors() -> bool:
    """Tells whether to write in colours: to a terminal whose user has not set `NO_COLOR` (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
