"""Pictures, in the terminal and as files."""

import html
import importlib.util
import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from charlm.errors import CharlmError
from charlm.files import replacing_file
from charlm.text import escape_controls

if TYPE_CHECKING:
    from charlm.surprise import Surprise
    from charlm.text_translator import Alignment
    from charlm.tokenizer import Tokenizer

SHADES = " ░▒▓█"
_REDS = (0, 230, 223, 217, 210, 203, 196)  #: of a terminal's 256 colours; the first is none
_BITS_A_SHADE = 1.5
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body {{ margin: 2em auto; max-width: 50em; font: 16px/1.6 sans-serif }}
pre {{ font: 15px/1.6 monospace; white-space: pre-wrap }}</style></head>
<body><h1>{title}</h1><p>The redder, the more surprising. A character under the mouse tells what was expected.</p>
<pre>{spans}</pre></body></html>
"""
_FONTS = ["DejaVu Sans", "Noto Sans CJK JP", "Noto Sans", "Arial Unicode MS"]  # those that the machine has are tried


def draw_alignment(alignment: "Alignment") -> str:
    """Returns an alignment as text: the source along the top, a line for each piece of the target.

    >>> import numpy as np
    >>> from charlm.text_translator import Alignment
    >>> print(draw_alignment(Alignment(["a", "b"], ["B", "A"], np.array([[0.0, 1.0], [0.9, 0.1]]))))
      ab
    B  █
    A █
    """
    source, target = ([_visible(piece) for piece in side] for side in (alignment.source, alignment.target))
    margin, height = max(map(_columns, target)), max(map(len, source))
    widths = [max((_columns(char) for char in piece), default=1) or 1 for piece in source]
    columns = list(zip((piece.rjust(height) for piece in source), widths, strict=True))
    head = [
        _gap("", margin + 1) + "".join(stack[line] + _gap(stack[line], width) for stack, width in columns)
        for line in range(height)
    ]
    rows = [
        f"{_gap(piece, margin)}{piece} "
        + "".join(SHADES[round(float(weight) * (len(SHADES) - 1))] * width for weight, (_, width) in shares)
        for piece, weights in zip(target, alignment.weights, strict=True)
        for shares in [zip(weights, columns, strict=True)]
    ]
    return "\n".join(line.rstrip() for line in [*head, *rows])


def _gap(text: str, width: int) -> str:
    return " " * (width - _columns(text))


def _columns(text: str) -> int:
    """Returns how many columns of a terminal a text takes (Unicode Standard Annex 11)."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)


def plot_alignment(alignment: "Alignment", path: str | os.PathLike[str]) -> None:
    """Writes an alignment as a picture, whose kind follows from the file's ending.

    Raises:
        CharlmError: matplotlib is not installed, or does not know the file's ending.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise CharlmError("A plot needs matplotlib. Install it with: pip install 'charlm[plot]'.")
    from matplotlib import font_manager, rc_context
    from matplotlib.figure import Figure

    known = {font.name for font in font_manager.fontManager.ttflist}
    with rc_context({"font.family": [font for font in _FONTS if font in known] or ["sans-serif"]}):
        size = [max(len(pieces) * 0.22 + 1, 2.5) for pieces in (alignment.source, alignment.target)]
        figure = Figure(figsize=(size[0], size[1]), layout="constrained")
        axes = figure.add_subplot()
        axes.imshow(alignment.weights, cmap="Greys", vmin=0, vmax=1, aspect="equal")
        axes.set_xticks(range(len(alignment.source)), [*map(_visible, alignment.source)], parse_math=False)
        axes.set_yticks(range(len(alignment.target)), [*map(_visible, alignment.target)], parse_math=False)
        axes.xaxis.tick_top()
        axes.set(xlabel="source", ylabel="translation")
        try:
            figure.savefig(path, dpi=150)
        except ValueError as error:
            raise CharlmError(f"{os.fspath(path)} cannot be drawn: {error}. Name a file that ends in .png.") from None


def color_surprise(surprise: "Surprise") -> str:
    """Returns a text whose characters are the redder, on a terminal, the more bits they cost."""
    shown = []
    for piece, bits in zip(surprise.pieces, surprise.bits, strict=True):
        shade = _REDS[min(int(bits / _BITS_A_SHADE), len(_REDS) - 1)]
        lines = [escape_controls(line) for line in piece.split("\n")]
        lines = [f"\x1b[48;5;{shade}m\x1b[30m{line}\x1b[0m" if shade and line else line for line in lines]
        shown.append("\n".join(lines))
    return "".join(shown)


def number_surprise(surprise: "Surprise") -> str:
    """Returns a text with each character's bits under it, 9 for nine and more: without colours.

    >>> import numpy as np
    >>> from charlm.surprise import Surprise
    >>> nothing = np.zeros((3, 0))
    >>> print(number_surprise(Surprise(["a", "b", "c"], np.array([0.2, 3.6, 12.0]), nothing, nothing)))
    abc
    049
    """
    text = "".join(surprise.pieces)
    figures = "".join(
        figure + " " * (len(piece) - 1) if "\n" not in piece else piece
        for piece, bits in zip(surprise.pieces, surprise.bits, strict=True)
        for figure in [str(min(round(float(bits)), 9)) if piece else ""]
    )
    pairs = zip(text.split("\n"), figures.split("\n"), strict=True)
    return "\n".join(line for pair in pairs for line in pair if pair[0])


def write_surprise(surprise: "Surprise", tokenizer: "Tokenizer", path: str | os.PathLike[str], *, title: str) -> None:
    """Writes a text as a page of HTML that needs nothing else: the redder a character, the more bits it cost.

    Under the mouse a character tells its bits, and what was expected in its place.
    """
    spans = []
    for piece, bits, expected, probabilities in zip(
        surprise.pieces, surprise.bits, surprise.expected, surprise.probabilities, strict=True
    ):
        others = ", ".join(
            f"{_visible(tokenizer.decode([int(token)])) or '∎'} {probability:.0%}"
            for token, probability in zip(expected, probabilities, strict=True)
        )
        tip, color = html.escape(f"{bits:.1f} bits: {others}"), f"rgba(220,30,30,{min(float(bits) / 12, 1):.2f})"
        spans.append(f'<span title="{tip}" style="background:{color}">{html.escape(piece)}</span>')
    page = _PAGE.format(title=html.escape(title), spans="".join(spans))
    with replacing_file(Path(path)) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _visible(piece: str) -> str:
    piece = piece.replace(" ", "␣").replace("\t", "⇥").replace("\n", "↵")
    return "".join(char if char.isprintable() else "�" for char in piece)
