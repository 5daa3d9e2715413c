"""The bidirectional language model in NumPy: a model of each direction, and a head that joins them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlm.config import ModelConfig
from charlm.runtime import language_model
from charlm.runtime.cells import Array
from charlm.runtime.language_model import LanguageEngine, check_tensors
from charlm.runtime.stack import DIRECTIONS, Shapes


def expected_shapes(config: ModelConfig, vocab_size: int) -> Shapes:
    """Returns the name and shape of each tensor of a bidirectional language model."""
    one, units = language_model.expected_shapes(config, vocab_size), config.units
    both: Shapes = {f"{direction}.{name}": shape for direction in DIRECTIONS for name, shape in one.items()}
    return both | cloze_shapes(units, vocab_size)


def cloze_shapes(units: int, vocab_size: int) -> Shapes:
    """Returns the name and shape of each tensor of the head that looks at both sides."""
    return {
        "cloze.kernel": (2 * units, units),
        "cloze.bias": (units,),
        "cloze.output.kernel": (units, vocab_size),
        "cloze.output.bias": (vocab_size,),
    }


class BidirectionalEngine:
    """Two engines that never meet before the head: one has read what stands before a place, one what stands after it.

    Args:
        config: the network.
        vocab_size: `V`.
        tensors: the weights by name, as in a bundle.

    Raises:
        BundleError: a tensor is missing, left over, or has another shape or type than the config says.
    """

    def __init__(self, config: ModelConfig, vocab_size: int, tensors: Mapping[str, NDArray[Any]]):
        check_tensors(expected_shapes(config, vocab_size), tensors)
        self.vocab_size = vocab_size
        self.forward, self.backward = (
            LanguageEngine(
                config,
                vocab_size,
                {
                    name.removeprefix(f"{direction}."): tensor
                    for name, tensor in tensors.items()
                    if name.startswith(f"{direction}.")
                },
            )
            for direction in DIRECTIONS
        )
        self._head = [tensors[name] for name in cloze_shapes(config.units, vocab_size)]

    def cloze(self, ahead: Array, back: Array) -> Array:
        """Predicts ids from what both directions have read around them.

        Args:
            ahead: `(…, H)`, the forward engine's outputs before it reads the ids.
            back: `(…, H)`, the backward engine's.

        Returns:
            Logits `(…, V)`.
        """
        kernel, bias, output_kernel, output_bias = self._head
        joined = np.concatenate([ahead, back], axis=-1) @ kernel
        joined += bias
        logits: Array = np.tanh(joined, out=joined) @ output_kernel
        logits += output_bias
        return logits
