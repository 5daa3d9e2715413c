"""Series of numbers that are generated: sums of sines with noise, and the logistic map."""

import math
from collections.abc import Callable

from charlm.errors import CorpusError
from charlm.tasks.pairs import generator

Rows = list[list[float]]

LENGTH = 6_000
SEASON = 24  #: of the strongest sine, in steps
NOISE = 0.15  #: standard deviation, of sines whose own is about 1
_SINES = ((1.0, float(SEASON)), (0.7, 37.3), (0.5, 11.7))  #: amplitudes and periods
_RATE = 3.9  #: of the logistic map, where it is chaotic


def sines() -> Rows:
    """Returns a sum of three sines, whose periods have no common multiple that is near, with normal noise."""
    draw = generator("sines", "train").random
    noise = [
        math.sqrt(-2 * math.log(1 - draw())) * math.cos(2 * math.pi * draw()) for _ in range(LENGTH)
    ]  # Box and Muller 1958
    return [
        [sum(size * math.sin(2 * math.pi * step / period) for size, period in _SINES) + NOISE * noise[step]]
        for step in range(LENGTH)
    ]


def logistic_map() -> Rows:
    """Returns x, then rate · x · (1 - x), and so on (May 1976): chaotic, but each step follows from the one before."""
    value = generator("logistic-map", "train").random()
    rows = []
    for _ in range(LENGTH):
        value = _RATE * value * (1 - value)
        rows.append([value])
    return rows


SERIES: dict[str, tuple[Callable[[], Rows], str]] = {
    "logistic-map": (logistic_map, "a chaotic series, each number from the one before: --task forecast"),
    "sines": (sines, f"a sum of three sines with noise, its season {SEASON} steps: --task forecast"),
}


def read(name: str) -> Rows:
    """Returns a series by name, a row a step.

    Raises:
        CorpusError: there is no such series.
    """
    if name not in SERIES:
        raise CorpusError(f"There is no series '{name}'. There are: {', '.join(SERIES)}.")
    return SERIES[name][0]()
