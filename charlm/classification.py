"""Texts to labels, and how often they are the right ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlm.progress import Progress, open_bar
from charlm.runtime.classifier import ClassificationEngine
from charlm.sampling import softmax
from charlm.tokenizer import Ids
from charlm.translation import IDS_AT_ONCE, batches, pad

ROWS = 128  #: texts at a time


def classify(engine: ClassificationEngine, texts: Sequence[Ids], *, progress: Progress = None) -> NDArray[np.float32]:
    """Returns how likely each label is for each text, `(N, labels)`.

    Args:
        engine: the model.
        texts: ids, `(T,)` each.
        progress: shows a progress bar under this name.
    """
    probabilities = np.zeros((len(texts), engine.labels), np.float32)
    with open_bar(progress, unit="text", total=len(texts)) as bar:
        for rows in batches([len(ids) for ids in texts], ROWS, ids=IDS_AT_ONCE):
            probabilities[rows] = softmax(engine.read(pad([texts[row] for row in rows])))
            bar.update(len(rows))
    return probabilities


def judge_labels(found: Sequence[str], wanted: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """Compares labels with those that were wanted.

    Args:
        found, wanted: labels, one a text.
        labels: all that there are.

    Returns:
        `texts`, `accuracy`, `macro_f1` (the mean over the labels that occur, of F1, the harmonic mean of precision and
        recall), `labels`, and `confusion`: for each label that was wanted, a row of how often each was found.

    >>> figures = judge_labels(["a", "b", "b"], ["a", "a", "b"], ["a", "b"])
    >>> figures["confusion"], round(figures["accuracy"], 3), round(figures["macro_f1"], 3)
    ([[1, 1], [0, 1]], 0.667, 0.667)
    """
    place = {label: index for index, label in enumerate(labels)}
    confusion = np.zeros((len(labels), len(labels)), int)
    for one, other in zip(wanted, found, strict=True):
        confusion[place[one], place[other]] += 1
    right, occurs = np.diag(confusion), confusion.sum(0) + confusion.sum(1)
    f1 = 2 * right[occurs > 0] / occurs[occurs > 0]
    return {
        "texts": len(found),
        "accuracy": float(right.sum() / max(len(found), 1)),
        "macro_f1": float(f1.mean()) if len(f1) else 0.0,
        "labels": list(labels),
        "confusion": confusion.tolist(),
    }
