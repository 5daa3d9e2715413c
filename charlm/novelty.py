"""Does a model write, or recite? What of its samples stands in the text that it was trained on.

The samples, which are small, are kept; the text, which may be large, is read once, in bounded memory. Strings are
found by polynomial hashes of 64 bits of their first ten characters (Karp and Rabin 1987), which are equal for two
different strings with a chance of about one in 10¹⁹; from there on characters are compared.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from charlm.errors import ConfigError
from charlm.progress import Progress, open_bar

LENGTHS = (10, 20, 50)  #: of copies, in characters, whose share is told

_SHORTEST = min(LENGTHS)
_CHUNK = 1 << 21  #: characters of the text at a time
_BASE = np.uint64(0x9E3779B97F4A7C15)
_TABLE_BITS = 26  #: of a first, coarse look-up
_MOST_GROUPS = 1 << 24  #: that a table is made for

Hashes = NDArray[np.uint64]


class Copy(NamedTuple):
    """The longest part of a sample that stands in the text."""

    sample: int
    start: int
    length: int
    text: str


class Novelty(NamedTuple):
    """What of some samples stands in a text."""

    longest: list[Copy]  #: of each sample; its length is 0 where nothing of ten characters is copied
    shares: dict[int, float]  #: of all characters, those within copies of at least so many characters
    by_sample: dict[int, NDArray[np.float64]]  #: the same, of each sample


def find_copies(samples: Sequence[str], text: Iterable[str], *, progress: Progress = None) -> Novelty:
    """Finds what of the samples stands in a text.

    Args:
        samples: texts, as a model wrote them.
        text: what it was trained on, in pieces; a copy may lie across their borders.
        progress: shows a progress bar under this name.

    Raises:
        ConfigError: there is nothing in the samples.
    """
    if not any(samples):
        raise ConfigError("There is nothing in the samples: draw longer ones.")
    ours = _Samples(samples)
    with open_bar(progress, unit="char") as bar:
        for chunk in _overlapping(text, max(map(len, samples))):
            ours.compare(chunk)
            bar.update(len(chunk))
    return _summarize(samples, ours.longest, ours.ends)


class _Samples:
    """All samples, one after the other, and the longest copy found so far that begins at each of their places."""

    def __init__(self, samples: Sequence[str]):
        lengths = [len(sample) for sample in samples]
        points = _code_points("".join(samples))
        self.ends = np.cumsum(lengths)
        self.longest = np.zeros(len(points), np.int64)
        self._room = np.repeat(self.ends, lengths) - np.arange(len(points))  # to the sample's end
        self._alphabet, self._letters = np.unique(points, return_inverse=True)
        # The letter of each code point: its place in the alphabet, and one number for what is not in it.
        self._letter_of = np.full(sys.maxunicode + 1, len(self._alphabet), np.int32)
        self._letter_of[self._alphabet] = np.arange(len(self._alphabet))
        self._places = np.flatnonzero(self._room >= _SHORTEST)
        self._firsts, self._groups = np.unique(_first_hashes(points)[self._places], return_inverse=True)
        self._coarse = np.zeros(1 << _TABLE_BITS, bool)
        self._coarse[self._firsts >> np.uint64(64 - _TABLE_BITS)] = True

    def compare(self, chunk: NDArray[np.uint64]) -> None:
        """Raises `longest` to what this part of the text has.

        Places with the same characters from there on are a group. A character further on, each group falls apart by
        that character, and on both sides only the groups that the other side has too are followed.
        """
        if not len(self._places):
            return
        hashes = _first_hashes(chunk)
        there = np.flatnonzero(self._coarse[hashes >> np.uint64(64 - _TABLE_BITS)])
        its = np.minimum(np.searchsorted(self._firsts, hashes[there]), len(self._firsts) - 1)
        same = self._firsts[its] == hashes[there]
        here, mine, there, its = self._places, self._groups, there[same], its[same]
        letters, text_letters = len(self._alphabet) + 1, self._letter_of[chunk]
        groups, length = len(self._firsts), _SHORTEST
        while True:
            ours, common = np.zeros(groups, bool), np.zeros(groups, bool)
            ours[mine] = True
            kept = ours[its]
            there, its = there[kept], its[kept]
            common[its] = True
            kept = common[mine]
            here, mine = here[kept], mine[kept]
            if not len(here):
                return
            self.longest[here] = np.maximum(self.longest[here], length)
            followed = np.flatnonzero(common)
            number = np.empty(groups, np.int64)
            number[followed] = np.arange(len(followed)) * letters
            goes_on, text_goes_on = self._room[here] > length, there + length < len(chunk)
            here, there = here[goes_on], there[text_goes_on]
            mine = number[mine[goes_on]] + self._letters[here + length]
            its = number[its[text_goes_on]] + text_letters[there + length]
            groups, length = len(followed) * letters, length + 1
            if groups > _MOST_GROUPS:  # of many letters few follow
                found, numbers = np.unique(np.concatenate([mine, its]), return_inverse=True)
                groups, mine, its = len(found), numbers[: len(mine)], numbers[len(mine) :]


def _first_hashes(points: NDArray[np.uint64]) -> Hashes:
    """Returns the hash of the `_SHORTEST` characters that begin at each place."""
    places = max(len(points) - _SHORTEST + 1, 0)
    hashes = np.zeros(places, np.uint64)
    for offset in range(_SHORTEST):
        hashes *= _BASE
        hashes += points[offset : offset + places]
    return hashes


def _code_points(text: str) -> NDArray[np.uint64]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)


def _overlapping(text: Iterable[str], overlap: int) -> Iterator[NDArray[np.uint64]]:
    """Yields large parts of a text as code points, each beginning with the end of the one before."""
    held, count, before = [], 0, ""
    for piece in text:
        held.append(piece)
        count += len(piece)
        if count >= _CHUNK:
            part = before + "".join(held)
            yield _code_points(part)
            held, count, before = [], 0, part[-overlap:]
    if held:
        yield _code_points(before + "".join(held))


def _summarize(samples: Sequence[str], longest: NDArray[np.int64], ends: NDArray[np.int64]) -> Novelty:
    starts = ends - [len(sample) for sample in samples]
    copies, by_sample = [], {length: np.zeros(len(samples)) for length in LENGTHS}
    copied = dict.fromkeys(LENGTHS, 0)
    for number, (sample, start, end) in enumerate(zip(samples, starts.tolist(), ends.tolist(), strict=True)):
        own = longest[start:end]
        at = int(own.argmax()) if len(own) else 0
        length = int(own[at]) if len(own) else 0
        copies.append(Copy(number, at, length, sample[at : at + length]))
        for least in LENGTHS:
            reach = np.where(own >= least, np.arange(len(own)) + own, 0)
            inside = int((np.maximum.accumulate(reach) > np.arange(len(own))).sum())
            copied[least] += inside
            by_sample[least][number] = inside / max(len(own), 1)
    return Novelty(copies, {least: count / int(ends[-1]) for least, count in copied.items()}, by_sample)
