"""What a model finds surprising in a text, character by character and line by line."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlm.generation import cut
from charlm.runtime.bidirectional import BidirectionalEngine
from charlm.runtime.language_model import LanguageEngine
from charlm.sampling import softmax
from charlm.scoring import Predictions, charge, join_documents, predict, predict_backward, predict_cloze
from charlm.tokenizer import Ids, Tokenizer

READINGS = {
    "forward": "each character from those before it",
    "backward": "each character from those after it",
    "cloze": "each character from all the others",
}

_EDGE = ("\n", "")  # of documents: what `<eos>` and `<bos>` are shown as


@dataclass(frozen=True)
class Surprise:
    """What each piece of a text costs, and what was expected in its place.

    A piece is a character; of a `byte` or `bpe` model, what an id completes.
    """

    pieces: list[str]
    bits: NDArray[np.float64]  #: `(N,)`
    expected: Ids  #: the likeliest ids, `(N, K)`
    probabilities: NDArray[np.float32]  #: of those, `(N, K)`


@dataclass(frozen=True)
class Line:
    """A line of a text, and what it costs."""

    number: int  #: from 1
    text: str
    bits_per_character: float


def predictions_of(engine: LanguageEngine | BidirectionalEngine, ids: Ids, reading: str) -> Predictions:
    """Predicts each id of a text in one of the `READINGS`; an engine of one direction has the first alone."""
    if isinstance(engine, LanguageEngine):
        return predict(engine, ids)
    if reading == "forward":
        return predict(engine.forward, ids)
    return predict_backward(engine, ids) if reading == "backward" else predict_cloze(engine, ids)


def read(
    engine: LanguageEngine | BidirectionalEngine,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    *,
    reading: str = "forward",
    alternatives: int = 0,
) -> Surprise:
    """Reads documents as `score_documents` does, and keeps what each id costs.

    Between two documents there are two pieces that cost nothing, a newline and an empty one.

    Args:
        engine: the model.
        tokenizer: its tokenizer.
        texts: the documents.
        reading: one of `READINGS`.
        alternatives: how many of the likeliest ids are kept, `K`: all of them at most.
    """
    alternatives = min(alternatives, tokenizer.vocab_size)
    documents = [tokenizer.encode(text, unknown="replace") for text in texts]
    ids = join_documents(documents)
    bits = np.zeros(len(ids))
    expected = np.zeros((len(ids), alternatives), np.int32)
    probabilities = np.zeros(expected.shape, np.float32)
    for places, logits, _ in predictions_of(engine, ids, reading):
        bits[places] = charge(logits, ids[places]) / math.log(2)
        if alternatives:
            chosen = np.argsort(-logits, axis=1, kind="stable")[:, :alternatives]
            expected[places] = chosen
            probabilities[places] = np.take_along_axis(softmax(logits), chosen, axis=1)
    pieces = [
        piece
        for text, document in zip(texts, documents, strict=True)
        for piece in (*cut(tokenizer, text, document), *_EDGE)
    ]
    return Surprise(pieces[: len(ids)], bits, expected, probabilities)


def rank_lines(surprise: Surprise) -> list[Line]:
    """Returns the lines that hold something, the most surprising first; a line's end, CR or LF, is not counted."""
    texts: list[list[str]] = [[]]
    costs = [0.0]
    for piece, bits in zip(surprise.pieces, surprise.bits.tolist(), strict=True):
        first, *others = piece.split("\n")  # a piece of a `bpe` model may hold several ends, and what follows them
        texts[-1].append(first)
        texts += [[other] for other in others]
        costs += [0.0] * len(others)
        costs[-1] += 0 if piece.endswith(("\r", "\n")) else bits
    numbered = enumerate(zip(("".join(pieces).rstrip("\r") for pieces in texts), costs, strict=True), 1)
    lines = [Line(number, text, cost / len(text)) for number, (text, cost) in numbered if text.strip()]
    return sorted(lines, key=lambda line: -line.bits_per_character)
