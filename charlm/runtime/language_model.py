"""The language model in NumPy: embedding, recurrent layers, vocabulary."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlm.config import ModelConfig
from charlm.errors import BundleError
from charlm.runtime.cells import BIAS_ROWS, CELL_CLASSES, Array, Cell, State
from charlm.tokenizer import Ids


def expected_shapes(config: ModelConfig, vocab_size: int) -> dict[str, tuple[int, ...]]:
    """Returns the name and shape of each tensor of a language model."""
    width, units = config.embedding_width, config.units
    shapes: dict[str, tuple[int, ...]] = {"embedding": (vocab_size, width)}
    for index, cell in enumerate(config.cells):
        columns = CELL_CLASSES[cell].gates * units
        shapes[f"layers.{index}.kernel"] = (width if index == 0 else units, columns)
        shapes[f"layers.{index}.recurrent_kernel"] = (units, columns)
        shapes[f"layers.{index}.bias"] = (*BIAS_ROWS[cell], columns)
    if not config.tie_weights:
        shapes["output.kernel"] = (units, vocab_size)
    shapes["output.bias"] = (vocab_size,)
    return shapes


class LanguageEngine:
    """Reads ids and predicts the next one; an `Engine`.

    The first layer's products with its inputs are taken once, for every id of the vocabulary, and looked up.

    Args:
        config: the network.
        vocab_size: `V`.
        tensors: the weights by name, as in a bundle.

    Raises:
        BundleError: a tensor is missing, left over, or has another shape or type than the config says.
    """

    def __init__(self, config: ModelConfig, vocab_size: int, tensors: Mapping[str, NDArray[Any]]):
        _check(expected_shapes(config, vocab_size), tensors)
        self.vocab_size, self.units = vocab_size, config.units
        self.layers: list[Cell] = [
            CELL_CLASSES[cell](*(tensors[f"layers.{index}.{part}"] for part in ("kernel", "recurrent_kernel", "bias")))
            for index, cell in enumerate(config.cells)
        ]
        self._table: Array = tensors["embedding"] @ self.layers[0].kernel + self.layers[0].input_bias  # (V, G)
        self._output_kernel: Array = tensors["embedding"].T if config.tie_weights else tensors["output.kernel"]
        self._output_bias: Array = tensors["output.bias"]

    def initial_state(self, batch_size: int) -> State:
        """Returns zeros: for each layer its state, `(B, H)` each."""
        return tuple(
            np.zeros((batch_size, self.units), np.float32) for layer in self.layers for _ in range(layer.num_states)
        )

    def step(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Reads one id a row, `(B,)`; returns logits `(B, V)` and the state after."""
        new: list[Array] = []
        x = self._table[ids]
        for layer in self.layers:
            if new:
                x = h @ layer.kernel + layer.input_bias  # noqa: F821 (set by the layer before)
            h, *rest = layer.step(x, state[len(new) : len(new) + layer.num_states])
            new += [h, *rest]
        return h @ self._output_kernel + self._output_bias, tuple(new)

    def unroll(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Reads ids `(B, T)`; returns logits `(B, T, V)` and the state after."""
        hidden, state = self.hidden_states(ids, state)
        logits = hidden[-1] @ self._output_kernel + self._output_bias
        return logits.transpose(1, 0, 2), state

    def hidden_states(self, ids: Ids, state: State) -> tuple[list[Array], State]:
        """Reads ids `(B, T)`; returns each layer's outputs, time first, `(T, B, H)`, and the state after."""
        new: list[Array] = []
        outputs: list[Array] = []
        x = self._table[ids.T]  # (T, B, G)
        for layer in self.layers:
            if outputs:
                x = outputs[-1] @ layer.kernel + layer.input_bias
            current = state[len(new) : len(new) + layer.num_states]
            h = np.empty((*x.shape[:2], self.units), np.float32)
            for t in range(len(x)):
                current = layer.step(x[t], current)
                h[t] = current[0]
            outputs.append(h)
            new += current
        return outputs, tuple(new)


def _check(expected: dict[str, tuple[int, ...]], tensors: Mapping[str, NDArray[Any]]) -> None:
    for name, shape in expected.items():
        if name not in tensors:
            raise BundleError(f"The tensor '{name}' is missing from the bundle. Copy the bundle anew, or train again.")
        found = tensors[name]
        if found.shape != shape or found.dtype != np.float32:
            raise BundleError(
                f"The tensor '{name}' must be float32 {shape}, as the config says. Received: {found.dtype} {found.shape}."
            )
    if extra := sorted(set(tensors) - set(expected)):
        raise BundleError(f"The bundle holds a tensor '{extra[0]}' that its config does not have. Train again.")
