"""Negative log-likelihoods: what a text costs under a model, in nats and bits.

This is the one definition of a loss, in training's validation and in `charlm score`. A row whose state starts
from zero reads `<bos>` first. The text's own characters are charged and nothing else: not `<eos>`, not `<bos>`.
A character outside the vocabulary costs `<unk>` plus 21 bits, enough to name any of Unicode's code points.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from charlm.runtime.engine import Engine
from charlm.tokenizer import BOS, EOS, PAD, UNK, Tokenizer

UNKNOWN_BITS = 21
WARM_UP = 1024  #: ids that a row reads, uncounted, before its own
ROW = 2048  #: ids a row counts, at least, where a text is cut into several
MAX_ROWS = 64
UNCHARGED = (PAD, BOS, EOS)

_CHUNK = 128
_LOGITS = 1 << 22  # at most, at a time


@dataclass(frozen=True)
class Score:
    """What a text costs.

    >>> Score(characters=4, bytes=5, bits=10.0).bits_per_character
    2.5
    """

    characters: int
    bytes: int  #: of the text in UTF-8
    bits: float

    @property
    def bits_per_character(self) -> float:
        """NaN for an empty text."""
        return self.bits / self.characters if self.characters else math.nan

    @property
    def bits_per_byte(self) -> float:
        """NaN for an empty text."""
        return self.bits / self.bytes if self.bytes else math.nan

    @property
    def nats_per_character(self) -> float:
        """NaN for an empty text."""
        return self.bits_per_character * math.log(2)


def score(engine: Engine, tokenizer: Tokenizer, text: str, *, progress: str | None = None) -> Score:
    """Scores a text.

    Args:
        engine: the model.
        tokenizer: its tokenizer.
        text: any text; characters outside the vocabulary are charged, not refused.
        progress: shows a progress bar under this name.
    """
    return score_documents(engine, tokenizer, [text], progress=progress)


def score_documents(
    engine: Engine, tokenizer: Tokenizer, texts: Iterable[str], *, progress: str | None = None
) -> Score:
    """Scores documents, one read after the other as in a corpus: `<eos><bos>` between them, uncharged.

    Args:
        engine: the model.
        tokenizer: its tokenizer.
        texts: the documents.
        progress: shows a progress bar under this name.
    """
    characters = size = 0
    parts: list[NDArray[np.int32]] = []
    for text in texts:
        parts += [tokenizer.encode(text, unknown="replace"), np.array([EOS, BOS], np.int32)]
        characters, size = characters + len(text), size + len(text.encode(errors="replace"))
    nats = score_ids(engine, np.concatenate(parts[:-1]) if parts else np.zeros(0, np.int32), progress=progress)
    return Score(characters, size, float(nats.sum()) / math.log(2))


def score_ids(engine: Engine, ids: NDArray[np.integer], *, progress: str | None = None) -> NDArray[np.float64]:
    """Returns the nats that each id is charged, `(N,)`; 0 for `<bos>`, `<eos>` and `<pad>`.

    A long text is cut into rows that run in parallel, each warmed on the `WARM_UP` ids before it, uncounted;
    a short one is a single row.

    Args:
        engine: the model.
        ids: `(N,)`, memory-mapped or not.
        progress: shows a progress bar under this name.
    """
    nats = np.zeros(len(ids))
    bar = tqdm(
        desc=progress,
        total=len(ids),
        unit="char",
        unit_scale=True,
        leave=False,
        delay=1,
        disable=None if progress else True,
    )
    with bar:
        for places, charged, _ in score_chunks(engine, ids):
            nats[places] = charged
            bar.update(len(places))
    return nats


def score_chunks(
    engine: Engine, ids: NDArray[np.integer]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64], float]]:
    """Does the work of `score_ids`, some time steps of all rows at once.

    Yields:
        Places in `ids`, what is charged for each, and the share of all the time steps that are done.
    """
    rows = min(max(len(ids) // ROW, 1), MAX_ROWS)
    starts = np.array([len(ids) * row // rows for row in range(rows + 1)])
    firsts = np.maximum(starts[:-1] - WARM_UP, 0)  # where each row begins to read
    length = int((starts[1:] - firsts).max())
    chunk = max(min(_CHUNK, _LOGITS // (rows * engine.vocab_size)), 1)
    state = engine.initial_state(rows)
    for begin in range(0, length, chunk):
        steps = np.arange(begin, min(begin + chunk, length))
        places = firsts[:, None] + steps  # (B, T)
        before = np.clip(places - 1, 0, len(ids) - 1)
        inputs = np.where(steps == 0, BOS, ids[before]).astype(np.int32)
        logits, state = engine.unroll(inputs, state)
        counted = (places >= starts[:-1, None]) & (places < starts[1:, None])
        chosen = places[counted]
        yield chosen, charge(logits[counted], ids[chosen]), (steps[-1] + 1) / length


def charge(logits: NDArray[np.float32], targets: NDArray[np.integer]) -> NDArray[np.float64]:
    """Returns the nats that each target is charged, `(N,)`, under logits `(N, V)`."""
    nats = cost(logits, targets)
    nats[np.isin(targets, UNCHARGED)] = 0
    return nats


def cost(logits: NDArray[np.float32], targets: NDArray[np.integer]) -> NDArray[np.float64]:
    """Returns the negative log-likelihood of each target, `(N,)`, under logits `(N, V)`, in nats.

    For a character outside the vocabulary that is `<unk>`'s, and 21 bits.
    """
    largest = logits.max(axis=1)
    normalizers = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1))
    nats = (normalizers - logits[np.arange(len(targets)), targets]).astype(np.float64)
    nats[targets == UNK] += UNKNOWN_BITS * math.log(2)
    return nats
