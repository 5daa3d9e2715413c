"""Negative log-likelihoods: what a text costs under a model, in nats and bits.

This is the one definition of a loss, in training's validation and in `charlm score`. A row whose state starts
from zero reads `<bos>` first. The text's own characters are charged and nothing else: not `<eos>`, not `<bos>`.
A character outside the vocabulary costs `<unk>` plus 21 bits, enough to name any of Unicode's code points.
"""

import math
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
    nats = score_ids(engine, tokenizer.encode(text, unknown="replace"), progress=progress)
    return Score(len(text), len(text.encode(errors="replace")), float(nats.sum()) / math.log(2))


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
    rows = min(max(len(ids) // ROW, 1), MAX_ROWS)
    starts = np.array([len(ids) * row // rows for row in range(rows + 1)])
    firsts = np.maximum(starts[:-1] - WARM_UP, 0)  # where each row begins to read
    length = int((starts[1:] - firsts).max())
    state = engine.initial_state(rows)
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
        for begin in range(0, length, _CHUNK):
            steps = np.arange(begin, min(begin + _CHUNK, length))
            places = firsts[:, None] + steps  # (B, T)
            clipped = np.minimum(places, len(ids) - 1)
            inputs = np.where(steps == 0, BOS, ids[np.maximum(clipped - 1, 0)]).astype(np.int32)
            logits, state = engine.unroll(inputs, state)
            counted = (places >= starts[:-1, None]) & (places < starts[1:, None])
            nats[places[counted]] = charge(logits[counted], ids[places[counted]])
            bar.update(int(counted.sum()))
    return nats


def charge(logits: NDArray[np.float32], targets: NDArray[np.integer]) -> NDArray[np.float64]:
    """Returns the nats that each target is charged, `(N,)`, under logits `(N, V)`."""
    largest = logits.max(axis=1)
    normalizers = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1))
    nats = (normalizers - logits[np.arange(len(targets)), targets]).astype(np.float64)
    nats[targets == UNK] += UNKNOWN_BITS * math.log(2)
    nats[np.isin(targets, UNCHARGED)] = 0
    return nats
