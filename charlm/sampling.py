"""Logits to probabilities to ids: temperature, top-k, top-p, min-p and repetition penalty."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlm.options import option, validate
from charlm.tokenizer import BOS

NEVER_DRAWN = np.s_[..., : BOS + 1]  #: where <pad>, <unk> and <bos> are in `(…, V)`

_GREEDY_BELOW = 1e-6  # where division would leave float32's range
_NOISE = 2048  # numbers that a row draws at once
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

    temperature: float = option(
        1.0, "below 1 plays safe, above 1 dares; 0 always takes the likeliest", minimum=0, maximum=1e6
    )
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
        weights = self._weigh(self._penalize(logits, counts))
        return weights / weights.sum(axis=1, keepdims=True)

    def draw(self, logits: Floats, noise: Floats, counts: NDArray[np.int64] | None = None) -> NDArray[np.intp]:
        """Draws an id a row, `(B,)`, by the probabilities of a call, which it need not work out.

        Where logits and Gumbel noise add up to most is a draw from their softmax (Gumbel 1954; Maddison et al. 2014).

        Args:
            logits, counts: as in a call.
            noise: the next of `noise`, `(B, V)`.
        """
        logits = self._penalize(logits, counts)
        if self.top_k or self.top_p or self.min_p:
            logits = np.where(self._weigh(logits) > 0, logits, _NO_CHANCE)
        return (logits + noise).argmax(axis=1)

    def noise(self, seed: int, rows: Iterable[int], vocab_size: int) -> Iterator[Floats]:
        """Yields what decides the draws, `(B, V)` a step: Gumbel noise, as loud as the temperature is high.

        A row's noise comes from a generator of its own, made from `(seed, row)`.
        """
        generators = [np.random.default_rng((seed, row)) for row in rows]
        steps = max(1, _NOISE // vocab_size)
        noise = np.zeros((steps, len(generators), vocab_size), np.float32)
        while True:
            if self.temperature > 0:
                blocks = [generator.standard_exponential((steps, vocab_size)) for generator in generators]
                noise = np.log(np.stack(blocks, axis=1, dtype=np.float32))
                noise *= -self.temperature
            noise[NEVER_DRAWN] = _NO_CHANCE
            yield from noise

    def _penalize(self, logits: Floats, counts: NDArray[np.int64] | None) -> Floats:
        """Returns the logits; what was written before has less."""
        if counts is None or self.repetition_penalty == 1:
            return logits
        penalized = np.where(logits > 0, logits / self.repetition_penalty, logits * self.repetition_penalty)
        return np.where(counts > 0, penalized, logits).astype(np.float32)

    def _weigh(self, logits: Floats) -> Floats:
        """Returns what the probabilities are proportional to: 1 for the likeliest id, 0 for what is left out."""
        is_greedy = self.temperature < _GREEDY_BELOW
        top_k = 1 if is_greedy else self.top_k
        scores = np.divide(logits, 1 if is_greedy else self.temperature, dtype=np.float32)
        scores[NEVER_DRAWN] = _NO_CHANCE
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        if top_k is not None and top_k < weights.shape[1]:
            weights = _keep(weights, scores, np.arange(weights.shape[1]) < top_k)
        if self.top_p is not None:
            ranked = -np.sort(-weights, axis=1)
            before = ranked.cumsum(axis=1) - ranked
            least = np.maximum(self.top_p * weights.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
            weights = _keep(weights, scores, before < least)
        if self.min_p is not None:
            weights = np.where(weights >= self.min_p, weights, 0)
        return weights


def _keep(weights: Floats, scores: Floats, kept_ranks: NDArray[np.bool_]) -> Floats:
    """Zeroes all but the likeliest, by rank `(V,)` or `(B, V)`; of equally likely ids the lower ones stay.

    The ranks are those of the scores: near ones may have the same weight.
    """
    order = np.argsort(-scores, axis=1, kind="stable")
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
