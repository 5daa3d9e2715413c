"""Vectors of texts and of characters, from a model that reads in both directions."""

from collections.abc import Iterator, Sequence

import numpy as np

from charlm.progress import Progress, open_bar
from charlm.runtime.bidirectional import BidirectionalEngine
from charlm.runtime.cells import Array
from charlm.runtime.language_model import LanguageEngine
from charlm.tokenizer import BOS, PAD, Ids
from charlm.translation import batches

ROWS = 64  #: texts at a time
_IDS = 1 << 20  #: of them all
_CHUNK = 128  #: ids of each that are read at once


def embed_ids(engine: BidirectionalEngine, ids: Ids) -> Array:
    """Returns a vector for each id of a text, `(T, 2H)` (Akbik et al. 2018).

    It is the forward model's output after it has read the id, then the backward model's, which has read the id last of
    all that stand after it: the whole text is in each.
    """
    ahead, back = (
        np.concatenate([outputs[0] for outputs in _outputs(model, [row])])
        for model, row in ((engine.forward, ids), (engine.backward, ids[::-1]))
    )
    return np.concatenate([ahead, back[::-1]], axis=1)


def embed(engine: BidirectionalEngine, texts: Sequence[Ids], *, progress: Progress = None) -> Array:
    """Returns a vector for each text, `(N, 2H)`: the mean of its ids' vectors; zeros for an empty one.

    Args:
        engine: the model.
        texts: ids of each.
        progress: shows a progress bar under this name.
    """
    width = engine.forward.units
    vectors = np.zeros((len(texts), 2 * width), np.float32)
    with open_bar(progress, unit="text", total=len(texts)) as bar:
        for rows in batches([len(ids) for ids in texts], ROWS, ids=_IDS):
            lengths = np.array([len(texts[row]) for row in rows])
            for half, (model, step) in enumerate(((engine.forward, 1), (engine.backward, -1))):
                total, begin = np.zeros((len(rows), width), np.float32), 0
                for outputs in _outputs(model, [texts[row][::step] for row in rows]):
                    places = begin + np.arange(outputs.shape[1])
                    total += np.where((places < lengths[:, None])[:, :, None], outputs, 0).sum(axis=1)
                    begin += outputs.shape[1]
                vectors[rows, half * width : (half + 1) * width] = total / np.maximum(lengths, 1)[:, None]
            bar.update(len(rows))
    return vectors


def _outputs(model: LanguageEngine, rows: Sequence[Ids]) -> Iterator[Array]:
    """Yields what a model gives after each id of rows that are filled up on the right, `(B, T, H)`, part by part."""
    width = max(map(len, rows))
    padded = np.stack([np.pad(row, (1, width - len(row)), constant_values=PAD) for row in rows]).astype(np.int32)
    padded[:, 0] = BOS
    _, state = model.read(padded[:, :1], model.initial_state(len(rows)))
    for begin in range(1, max(width, 1) + 1, _CHUNK):
        outputs, state = model.read(padded[:, begin : begin + _CHUNK], state)
        yield outputs
