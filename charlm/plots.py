"""Pictures, in the terminal and as files."""

import contextlib
import html
import importlib.util
import itertools
import logging
import os
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from charlm.errors import CharlmError, ConfigError
from charlm.files import replacing_file
from charlm.text import escape_controls

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from charlm.inspection import Activity
    from charlm.series import Series
    from charlm.surprise import Surprise
    from charlm.text_translator import Alignment
    from charlm.tokenizer import Tokenizer

log = logging.getLogger(__name__)

SHADES = " ░▒▓█"
_REDS = (0, 230, 223, 217, 210, 203, 196)  #: of a terminal's 256 colours; the first is none
_BITS_A_SHADE = 1.5
_RAMP = (21, 27, 33, 75, 153, 255, 224, 217, 209, 203, 196)  #: of a terminal's colours, from blue over white to red
_LAST_RESORT = "Last Resort"  #: a font of boxes for all of Unicode, which comes with matplotlib
_PLOTTED = 80  #: pieces a line of a plot
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body {{ margin: 2em auto; max-width: 50em; font: 16px/1.6 sans-serif }}
pre {{ font: 15px/1.6 monospace; white-space: pre-wrap }}</style></head>
<body><h1>{title}</h1><p>The redder, the more surprising. A character under the mouse tells what was expected.</p>
<pre>{spans}</pre></body></html>
"""


def draw_alignment(alignment: "Alignment") -> str:
    """Returns an alignment as text: the source along the top, a line for each piece of the target.

    >>> import numpy as np
    >>> from charlm.text_translator import Alignment
    >>> print(draw_alignment(Alignment(["a", "b"], ["B", "A"], np.array([[0.0, 1.0], [0.9, 0.1]]))))
      ab
    B  █
    A █
    """
    source, target = ([visible(piece) for piece in side] for side in (alignment.source, alignment.target))
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
    kept = [char for char in text if unicodedata.category(char) not in ("Mn", "Me")]  # but for marks upon others
    return len(kept) + sum(unicodedata.east_asian_width(char) in "WF" for char in kept)


def plot_alignment(alignment: "Alignment", path: str | os.PathLike[str]) -> None:
    """Writes an alignment as a picture, whose kind follows from the file's ending.

    Raises:
        ConfigError: matplotlib does not know the file's ending.
        CharlmError: matplotlib is not installed.
    """
    size = [max(len(pieces) * 0.22 + 1, 2.5) for pieces in (alignment.source, alignment.target)]
    sides = [[*map(visible, pieces)] for pieces in (alignment.source, alignment.target)]
    with _drawing(path, (size[0], size[1]), itertools.chain(*sides)) as (axes,):
        axes.imshow(alignment.weights, cmap="Greys", vmin=0, vmax=1, aspect="equal")
        axes.set_xticks(range(len(sides[0])), sides[0], parse_math=False)
        axes.set_yticks(range(len(sides[1])), sides[1], parse_math=False)
        axes.xaxis.tick_top()
        axes.set(xlabel="source", ylabel="translation")


@contextlib.contextmanager
def _drawing(
    path: str | os.PathLike[str],
    size: tuple[float, float],
    labels: Iterable[str] = (),
    *,
    rows: int = 1,
    font: str = "DejaVu Sans",
) -> "Iterator[list[Axes]]":
    """Opens a picture of so many inches, with axes one upon the other, and writes it in the end."""
    if importlib.util.find_spec("matplotlib") is None:
        raise CharlmError("A plot needs matplotlib. Install it with: pip install matplotlib")
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"font.family": _find_fonts(font, {char for label in labels for char in label})}):
        figure = Figure(figsize=size, layout="constrained")
        yield list(np.ravel(figure.subplots(rows)))
        try:
            with warnings.catch_warnings(action="ignore", category=UserWarning):  # it was told already
                figure.savefig(path, dpi=150)
        except ValueError as error:
            raise ConfigError(f"{os.fspath(path)} cannot be drawn: {error}. Name a file that ends in .png.") from None


def _find_fonts(first: str, characters: set[str]) -> list[str]:
    """Returns a font that comes with matplotlib, and those of this machine that have the characters it lacks."""
    from matplotlib import font_manager

    found: list[str] = []
    missing = {char for char in characters if char.isprintable()}
    known = [(font.name, font.fname) for font in font_manager.fontManager.ttflist if _LAST_RESORT not in font.name]
    for name, file in [(first, font_manager.findfont(first)), *known]:
        if found and not missing:
            break
        with contextlib.suppress(OSError, RuntimeError):  # a font that cannot be read
            lacking = missing - set(map(chr, font_manager.get_font(file).get_charmap()))
            if not found or lacking < missing:
                found.append(name)
            missing = lacking
    if missing:
        log.warning("No font of this machine shows %s: boxes stand for them.", " ".join(sorted(missing)[:10]))
    return found


def draw_activity(activity: "Activity", *, colors: bool) -> str:
    """Returns a text with a strip under each line that shows a unit's values: colours, or figures from 0 to 9.

    States lie between -1 and 1, gates between 0 and 1; an LSTM's cell is shown up to its largest value.

    >>> import numpy as np
    >>> from charlm.inspection import Activity
    >>> values = np.array([-1.0, 0.0, 0.5, 1.0])
    >>> print(draw_activity(Activity(["a", "b", "\\n", "c"], values, 0, 0, "state"), colors=False))
    ab↵
    057
    c
    9
    """
    low, high = _limits(activity)
    shares = np.clip((activity.values - low) / (high - low), 0, 1)

    def mark(share: float, width: int) -> str:
        if colors:
            return f"\x1b[48;5;{_RAMP[round(share * (len(_RAMP) - 1))]}m{' ' * width}\x1b[0m"
        return str(min(int(share * 10), 9)) * width

    return _underline(zip(activity.pieces, shares.tolist(), strict=True), mark)


def _underline(values: Iterable[tuple[str, float]], mark: Callable[[float, int], str]) -> str:
    """Returns a text with a strip under each line: under each piece, its value's mark of so many columns."""
    lines: list[tuple[list[str], list[str]]] = [([], [])]
    for piece, value in values:
        shown = visible(piece).replace("␣", " ")
        lines[-1][0].append(shown)
        lines[-1][1].append(mark(value, _columns(shown)))
        if "\n" in piece:
            lines.append(([], []))
    return "\n".join("".join(part) for line in lines for part in line if line[0])


