"""What the tasks of pairs share: the names of the splits, and draws that are the same on every machine."""

import random
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from charlm.config import SPLITS
from charlm.errors import CorpusError

Item = TypeVar("Item")


def digest(text: str) -> int:
    """Returns a number between 0 and 2³² that depends on nothing but the text.

    >>> digest("charlm")
    3091527117
    """
    return zlib.crc32(text.encode())


def own_split(text: str, divisor: int) -> str:
    """Returns the one split that a text can be in: its digest decides. One of `divisor` is held out in each way.

    >>> own_split("abc", 20), own_split("abc", 2)
    ('train', 'validation')
    """
    return {0: "validation", 1: "test"}.get(digest(text) % divisor, "train")


def generator(task: str, split: str) -> random.Random:
    """Returns a split's own source of random numbers.

    Only its method `random` is used: Python promises its numbers to stay, but not those of `choice` or `shuffle`.

    Raises:
        CorpusError: there is no such split.
    """
    if split not in SPLITS:
        raise CorpusError(f"`split` must be one of {', '.join(SPLITS)}. Received: split={split!r}.")
    return random.Random(digest(f"{task}/{split}"))


def distinct(items: Iterable[Item], key: Callable[[Item], str]) -> Iterator[Item]:
    """Yields the items whose key has not been there before."""
    seen: set[str] = set()
    for item in items:
        if key(item) not in seen:
            seen.add(key(item))
            yield item


def pick(rng: random.Random, items: Sequence[Item]) -> Item:
    """Draws one of the items, each as likely as the others."""
    return items[int(rng.random() * len(items))]


def shuffled(rng: random.Random, items: Iterable[Item]) -> list[Item]:
    """Returns the items in a random order."""
    return [item for _, item in sorted(((rng.random(), item) for item in items), key=lambda pair: pair[0])]
