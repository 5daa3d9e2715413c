"""The classifier in NumPy: embedding, recurrent layers, pooling over time, labels."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlm.config import ModelConfig
from charlm.runtime.cells import Array
from charlm.runtime.language_model import check_tensors
from charlm.runtime.stack import BidirectionalStack, Shapes, Stack, bidirectional_shapes, stack_shapes
from charlm.tokenizer import BOS, PAD, SPECIALS, Ids


def expected_shapes(config: ModelConfig, vocab_size: int, source_vocab_size: int) -> Shapes:
    """Returns the name and shape of each tensor of a classifier."""
    width, units, labels = config.embedding_width, config.units, vocab_size - len(SPECIALS)
    shapes_of = bidirectional_shapes if config.both_ways else functools.partial(stack_shapes, mogrify=config.mogrify)
    layers = shapes_of("layers", config.cells, width, units)
    output: Shapes = {"output.kernel": (2 * units, labels), "output.bias": (labels,)}
    return {"embedding": (source_vocab_size, width), **layers, **output}


class ClassificationEngine:
    """Reads texts and tells how likely each label is.

    Args:
        config: the network.
        vocab_size: of the labels' tokenizer: their number, and the special ids.
        source_vocab_size: of the texts.
        tensors: the weights by name, as in a bundle.

    Raises:
        BundleError: a tensor is missing, left over, or has another shape or type than the config says.
    """

    def __init__(
        self, config: ModelConfig, vocab_size: int, source_vocab_size: int, tensors: Mapping[str, NDArray[Any]]
    ):
        check_tensors(expected_shapes(config, vocab_size, source_vocab_size), tensors)
        self.labels = vocab_size - len(SPECIALS)
        kind = BidirectionalStack if config.both_ways else Stack
        self._stack = kind("layers", config.cells, config.units, tensors["embedding"], tensors)
        self._kernel, self._bias = tensors["output.kernel"], tensors["output.bias"]

    def read(self, source: Ids) -> Array:
        """Reads texts `(B, S)`, each ended by `<eos>` and filled up with `<pad>`; returns logits `(B, labels)`.

        What the last layer gives is pooled over time: its mean, and its largest values.
        """
        ids = np.concatenate([np.full((len(source), 1), BOS, np.int32), source], axis=1)
        h, mask = self._stack.read(ids, ids != PAD)[0], (ids != PAD)[:, :, None]  # (B, S, H), (B, S, 1)
        mean = np.where(mask, h, 0).sum(1) / mask.sum(1)
        largest = np.where(mask, h, -np.inf).max(1)
        return (np.concatenate([mean, largest], axis=1) @ self._kernel + self._bias).astype(np.float32)
