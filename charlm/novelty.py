"""Does a model write, or recite? What of its samples stands in the text that it was trained on.

The samples, which are small, are kept; the text, which may be large, is read once, in bounded memory. Strings are
compared by polynomial hashes of 64 bits, rolled forward one character at a time (Karp and Rabin 1987): those of two
different strings are equal with a chance of about one in 10¹⁹ a comparison.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from charlm.errors import ConfigError

LENGTHS = (10, 20, 50)  #: of copies, in characters, whose share is told

_SHORTEST = min(LENGTHS)
_CHUNK = 1 << 21  #: characters of the text at a time
_BASE = np.uint64(0x9E3779B97F4A7C15)
_TABLE_BITS = 22  #: of a first, coarse look-up

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


def find_copies(samples: Sequence[str], text: Iterable[str], *, progress: str | None = None) -> Novelty:
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
    ends = np.cumsum([len(sample) for sample in samples])
    joined = _code_points("".join(samples))
    room = np.repeat(ends, [len(sample) for sample in samples]) - np.arange(len(joined))  # to the sample's end
    longest = np.zeros(len(joined), np.int64)  # the copy that begins here
    with tqdm(desc=progress, unit="char", unit_scale=True, delay=1, disable=None if progress else True) as bar:
        for chunk in _overlapping(text, int(room.max())):
            _match(joined, room, chunk, longest)
            bar.update(len(chunk))
    return _summarize(samples, longest, ends)


def _match(joined: NDArray[np.uint64], room: NDArray[np.int64], chunk: NDArray[np.uint64], longest: NDArray) -> None:
    """Raises `longest` to what this part of the text has: from both sides, only what still agrees is compared on."""
    here, there = np.flatnonzero(room >= _SHORTEST), np.arange(max(len(chunk) - _SHORTEST + 1, 0))
    mine, its = _first_hashes(joined)[here], _first_hashes(chunk)
    coarse = np.zeros(1 << _TABLE_BITS, bool)
    coarse[mine >> np.uint64(64 - _TABLE_BITS)] = True
    kept = np.flatnonzero(coarse[its >> np.uint64(64 - _TABLE_BITS)])
    there, its = there[kept], its[kept]
    length = _SHORTEST
    while True:
        mine_kept, its_kept = np.isin(mine, its), np.isin(its, mine)
        here, mine, there, its = here[mine_kept], mine[mine_kept], there[its_kept], its[its_kept]
        if not len(here):
            return
        longest[here] = np.maximum(longest[here], length)
        mine_kept, its_kept = room[here] > length, there + length < len(chunk)
        here, mine, there, its = here[mine_kept], mine[mine_kept], there[its_kept], its[its_kept]
        mine, its = mine * _BASE + joined[here + length], its * _BASE + chunk[there + length]
        length += 1


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
