"""Random strings of letters, and the same strings written backwards."""

import itertools
import random
import string
from collections.abc import Iterator

from charlm.tasks.pairs import distinct, generator, own_split, pick

SUMMARY = "strings of 1 to 40 letters and their reversal, 200,000 of them to train on"

MAX_LENGTH = 40
SIZES = {"train": 200_000, "validation": 1_000, "test": 1_000}

_DIVISOR = 20  #: one string of so many is for validation, and one for testing


def pairs(split: str) -> Iterator[tuple[str, str]]:
    """Yields the pairs of "train", "validation" or "test"; the same ones every time. No source is in two splits.

    All lengths are equally likely to be drawn. Training repeats short strings, as there are few of them; the other
    splits have each string once, and so fewer of the shortest.

    Raises:
        CorpusError: there is no such split.
    """
    strings = _strings(generator("reverse", split))
    own = (source for source in strings if own_split(source, _DIVISOR) == split)
    sources = itertools.islice(own if split == "train" else distinct(own, str), SIZES[split])
    return ((source, source[::-1]) for source in sources)


def _strings(rng: random.Random) -> Iterator[str]:
    letters, draw = string.ascii_lowercase, rng.random
    lengths = range(1, MAX_LENGTH + 1)
    while True:
        yield "".join([letters[int(draw() * 26)] for _ in range(pick(rng, lengths))])
