"""Logits to probabilities to ids: temperature, top-k, top-p, min-p and repetition penalty."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlm.options import option, validate
from charlm.tokenizer import BOS, Ids

NEVER_DRAWN = slice(BOS + 1)  #: <pad>, <unk> and <bos>

_GREEDY_BELOW = 1e-6  # where division would leave float32's range

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Sampler:
    """Turns logits into the probabilities to draw from. Pure: the same logits give the same probabilities.

    The controls work in this order: repetition penalty, temperature, top-k, top-p, min-p. `<pad>`, `<unk>` and
    `<bos>` have probability 0.

    Raises:
        ConfigError: a control is out of range.

    >>> Sampler(top_k=1)(np.array([[0, 0, 0, 1, 3, 2]], np.float32)).tolist()
    [[0.0, 0.0, 0.0, 0.0, 1.0, 0.0]]
    """

    temperature: float = option(1.0, "below 1 plays safe, above 1 dares; 0 always takes the likeliest", minimum=0)
    top_k: int | None = option(None, "draw from the K likeliest alone (Fan et al. 2018)", minimum=1, metavar="K")
    top_p: float | None = option(
        None,
        "draw from the likeliest that together reach this probability (Holtzman et al. 2020)",
        above=0,
        maximum=1,
        metavar="P",
    )
    min_p: float | None = option(
        None,
        "leave out what is less likely than this share of the likeliest (Nguyen et al. 2024)",
        minimum=0,
        maximum=1,
        metavar="P",
    )
    repetition_penalty: float = option(
        1.0, "above 1, what has been written already becomes less likely (Keskar et al. 2019)", above=0, metavar="R"
    )

    def __post_init__(self) -> None:
        validate(self)

    def __call__(self, logits: Floats, counts: NDArray[np.int64] | None = None) -> Floats:
        """Returns probabilities `(B, V)`, each row adding up to 1.

        Args:
            logits: `(B, V)`.
            counts: how often each id has been written, `(B, V)`; needed by the repetition penalty alone.
        """
        logits = self._penalize(logits, counts)
        if self.temperature < _GREEDY_BELOW:
            return (np.arange(logits.shape[1]) == logits.argmax(axis=1)[:, None]).astype(np.float32)
        return self._probabilities(logits)

    def draw(self, logits: Floats, u: NDArray[np.float64], counts: NDArray[np.int64] | None = None) -> Ids:
        """Draws an id a row, `(B,)`: `draw` of the probabilities, which the likeliest ids alone do without.

        Args:
            logits, counts: as in a call.
            u: uniform numbers in [0, 1), `(B,)`.
        """
        logits = self._penalize(logits, counts)
        if self.temperature < _GREEDY_BELOW:
            return logits.argmax(axis=1).astype(np.int32)
        return draw(self._probabilities(logits), u)

    def _penalize(self, logits: Floats, counts: NDArray[np.int64] | None) -> Floats:
        """Returns a copy in which what is never drawn has no chance, and what was written before has less."""
        logits = logits.astype(np.float32)
        logits[:, NEVER_DRAWN] = -np.inf
        if counts is not None and self.repetition_penalty != 1:
            penalized = np.where(logits > 0, logits / self.repetition_penalty, logits * self.repetition_penalty)
            logits = np.where(counts > 0, penalized, logits)
        return logits

    def _probabilities(self, logits: Floats) -> Floats:
        logits /= np.array(self.temperature, np.float32)
        probabilities = softmax(logits)
        if self.top_k is not None and self.top_k < logits.shape[1]:
            probabilities = _keep(probabilities, np.arange(logits.shape[1]) < self.top_k)
        if self.top_p is not None:
            ranked = -np.sort(-probabilities, axis=1)
            probabilities = _keep(probabilities, ranked.cumsum(axis=1) - ranked < self.top_p)
        if self.min_p is not None:
            floor = self.min_p * probabilities.max(axis=1, keepdims=True)
            probabilities = np.where(probabilities >= floor, probabilities, 0)
            probabilities /= probabilities.sum(axis=1, keepdims=True)
        return probabilities


def _keep(probabilities: Floats, kept_ranks: NDArray[np.bool_]) -> Floats:
    """Zeroes all but the likeliest, by rank `(V,)` or `(B, V)`; of equally likely ids the lower ones stay."""
    order = np.argsort(-probabilities, axis=1, kind="stable")
    kept = np.empty(probabilities.shape, bool)
    np.put_along_axis(kept, order, np.broadcast_to(kept_ranks, probabilities.shape), axis=1)
    probabilities = np.where(kept, probabilities, 0)
    return probabilities / probabilities.sum(axis=1, keepdims=True)


def softmax(logits: Floats) -> Floats:
    """Returns probabilities over the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def draw(probabilities: Floats, u: NDArray[np.float64]) -> Ids:
    """Draws an id a row by inverting the cumulative distribution; an id of probability 0 is never drawn.

    Args:
        probabilities: `(B, V)`.
        u: uniform numbers in [0, 1), `(B,)`.

    Returns:
        int32 ids, `(B,)`.

    >>> draw(np.array([[0.0, 0.5, 0.5]]), np.array([0.5])).tolist()
    [2]
    """
    cumulative = np.add.accumulate(probabilities, axis=1, dtype=np.float64)
    return (cumulative > u[:, None] * cumulative[:, -1:]).argmax(axis=1).astype(np.int32)
