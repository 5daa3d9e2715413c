"""Negative log-likelihoods: what a text costs under a model, in nats and bits.

This is the one definition of a loss, in training's validation and in `charlm score`. A row whose state starts
from zero reads `<bos>` first. The text's own characters are charged and nothing else: not `<eos>`, not `<bos>`.
A character outside the vocabulary costs `<unk>` plus 21 bits, enough to name any of Unicode's code points.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlm.progress import Progress, open_bar
from charlm.runtime.bidirectional import BidirectionalEngine
from charlm.runtime.cells import Array
from charlm.runtime.engine import Decoder, Engine, State
from charlm.threads import count_cores, map_on_cores
from charlm.tokenizer import BOS, EOS, PAD, UNK, Ids, Tokenizer

UNKNOWN_BITS = 21
WARM_UP = 1024  #: ids that a row reads, uncounted, before its own
ROW = 2048  #: ids a row counts, at least, where a text is cut into several
MAX_ROWS = 96  #: read in parallel: OpenBLAS multiplies 48 a core nearly as quickly as more
UNCHARGED = (PAD, BOS, EOS)

_EDGE = np.array([EOS, BOS], np.int32)  # between two documents

CHUNK = 128  #: ids of a row that are read at a time
_VALUES = 1 << 22  # at most, at a time
Chunks = Iterator[tuple[NDArray[np.int64], NDArray[np.float64], float]]  #: of `score_chunks`
Predictions = Iterator[tuple[NDArray[np.int64], NDArray[np.float32], float]]  #: of `predict`

_BLOCK = 16 * ROW  # ids whose outputs are kept, until the other direction has read them


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


def score(engine: Engine, tokenizer: Tokenizer, text: str, *, progress: Progress = None) -> Score:
    """Scores a text.

    Args:
        engine: the model.
        tokenizer: its tokenizer.
        text: any text; characters outside the vocabulary are charged, not refused.
        progress: shows a progress bar under this name.
    """
    return score_documents(engine, tokenizer, [text], progress=progress)["forward"]


def score_documents(
    engine: Engine | BidirectionalEngine, tokenizer: Tokenizer, texts: Iterable[str], *, progress: Progress = None
) -> dict[str, Score]:
    """Scores documents, one read after the other as in a corpus: `<eos><bos>` between them, uncharged.

    Args:
        engine: the model.
        tokenizer: its tokenizer.
        texts: the documents.
        progress: shows a progress bar under this name.

    Returns:
        What the `forward` model charges; of two directions what the `backward` one does too, and the head that sees
        both sides, `cloze`. That is no price of the text, as it tells each character from all others (Wang and Cho
        2019).
    """
    ids, characters, size = _encode(tokenizer, texts)
    if isinstance(engine, BidirectionalEngine):
        nats = {
            "forward": score_ids(engine.forward, ids, progress=progress),
            "backward": score_ids(engine.backward, ids[::-1], progress=progress),
            "cloze": _gather(charge_all(predict_cloze(engine, ids), ids), len(ids), progress),
        }
    else:
        nats = {"forward": score_ids(engine, ids, progress=progress)}
    return {name: Score(characters, size, float(charged.sum()) / math.log(2)) for name, charged in nats.items()}


def _encode(tokenizer: Tokenizer, texts: Iterable[str]) -> tuple[Ids, int, int]:
    """Returns the ids of documents, their characters and their bytes."""
    characters = size = 0
    parts: list[Ids] = []
    for text in texts:
        parts.append(tokenizer.encode(text, unknown="replace"))
        characters, size = characters + len(text), size + len(text.encode(errors="replace"))
    return join_documents(parts), characters, size


def join_documents(documents: Iterable[Ids]) -> Ids:
    """Returns the ids of documents, one after the other as in a corpus: `<eos><bos>` between them."""
    parts = [part for ids in documents for part in (ids, _EDGE)]
    return np.concatenate(parts[:-1]) if parts else np.zeros(0, np.int32)


def score_ids(engine: Engine, ids: NDArray[np.integer], *, progress: Progress = None) -> NDArray[np.float64]:
    """Returns the nats that each id is charged, `(N,)`; 0 for `<bos>`, `<eos>` and `<pad>`.

    A long text is cut into rows that run in parallel, each warmed on the `WARM_UP` ids before it, uncounted;
    a short one is a single row.

    Args:
        engine: the model.
        ids: `(N,)`, memory-mapped or not.
        progress: shows a progress bar under this name.
    """
    return _gather(score_chunks(engine, ids), len(ids), progress)


def _gather(chunks: Chunks, count: int, progress: Progress) -> NDArray[np.float64]:
    nats = np.zeros(count)
    with open_bar(progress, unit="char", total=count) as bar:
        for places, charged, _ in chunks:
            nats[places] = charged
            bar.update(len(places))
    return nats


def score_chunks(engine: Engine, ids: NDArray[np.integer]) -> Chunks:
    """Does the work of `score_ids`, some time steps of all rows at once.

    Yields:
        Places in `ids`, what is charged for each, and the share of all the time steps that are done.
    """
    return charge_all(predict(engine, ids), ids)


def charge_all(predictions: Predictions, ids: NDArray[np.integer]) -> Chunks:
    """Yields what is charged for each id, in the place of what was predicted for it."""
    for places, logits, share in predictions:
        yield places, charge(logits, ids[places]), share


def predict(engine: Engine, ids: NDArray[np.integer]) -> Predictions:
    """Predicts each id from those before it.

    Yields:
        Places in `ids`, logits of what stands there `(N, V)`, and the share of the work that is done.
    """
    return _walk(engine.unroll, engine, ids, range(len(ids)), width=engine.vocab_size)


def predict_backward(engine: BidirectionalEngine, ids: NDArray[np.integer]) -> Predictions:
    """Predicts each id from those after it, as `predict` does from those before it."""
    for places, logits, share in predict(engine.backward, ids[::-1]):
        yield len(ids) - 1 - places, logits, share


def predict_cloze(engine: BidirectionalEngine, ids: NDArray[np.integer]) -> Predictions:
    """Predicts each id from all around it, as `predict` does from those before it; a block of the text at a time."""
    last, width = len(ids) - 1, engine.forward.units
    for begin in range(0, len(ids), _BLOCK):
        block = range(begin, min(begin + _BLOCK, len(ids)))
        mirrored = range(last - block[-1], last - block[0] + 1)
        back = np.empty((len(block), width), np.float32)
        for places, hidden, _ in _walk(engine.backward.read, engine.backward, ids[::-1], mirrored, width=width):
            back[last - places - begin] = hidden
        widest = max(width, engine.forward.vocab_size)
        for places, ahead, share in _walk(engine.forward.read, engine.forward, ids, block, width=widest):
            yield places, engine.cloze(ahead, back[places - begin]), (begin + share * len(block)) / len(ids)


def _walk(
    read: Callable[[Ids, State], tuple[Array, State]],
    engine: Engine,
    ids: NDArray[np.integer],
    wanted: range,
    *,
    width: int,
) -> Predictions:
    """Reads a part of a text in rows that run in parallel, a core's share of them on each, warmed on the ids before.

    Args:
        read: `engine.unroll`, or another of its methods that reads ids `(B, T)` and gives `(B, T, width)`.
        engine: the model.
        ids: `(N,)`, the whole text.
        wanted: the places whose values are wanted.
        width: of a value, or of what is made of it where that is wider.

    Yields:
        Places in `ids`, what was read before each of them made `(N, width)`, and the share of the part that is done.
    """
    rows = min(max(len(wanted) // ROW, 1), MAX_ROWS)
    starts = wanted.start + np.array([len(wanted) * row // rows for row in range(rows + 1)])
    firsts = np.maximum(starts[:-1] - WARM_UP, 0)  # where each row begins to read
    length = int((starts[1:] - firsts).max())
    chunk = max(min(CHUNK, _VALUES // (rows * width)), 1)
    shares = np.array_split(np.arange(rows), min(count_cores(), rows))
    states = [engine.initial_state(len(share)) for share in shares]
    for begin in range(0, length, chunk):
        steps = np.arange(begin, min(begin + chunk, length))
        places = firsts[:, None] + steps  # (B, T)
        before = np.clip(places - 1, 0, len(ids) - 1)
        inputs = np.where(steps == 0, BOS, ids[before]).astype(np.int32)
        parts = [(inputs[share], state) for share, state in zip(shares, states, strict=True)]
        done = map_on_cores(lambda part: read(*part), parts)
        values, states = np.concatenate([values for values, _ in done]), [state for _, state in done]
        counted = (places >= starts[:-1, None]) & (places < starts[1:, None])
        yield places[counted], values[counted], (steps[-1] + 1) / length


def rows_at_once(length: int, vocab_size: int) -> int:
    """Returns how many rows of so many ids can be read at once, for their logits to stay within some megabytes."""
    return max(_VALUES // (length * vocab_size), 1)


def charge_next(
    engine: Decoder, logits: NDArray[np.float32], state: State, texts: Sequence[NDArray[np.integer]]
) -> NDArray[np.float64]:
    """Returns what the model charges for texts that come next, one a row, in nats `(B,)`.

    Args:
        engine: the model.
        logits: of each row's first id, `(B, V)`.
        state: in which the engine gave them.
        texts: `B` of them, of any lengths.
    """
    lengths = np.array([len(ids) for ids in texts])
    wanted = np.full((len(texts), lengths.max()), EOS, np.int32)
    counted = np.arange(wanted.shape[1]) < lengths[:, None]
    wanted[counted] = np.concatenate(texts)
    nats = np.zeros(len(texts))
    for begin in range(0, wanted.shape[1], CHUNK):
        part = slice(begin, begin + CHUNK)
        after, state = engine.unroll(wanted[:, part], state)
        predicted = np.concatenate([logits[:, None], after[:, :-1]], axis=1)  # (B, T, V)
        charged = cost(predicted.reshape(-1, engine.vocab_size), wanted[:, part].reshape(-1))
        nats += np.where(counted[:, part], charged.reshape(len(texts), -1), 0).sum(axis=1)
        logits = after[:, -1]
    return nats


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
