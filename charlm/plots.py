"""Pictures, in the terminal and as files."""

import importlib.util
import os
from typing import TYPE_CHECKING

from charlm.errors import CharlmError

if TYPE_CHECKING:
    from charlm.text_translator import Alignment

SHADES = " ░▒▓█"
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
    margin = max(map(len, alignment.target))
    height = max(map(len, alignment.source))
    columns = [_visible(piece).rjust(height) for piece in alignment.source]
    head = [" " * (margin + 1) + "".join(column[line] for column in columns) for line in range(height)]
    rows = [
        f"{_visible(piece):>{margin}} "
        + "".join(SHADES[round(float(weight) * (len(SHADES) - 1))] for weight in weights)
        for piece, weights in zip(alignment.target, alignment.weights, strict=True)
    ]
    return "\n".join(line.rstrip() for line in [*head, *rows])


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
        axes.set_xticks(range(len(alignment.source)), [_visible(piece) for piece in alignment.source])
        axes.set_yticks(range(len(alignment.target)), [_visible(piece) for piece in alignment.target])
        axes.xaxis.tick_top()
        axes.set(xlabel="source", ylabel="translation")
        try:
            figure.savefig(path, dpi=150)
        except ValueError as error:
            raise CharlmError(f"{os.fspath(path)} cannot be drawn: {error}. Name a file that ends in .png.") from None


def _visible(piece: str) -> str:
    return piece.replace(" ", "␣").replace("\t", "⇥").replace("\n", "↵")
