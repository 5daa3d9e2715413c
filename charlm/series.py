"""Series of numbers: from CSV files, split in time, and brought to mean 0 and deviation 1."""

import csv
import hashlib
import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlm.config import DataConfig, ReadingConfig
from charlm.datasets import find_sources, is_series, read_source
from charlm.errors import CorpusError
from charlm.tasks import series as tasks
from charlm.text import join_chunks
from charlm.tokenizer import Tokenizer

Values = NDArray[np.float64]

_LARGEST = 1e30  #: value, so that float32 holds it, and the mean of many
_LOST = 0.01  #: of a deviation, that rounding a mean to float32 may cost


@dataclass(frozen=True)
class Series:
    """Numbers over time: `values (N, C)`, a column for each name."""

    names: list[str]
    values: Values


@dataclass(frozen=True)
class SeriesStore:
    """A series by split, in the order of time, with what brings the training split to mean 0 and deviation 1."""

    tokenizer: Tokenizer  #: whose labels are the names of the columns
    splits: dict[str, Values]  #: as they are, `(N, C)`
    mean: Values  #: `(C,)`
    deviation: Values  #: `(C,)`
    sha256: str

    @property
    def training_ids(self) -> int:
        """How many steps there are to train on."""
        return len(self.splits["train"])

    def scaled(self, split: str) -> NDArray[np.float32]:
        """Returns a split with mean 0 and deviation 1 (of the training split)."""
        return ((self.splits[split] - self.mean) / self.deviation).astype(np.float32)


def read_series(name: str, config: ReadingConfig) -> Series:
    """Reads a series: a CSV file, whose first line may name the columns, or a generated one by name.

    Raises:
        CorpusError, TextError: it is not there, or holds something else than numbers; the message names the place.
    """
    if is_series(name):
        return Series([name], np.array(tasks.read(name)))
    (source, *others) = find_sources([name])
    if others:
        raise CorpusError(f"{name} is more than one file. Name one series.")
    lines = csv.reader(io.StringIO("".join(join_chunks(read_source(source, config))), newline=None))
    try:
        rows = [(lines.line_num, row) for row in lines]
    except csv.Error as error:
        raise CorpusError(f"{source}, line {lines.line_num}: {error}. Give a CSV file.") from None
    filled = [place for place, (_, row) in enumerate(rows) if row]
    if not filled:
        raise CorpusError(f"{source} is empty. Give a CSV file with a row for each step.")
    steps = rows[filled[0] : filled[-1] + 1]
    is_doubled = len(steps) == 2 * len(filled) - 1  # by ends of lines that were written twice
    rows = steps if len(rows[filled[0]][1]) == 1 and not is_doubled else [rows[place] for place in filled]
    first = rows[0][1]
    has_names = not any(map(_is_number, first))
    names = first if has_names else [f"column {number}" for number in range(1, len(first) + 1)]
    if len(set(names)) < len(names):
        raise CorpusError(f"{source}: two columns have the same name. Rename one.")
    values = [_numbers(source, line, row, names) for line, row in rows[has_names:]]
    return Series(names, np.array(values).reshape(-1, len(names)))


def _is_number(cell: str) -> bool:
    """Tells whether a cell is one; Python would read `2024_01` as one too."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _numbers(source: str, line: int, row: list[str], names: list[str]) -> list[float]:
    row = row or [""]  # of one column, a blank line is a value that is missing
    if len(row) != len(names):
        raise CorpusError(f"{source}, line {line}: {len(row)} values where {len(names)} belong. Correct the line.")
    for name, cell in zip(names, row, strict=True):
        if not cell.strip():
            raise CorpusError(f"{source}, line {line}: '{name}' is missing. Fill it in, or leave out the column.")
        if not _is_number(cell) or not math.isfinite(float(cell)):
            raise CorpusError(
                f"{source}, line {line}: '{name}' is no number: {cell!r}. Correct it, or leave out the column."
            )
        if abs(float(cell)) > _LARGEST:
            raise CorpusError(f"{source}, line {line}: '{name}' is too large: {cell}. Take other units.")
    return [float(cell) for cell in row]


def digest(series: Series) -> str:
    """Returns the sha256 of a series."""
    return hashlib.sha256("\t".join(series.names).encode() + series.values.tobytes()).hexdigest()


def prepare_series(series: Series, config: DataConfig, *, window: int) -> SeriesStore:
    """Splits a series in time.

    Args:
        series: the numbers.
        config: how to split.
        window: steps that a model reads and foretells, together.

    Returns:
        The store.

    Raises:
        CorpusError: a column never changes, or a split has not even one window.
    """
    places = config.split_places(len(series.values))
    splits = {name: series.values[start:end] for name, (start, end) in places.items()}
    for name, values in splits.items():
        if len(values) < window and (name != "test" or len(values)):
            raise CorpusError(
                f"The {name} split has {len(values):,} steps, too few for one window of {window}. Give a longer "
                "series, or lower --sequence-length or --horizon."
            )
    for name, column in zip(series.names, splits["train"].T, strict=True):
        if np.ptp(column) == 0:
            raise CorpusError(f"The column '{name}' never changes in training: there is nothing to learn.")
    tokenizer = Tokenizer.labels(series.names)
    mean, deviation = (  # as a bundle keeps them
        statistic(splits["train"], axis=0).astype(np.float32).astype(np.float64) for statistic in (np.mean, np.std)
    )
    off = np.abs(splits["train"].mean(axis=0) - mean)
    for name, is_lost in zip(series.names, (deviation == 0) | (off > _LOST * deviation), strict=True):
        if is_lost:
            raise CorpusError(
                f"The column '{name}' changes too little for numbers of its size. "
                "Subtract a constant, or take other units."
            )
    return SeriesStore(tokenizer, splits, mean, deviation, digest(series))


def check_columns(series: Series, columns: list[str]) -> None:
    """Refuses a series of other columns than those that a model was trained on; a single one may have any name.

    Raises:
        CorpusError: there are others, or in another order.
    """
    if len(series.names) != len(columns) or (len(columns) > 1 and series.names != columns):
        raise CorpusError(
            f"The model was trained on the columns {', '.join(columns)}. Received: {', '.join(series.names)}. "
            "Give these, in that order."
        )
