"""Numbers up to a million, from digits to English words and from English words to digits."""

from collections.abc import Iterator

from charlm.tasks.pairs import generator, pick, shuffled

SUMMARY = "numbers from 0 to 1,000,000: digits to British English words, and words to digits, mixed"

MILLION = 1_000_000

#: How many numbers of so many digits each split has; all below 100 and the million itself are for training.
COUNTS = {
    3: {"test": 50, "validation": 50, "train": 800},
    4: {"test": 150, "validation": 150, "train": 8_700},
    5: {"test": 150, "validation": 150, "train": 18_000},
    6: {"test": 150, "validation": 150, "train": 22_399},
}

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "- ten twenty thirty forty fifty sixty seventy eighty ninety".split()


def spell(number: int) -> str:
    """Returns a number from 0 to 1,000,000 in words, the British way.

    >>> spell(231_412)
    'two hundred and thirty-one thousand four hundred and twelve'
    >>> spell(1_005)
    'one thousand and five'
    """
    if number == MILLION:
        return "one million"
    thousands, rest = divmod(number, 1_000)
    if not thousands:
        return _spell_below_thousand(rest)
    link = " and " if rest < 100 else " "
    return f"{_spell_below_thousand(thousands)} thousand" + (link + _spell_below_thousand(rest) if rest else "")


def _spell_below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _spell_below_hundred(rest)
    return f"{_SMALL[hundreds]} hundred" + (f" and {_spell_below_hundred(rest)}" if rest else "")


def _spell_below_hundred(number: int) -> str:
    if number < 20:
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f"-{_SMALL[ones]}" if ones else "")


def pairs(split: str) -> Iterator[tuple[str, str]]:
    """Yields the pairs of "train", "validation" or "test"; the same ones every time. No source is in two splits.

    A number is in one split alone, there in both directions. Training has all numbers of up to four digits that are
    not held out.

    Raises:
        CorpusError: there is no such split.
    """
    rng = generator("numbers", split)
    numbers = _numbers(split)
    directions = [(str(number), spell(number)) for number in numbers]
    directions += [(words, digits) for digits, words in directions]
    return iter(shuffled(rng, directions))


def _distinct(digits: int, count: int) -> list[int]:
    rng, numbers = generator(f"numbers/{digits}", "train"), range(10 ** (digits - 1), 10**digits)
    if count > len(numbers) // 2:
        return shuffled(rng, numbers)[:count]
    drawn: dict[int, None] = {}
    while len(drawn) < count:
        drawn[pick(rng, numbers)] = None
    return list(drawn)


def _numbers(split: str) -> list[int]:
    numbers = [*range(100), MILLION] if split == "train" else []
    for digits, counts in COUNTS.items():
        order = _distinct(digits, sum(counts.values()))
        start = 0
        for name, count in counts.items():
            if name == split:
                numbers += order[start : start + count]
            start += count
    return numbers
