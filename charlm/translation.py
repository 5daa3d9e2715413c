"""Sources to targets: greedy, drawn, or by beam search."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlm.errors import BundleError
from charlm.generation import write
from charlm.runtime.engine import State
from charlm.runtime.translator import TranslationEngine
from charlm.sampling import NEVER_DRAWN, Sampler, log_softmax
from charlm.scoring import cost
from charlm.tokenizer import BOS, EOS, PAD, Ids

LENGTH_PENALTY = 0.6
IDS_AT_ONCE = 1 << 14  #: that a stack reads, as what a layer makes of them all is in memory
_DONE = 0.2  #: share of the rows that may be written on after their end; taking them out costs about a step

Floats = NDArray[np.float64]


def batches(
    lengths: Sequence[int] | NDArray[np.integer], rows: int, *, ids: int | None = None
) -> Iterator[NDArray[np.int64]]:
    """Yields the numbers of rows of like length: at most so many at a time, or so many ids, but one row at least.

    >>> [rows.tolist() for rows in batches([9, 1, 2, 2], 3, ids=5)]
    [[1, 2], [3], [0]]
    """
    order = np.argsort(lengths, kind="stable")
    ordered = np.asarray(lengths)[order]
    while len(order):
        padded = ordered[:rows] * np.arange(1, len(ordered[:rows]) + 1)  # of the first one, two, three … rows
        count = len(padded) if ids is None else max(int((padded <= ids).sum()), 1)
        yield order[:count]
        order, ordered = order[count:], ordered[count:]


def pad(rows: Sequence[Ids]) -> Ids:
    """Ends each row of ids with `<eos>` and fills it up with `<pad>`: `(B, S)`."""
    padded = np.full((len(rows), max(map(len, rows)) + 1), PAD, np.int32)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids) + 1] = [*ids, EOS]
    return padded


def price(engine: TranslationEngine, sources: Sequence[Ids], targets: Sequence[Ids]) -> list[Floats]:
    """Returns what the model charges for each id of a target, given its source, in nats; `<eos>` is the last one."""
    wanted = pad(targets)  # (B, T)
    begin = np.full((len(wanted), 1), BOS, np.int32)
    logits, _ = engine.unroll(np.concatenate([begin, wanted[:, :-1]], axis=1), engine.encode(pad(sources)))
    nats = cost(logits.reshape(-1, engine.vocab_size), wanted.reshape(-1)).reshape(wanted.shape)
    return [row[: len(target) + 1] for row, target in zip(nats, targets, strict=True)]


def translate(
    engine: TranslationEngine,
    state: State,
    *,
    sampler: Sampler,
    length: int,
    seed: int = 0,
    numbers: Sequence[int] | None = None,
) -> list[list[int]]:
    """Writes a translation a row, by the one decode loop.

    Args:
        engine: the model.
        state: what the engine made of the sources.
        sampler: makes probabilities of logits; temperature 0 always takes the likeliest id.
        length: ids of a translation, at most.
        seed: of the draws.
        numbers: of the rows, from which with the seed their draws follow.

    Returns:
        The ids of each translation, without `<eos>`.
    """
    rows = len(state[0])
    logits, state = engine.step(np.full(rows, BOS, np.int32), state)
    counts = np.zeros((rows, engine.vocab_size), np.int64)
    noise = sampler.noise(seed, range(rows) if numbers is None else numbers, engine.vocab_size)
    written = np.full((rows, length + 1), EOS, np.int32)
    loop = write(engine, logits, state, counts, noise, sampler=sampler, length=length)
    going, is_done = np.arange(rows), np.zeros(rows, bool)
    ids = next(loop)
    for t in range(length):
        written[going, t] = np.where(is_done, EOS, ids)
        is_done |= ids == EOS
        if is_done.all() or t + 1 == length:
            break
        goes_on = None
        if is_done.mean() > _DONE:
            goes_on = ~is_done
            going, is_done = going[goes_on], is_done[goes_on]
        ids = loop.send(goes_on)
    return [row[: (row == EOS).argmax()].tolist() for row in written]


@dataclass(frozen=True)
class Hypothesis:
    """A translation that a beam search found."""

    ids: list[int]  #: without `<eos>`
    nats: float  #: what the model charges for it, `<eos>` included
    score: float  #: the log-probability over length to the power of the length penalty; the highest is the best


def search(
    engine: TranslationEngine,
    sources: Sequence[Ids],
    *,
    beam: int,
    length: int,
    length_penalty: float = LENGTH_PENALTY,
) -> list[list[Hypothesis]]:
    """Finds likely translations by beam search (Sutskever et al. 2014; the length penalty is Wu et al. 2016's, less 5).

    The greedy translation always keeps a place in the beam, so that none of a worse score is given in its stead; a
    beam of 1 is that alone.

    Args:
        engine: the model.
        sources: ids, without `<eos>`.
        beam: how many translations are followed at once, `K`.
        length: ids of a translation, at most.
        length_penalty: 0 ranks by probability, which favours short ones; 1 by probability an id.

    Returns:
        For each source at most `K` translations, the best first.

    Raises:
        BundleError: the weights are so large that the logits are not finite.
    """
    rows = len(sources)
    state = tuple(np.repeat(part, beam, axis=0) for part in engine.encode(pad(sources)))
    ids = np.full((rows, beam, 1), BOS, np.int32)
    totals = np.full((rows, beam), -np.inf)
    totals[:, 0] = 0  # one beginning, not K equal ones
    follows_greedy = np.ones(rows, bool)  # the first of the beam
    found: list[list[Hypothesis]] = [[] for _ in sources]
    for t in range(length + 1):
        logits, state = engine.step(ids[:, :, -1].reshape(-1), state)
        grown = totals[:, :, None] + _log_probabilities(logits, last=t == length).reshape(rows, beam, -1)
        parents, tokens = _choose(grown, follows_greedy, 2 * beam)
        totals = np.take_along_axis(grown.reshape(rows, -1), parents * grown.shape[2] + tokens, axis=1)
        ends = (tokens == EOS) & np.isfinite(totals)
        for row, place in zip(*np.nonzero(ends[:, :beam]), strict=True):
            text, nats = ids[row, parents[row, place], 1:], -totals[row, place]
            found[row].append(Hypothesis(text.tolist(), nats, -nats / (len(text) + 1) ** length_penalty))
        follows_greedy &= ~ends[:, 0]
        is_done = np.array([len(ended) >= beam for ended in found]) & ~follows_greedy
        if is_done.all():
            break
        kept = np.argsort(tokens == EOS, axis=1, kind="stable")[:, :beam]  # those that go on, the likeliest first
        parents, tokens, totals = (np.take_along_axis(part, kept, axis=1) for part in (parents, tokens, totals))
        totals[(tokens == EOS) | is_done[:, None]] = -np.inf
        ids = np.concatenate([np.take_along_axis(ids, parents[:, :, None], axis=1), tokens[:, :, None]], axis=2)
        places = (np.arange(rows)[:, None] * beam + parents).reshape(-1)
        own, seen = state[: engine.num_states], state[engine.num_states :]
        state = (*(part[places] for part in own), *seen)  # beams of a source see the same memory
    if not all(found):
        raise BundleError("The model's weights give no numbers to choose by. Train again, with a lower learning_rate.")
    return [sorted(ended, key=lambda one: -one.score)[:beam] for ended in found]


def _log_probabilities(logits: NDArray[np.float32], *, last: bool) -> Floats:
    """Returns log-probabilities `(B, V)` of what may be written: at the last step nothing but `<eos>`."""
    values = log_softmax(logits)
    values[NEVER_DRAWN] = -np.inf
    if last:
        values[:, EOS + 1 :] = -np.inf
    return values


def _choose(grown: Floats, follows_greedy: NDArray[np.bool_], count: int) -> tuple[Ids, Ids]:
    """Returns the beams and next ids, `(B, count)` each, of the likeliest continuations `(B, K, V)`, greedy's first."""
    ranking = grown.reshape(len(grown), -1).copy()
    ranking[follows_greedy, grown[follows_greedy, 0].argmax(axis=1)] = np.inf
    count = min(count, ranking.shape[1])
    places = np.argpartition(-ranking, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(ranking, places, axis=1), axis=1, kind="stable")
    parents, tokens = np.divmod(np.take_along_axis(places, order, axis=1), grown.shape[2])
    return parents, tokens.astype(np.int32)