def plot_activity(activity: "Activity", path: str | os.PathLike[str]) -> None:
    """Writes the same as a picture, whose kind follows from the file's ending.

    Raises:
        ConfigError: matplotlib does not know the file's ending.
        CharlmError: matplotlib is not installed.
    """
    low, high = _limits(activity)
    shown = [*map(visible, activity.pieces)]
    begins = range(0, len(shown), _PLOTTED)
    size = (_PLOTTED * 0.16, 0.55 * len(begins) + 0.6)
    with _drawing(path, size, shown, rows=len(begins), font="DejaVu Sans Mono") as rows:
        for axes, begin in zip(rows, begins, strict=True):
            pieces = shown[begin : begin + _PLOTTED]
            values = np.full((1, _PLOTTED), np.nan)
            values[0, : len(pieces)] = activity.values[begin : begin + _PLOTTED]
            axes.imshow(values, cmap="coolwarm", vmin=low, vmax=high, aspect="auto")
            axes.set_xticks(range(len(pieces)), pieces, parse_math=False)
            axes.xaxis.tick_top()
            axes.tick_params(length=0)
            axes.set_yticks([])
        rows[0].set_title(f"{activity.name}: {low:.2g} (blue) to {high:.2g} (red)")


def plot_forecast(
    series: "Series", found: NDArray[np.float64], path: str | os.PathLike[str], *, shown: int, first: int = 1
) -> None:
    """Writes a picture of a series and of what follows it, with its interval, a panel for each column.

    Args:
        series: the numbers.
        found: quantiles `(K, C, Q)`, the median in the middle.
        path: the file, whose kind follows from its ending.
        shown: steps of the series that are drawn.
        first: step of the first quantiles; 1 is the one after the series.

    Raises:
        ConfigError: matplotlib does not know the file's ending.
        CharlmError: matplotlib is not installed.
    """
    values = series.values[-shown:]
    past, next_steps = np.arange(-len(values) + 1, 1), np.arange(first, first + len(found))
    with _drawing(path, (8, 2.5 * len(series.names)), series.names, rows=len(series.names)) as panels:
        for column, (axes, name) in enumerate(zip(panels, series.names, strict=True)):
            low, *_, high = found[:, column].T
            axes.plot(past, values[:, column], color="black", linewidth=1, label="series")
            axes.fill_between(next_steps, low, high, color="tab:blue", alpha=0.3, linewidth=0, label="80%")
            median = found[:, column, found.shape[2] // 2]
            axes.plot(next_steps, median, color="tab:blue", marker=".", label="median")
            axes.set_ylabel(visible(name), parse_math=False)
            axes.set_xlabel("steps from now")
            axes.legend(loc="upper left")


def _limits(activity: "Activity") -> tuple[float, float]:
    if activity.part in ("state", "candidate"):
        return -1.0, 1.0
    if activity.part == "cell":
        largest = max(float(np.abs(activity.values).max()), 1e-6)
        return -largest, largest
    return 0.0, 1.0


def color_surprise(surprise: "Surprise") -> str:
    """Returns a text whose characters are the redder, on a terminal, the more bits they cost."""
    shown = []
    for piece, bits, _ in _pieces(surprise):
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
    values = ((piece, bits) for piece, bits, _ in _pieces(surprise))
    return _underline(values, lambda bits, width: str(min(round(bits), 9)).ljust(width)[:width])


def _pieces(surprise: "Surprise") -> Iterator[tuple[str, float, int]]:
    """Yields the pieces that show, with their bits and places; what completes nothing is added to the next one."""
    held = 0.0
    for place, (piece, bits) in enumerate(zip(surprise.pieces, surprise.bits.tolist(), strict=True)):
        held += bits
        if piece:
            yield piece, held, place
            held = 0.0


def write_surprise(surprise: "Surprise", tokenizer: "Tokenizer", path: str | os.PathLike[str], *, title: str) -> None:
    """Writes a text as a page of HTML that needs nothing else: the redder a character, the more bits it cost.

    Under the mouse a character tells its bits, and what was expected in its place.
    """
    spans = []
    for piece, bits, place in _pieces(surprise):
        others = ", ".join(
            f"{visible(tokenizer.decode([int(token)])) or '∎'} {probability:.0%}"
            for token, probability in zip(surprise.expected[place], surprise.probabilities[place], strict=True)
        )
        tip, color = html.escape(f"{bits:.1f} bits: {others}"), f"rgba(220,30,30,{min(bits / 12, 1):.2f})"
        spans.append(f'<span title="{tip}" style="background:{color}">{html.escape(escape_controls(piece))}</span>')
    page = _PAGE.format(title=html.escape(escape_controls(title)), spans="".join(spans))
    with replacing_file(Path(path)) as temporary:
        temporary.write_text(page, encoding="utf-8")


def visible(piece: str) -> str:
    """Returns a piece with its spaces, tabs and newlines to be seen."""
    piece = piece.replace(" ", "␣").replace("\t", "⇥").replace("\n", "↵")
    return "".join(char if char.isprintable() else "�" for char in piece)
