"""Lines of eight artificial languages that have the same letters, equally often: only their order tells them apart.

A language is a Markov chain whose transition matrix is a mean of permutations (Birkhoff 1946), so that in every one
each letter is as frequent as any other. A linear classifier of letter counts can hardly do better than guess.
"""

import functools
import itertools
import random
from collections.abc import Iterator

from charlm.tasks.pairs import digest, generator, own_split, pick, shuffled

SUMMARY = "lines of eight artificial languages and their names, 20,000 of them to train on: --task classify"
TASK = "classify"

SIZES = {"train": 20_000, "validation": 1_000, "test": 1_000}
NAMES = ("alban", "boreal", "cadic", "dorian", "elish", "fenric", "galdic", "hesper")
LETTERS = "abcdefghijkl "

_PERMUTATIONS = 5  #: of the letters, in a language: so many may follow each
_LENGTHS = range(12, 37)
_DIVISOR = 20  #: one string of so many is for validation, and one for testing


def pairs(split: str) -> Iterator[tuple[str, str]]:
    """Yields lines and the names of their languages, of "train", "validation" or "test"; the same ones every time.

    Raises:
        CorpusError: there is no such split.
    """
    rng = generator("languages", split)
    drawn = ((_line(rng, name), name) for name in iter(lambda: pick(rng, NAMES), None))
    return itertools.islice((pair for pair in drawn if own_split(pair[0], _DIVISOR) == split), SIZES[split])


def _line(rng: random.Random, name: str) -> str:
    letter = int(rng.random() * len(LETTERS))
    letters = [letter]
    for _ in range(pick(rng, _LENGTHS) - 1):
        letter = pick(rng, _following(name))[letter]
        letters.append(letter)
    return "".join(LETTERS[letter] for letter in letters)


@functools.cache
def _following(name: str) -> tuple[list[int], ...]:
    """Returns the permutations of a language: in each, which letter follows which."""
    rng = random.Random(digest(f"languages/{name}"))
    return tuple(shuffled(rng, range(len(LETTERS))) for _ in range(_PERMUTATIONS))
