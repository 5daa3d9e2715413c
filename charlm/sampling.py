"""Logits to probabilities to ids: temperature, top-k, top-p, min-p and repetition penalty."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlm.options import option, validate
from charlm.tokenizer import BOS, Ids

NEVER_DRAWN = slice(BOS + 1)  #: <pad>, <unk> and <bos>

_GREEDY_BELOW = 1e-6  # where division would leave float32's range
_NO_CHANCE = np.array(-np.inf, np.float32)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Sampler:
    """Sampling.

    Turns logits into the probabilities to draw from. Pure: the same logits give the same probabilities.

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
        1.0,
        "above 1, what has been written already becomes less likely (Keskar et al. 2019)",
        minimum=0.01,
        maximum=100,
        metavar="R",
    )

    def __post_init__(self) -> None:
        validate(self)

    def __call__(self, logits: Floats, counts: NDArray[np.int64] | None = None) -> Floats:
        """Returns probabilities `(B, V)`, each row adding up to 1.

        Args:
            logits: `(B, V)`.
            counts: how often each id has been written, `(B, V)`; needed by the repetition penalty alone.
        """
        scaled = self._scale(logits, counts)
        if self._is_greedy:
            return (np.arange(scaled.shape[1]) == scaled.argmax(axis=1)[:, None]).astype(np.float32)
        weights = self._weigh(scaled)
        return weights / weights.sum(axis=1, keepdims=True)

    def draw(self, logits: Floats, u: NDArray[np.float64], counts: NDArray[np.int64] | None = None) -> Ids:
        """Draws an id a row, `(B,)`: `draw` of the probabilities, short of what drawing can do without.

        Args:
            logits, counts: as in a call.
            u: uniform numbers in [0, 1), `(B,)`.
        """
        scaled = self._scale(logits, counts)
        return scaled.argmax(axis=1).astype(np.int32) if self._is_greedy else draw(self._weigh(scaled), u)

    @property
    def _is_greedy(self) -> bool:
        return self.temperature < _GREEDY_BELOW

    def _scale(self, logits: Floats, counts: NDArray[np.int64] | None) -> Floats:
        """Returns new logits: what is never drawn has no chance, what was written before has less; by temperature."""
        if counts is not None and self.repetition_penalty != 1:
            penalized = np.where(logits > 0, logits / self.repetition_penalty, logits * self.repetition_penalty)
            logits = np.where(counts > 0, penalized, logits)
        scaled = np.divide(logits, 1 if self._is_greedy else self.temperature, dtype=np.float32)
        scaled[:, NEVER_DRAWN] = _NO_CHANCE
        return scaled

    def _weigh(self, logits: Floats) -> Floats:
        """Turns logits, in place, into what the probabilities are proportional to: 1 for the likeliest id."""
        logits -= logits.max(axis=1, keepdims=True)
        weights = np.exp(logits, out=logits)
        if self.top_k is not None and self.top_k < weights.shape[1]:
            weights = _keep(weights, np.arange(weights.shape[1]) < self.top_k)
        if self.top_p is not None:
            ranked = -np.sort(-weights, axis=1)
            before = ranked.cumsum(axis=1) - ranked
            least = np.maximum(self.top_p * weights.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
            weights = _keep(weights, before < least)
        if self.min_p is not None:
            weights = np.where(weights >= self.min_p, weights, 0)
        return weights


def _keep(weights: Floats, kept_ranks: NDArray[np.bool_]) -> Floats:
    """Zeroes all but the likeliest, by rank `(V,)` or `(B, V)`; of equally likely ids the lower ones stay."""
    order = np.argsort(-weights, axis=1, kind="stable")
    kept = np.empty(weights.shape, bool)
    np.put_along_axis(kept, order, np.broadcast_to(kept_ranks, weights.shape), axis=1)
    return np.where(kept, weights, 0)


def softmax(logits: Floats) -> Floats:
    """Returns probabilities over the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def log_softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns the logarithms of probabilities over the last axis."""
    values = logits.astype(np.float64)
    values -= values.max(axis=-1, keepdims=True)
    return values - np.log(np.exp(values).sum(axis=-1, keepdims=True))


def draw(probabilities: Floats, u: NDArray[np.float64]) -> Ids:
    """Draws an id a row by inverting the cumulative distribution; an id of probability 0 is never drawn.

    Args:
        probabilities: `(B, V)`, or numbers in proportion to them.
        u: uniform numbers in [0, 1), `(B,)`.

    Returns:
        int32 ids, `(B,)`.

    >>> draw(np.array([[0.0, 0.5, 0.5]]), np.array([0.5])).tolist()
    [2]
    """
    cumulative = np.add.accumulate(probabilities, axis=1, dtype=np.float64)
    return (cumulative > (u * cumulative[:, -1])[:, None]).argmax(axis=1).astype(np.int32)
