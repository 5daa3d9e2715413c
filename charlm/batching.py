"""Which pairs make up a batch: of like length, within a budget of ids, as a pure function of (seed, epoch)."""

import functools

import numpy as np
from numpy.typing import NDArray

from charlm.config import TrainingConfig
from charlm.pairs import PairSplit

WIDTH = 4  #: lengths are rounded up to multiples of this


class BatchPlan:
    """Batches pairs of like length.

    Pairs are sorted by the rounded lengths of target and source; where a batch ends depends on these alone, so that
    every epoch has as many. Which pairs of the same lengths meet, and the order of the batches, is drawn anew.

    Args:
        split: the pairs.
        tokens: rows times the longest source and target, at most, where a batch has more than `multiple` rows.
        multiple: a batch has a multiple of so many rows; empty ones fill it up.
    """

    def __init__(self, split: PairSplit, *, tokens: int, multiple: int = 1):
        sides = (split.source, split.target)
        self.widths = np.stack([-(-side.lengths // WIDTH) * WIDTH for side in sides], axis=1)  # (N, 2)
        self._multiple = multiple
        ordered = self.widths[np.lexsort((self.widths[:, 0], self.widths[:, 1]))]
        self._starts = _cut(ordered, tokens, multiple)
        self._order = functools.lru_cache(maxsize=2)(self._draw_order)

    def __len__(self) -> int:
        """How many batches an epoch has."""
        return len(self._starts)

    def rows(self, seed: int, epoch: int, number: int) -> NDArray[np.int64]:
        """Returns the pairs of a batch `(B,)`; -1 for an empty row."""
        order, turns = self._order(seed, epoch)
        start = self._starts[turns[number]]
        end = self._starts[turns[number] + 1] if turns[number] + 1 < len(self) else len(order)
        empty = -(end - start) % self._multiple
        return np.concatenate([order[start:end], np.full(empty, -1)])

    def _draw_order(self, seed: int, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        rng = np.random.default_rng((seed, epoch))
        order = np.lexsort((rng.random(len(self.widths)), self.widths[:, 0], self.widths[:, 1]))
        return order, rng.permutation(len(self))


def plan_batches(split: PairSplit, config: TrainingConfig) -> BatchPlan:
    """Returns the plan of a run: `batch_size` times `sequence_length` ids a batch, dealt evenly to the replicas."""
    return BatchPlan(split, tokens=config.batch_size * config.sequence_length, multiple=config.replicas or 1)


def _cut(widths: NDArray[np.int64], tokens: int, multiple: int) -> list[int]:
    """Returns where the batches of sorted pairs begin, whose sources and targets are so wide, `(N, 2)`."""
    starts, source, target = [0], 0, 0
    for place, (wide_source, wide_target) in enumerate(widths.tolist()):
        source, target = max(source, wide_source), max(target, wide_target)
        rows = place + 1 - starts[-1]
        if rows > multiple and -(-rows // multiple) * multiple * (source + target) > tokens:
            starts.append(place)
            source, target = wide_source, wide_target
    return starts
